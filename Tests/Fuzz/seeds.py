"""Writes inputs for the fuzzer to begin with, each to a file of its own: seeds.py TARGET FOLDER.

Of messages, every field is in one of them (prometheus/docs: docs/specs/prw/), zero values and unknown fields too.
"""

import gzip
import json
import pathlib
import re
import struct
import sys

TESTS = pathlib.Path(__file__).resolve().parent.parent


def scripts():
    """The test scripts of PromQL."""
    return [path.read_text() for path in sorted((TESTS / "PromQLTests" / "scripts").glob("*.test"))]


def queries():
    for script in scripts():
        yield from re.findall(r"^eval (?:instant at \S+|range from \S+ to \S+ step \S+) (.*)$", script, re.MULTILINE)


def selectors():
    found = {selector for script in scripts() for selector in re.findall(r"[a-zA-Z_:]*\{[^{}]*\}", script)}
    yield from sorted(found)
    yield from ['up', '{__name__=~".+"}', '{job!="a",le!~"a|b"}', '{"with.dot", "job"=""}', '{job=~"a|b|"}', "{le=~'x.*'}"]


def pages():
    """Every page that other implementations have read."""
    for page in json.loads((TESTS / "WireTests" / "pages" / "pages.json").read_text()):
        yield page["page"] if "page" in page else bytes.fromhex(page["hex"])


def varint(number):
    number &= 2**64 - 1
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def number(field, value):
    return varint(field << 3) + varint(value)


def double(field, value):
    return varint(field << 3 | 1) + struct.pack("<d", value)


def data(field, *parts):
    content = b"".join(part.encode() if isinstance(part, str) else part for part in parts)
    return varint(field << 3 | 2) + varint(len(content)) + content


def sample(field, value, timestamp):
    return data(field, double(1, value), number(2, timestamp))


UNKNOWN = data(99, "?") + number(98, 7) + varint(97 << 3 | 5) + b"four"
STALE = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]


def version1():
    def label(name, value):
        return data(1, data(1, name), data(2, value))

    up = label("__name__", "up") + label("job", "a")
    histogram = data(4, number(1, 3), double(3, 1.5), number(4, 2), data(12, b"\x01\x02"), number(15, 5))
    exemplar = data(3, label("trace", "1"), double(2, 1), number(3, 5))
    yield data(1, up, sample(2, 1, 1_700_000_000_000))
    yield data(1, up, sample(2, 1, 5), sample(2, STALE, 6), exemplar) * 2
    yield data(1, label("z", "1"), up, label("empty", ""), sample(2, -0.0, -5), UNKNOWN)
    yield data(1, up, histogram) + data(1, up, label("job", "b"), sample(2, 1, 5))
    yield data(1, up, sample(2, 1, 6), sample(2, 2, 5)) + data(1, label("", "x"), data(2))
    yield data(3, number(1, 1), data(2, "up"), data(4, "Help."), data(5, "s")) + UNKNOWN
    yield b""


def version2():
    symbols = b"".join(data(4, text) for text in ["", "__name__", "up", "job", "a", "Help.", "s", "\u00fc"])
    up = data(1, b"\x01\x02\x03\x04")
    histogram = data(3, number(1, 3), double(3, 1.5), number(15, 5), number(17, 4))
    exemplar = data(4, data(1, b"\x03\x07"), double(2, 1), number(3, 5))
    metadata = data(5, number(1, 2), number(3, 5), number(4, 6))
    yield symbols + data(5, up, sample(2, 1, 1_700_000_000_000))
    yield symbols + data(5, up, sample(2, 1, 5), sample(2, STALE, 6), exemplar, metadata) * 2
    yield symbols + data(5, number(1, 1), number(1, 2), number(1, 3), number(1, 7), data(2)) + UNKNOWN
    yield symbols + data(5, up, histogram, metadata) + data(5, up, histogram, sample(2, 1, 5))
    yield data(5, up, data(2, double(1, 1), number(2, 5), number(3, 4)), UNKNOWN) + symbols
    yield symbols + data(5, data(1, b"\x01\x02\x03"), data(2)) + data(5, data(1, b"\x01\x63"), data(2)) + data(5, up)
    yield symbols
    yield data(4, "first")


def read():
    def matcher(kind, name, value):
        return data(3, number(1, kind), data(2, name), data(3, value))

    query = data(1, number(1, 5), number(2, 1_700_000_000_000), matcher(0, "__name__", "up"))
    hints = data(4, number(1, 15000), data(2, "rate"), number(3, 5), number(4, 6), data(5, "job"), number(6, 1))
    yield query + data(2, bytes([1, 0]))
    yield data(1, number(1, -5), matcher(2, "job", "a|b.*"), matcher(3, "le", ""), matcher(1, "i", "1"), hints, UNKNOWN)
    yield query * 3 + number(2, 1) + number(2, 0)
    yield data(1, matcher(2, "job", "(")) + UNKNOWN
    yield b""


SAMPLE = '{"__name__":"up","job":"a","value":"1","timestamp":"1698732988354"}'


def delivered():
    other = SAMPLE.replace("up", "down")
    yield f"[{SAMPLE},{other},{SAMPLE}]\0[{other},{SAMPLE}]"
    yield "[{}]".format(",".join(SAMPLE.replace('"1"', f'"{n}"') for n in ["675.0", "1.0E16", "NaN", "-Infinity", "StaleNaN"]))
    yield '[{"value":675,"__name__":"a","timestamp":1698732988,"b":null,"c":true,"d":-7.5e3,"e":""}]'
    yield '[ { "timestamp" : "1698732988.354" ,\n "value" : "0.005" , "\\u005f_name__" : "x\\n\\"\\ud83d\\ude00" } ]'
    yield f'[{SAMPLE},7,"x",[{{"a":"]"}}],null,{{"a":{{"b":[]}},"value":1}},{{}},{SAMPLE}]'
    yield f'{SAMPLE}\0[]\0\0[{SAMPLE}\0[{SAMPLE},'
    yield '[{"__name__":"a","a":"1","a":"2","value":"x","timestamp":"y"},{"":"1","value":Inf,"timestamp":NaN}]'


def framing():
    text = f"[{SAMPLE}]".encode()
    # A block whose only element is a literal of more than 60 bytes.
    block = varint(len(text)) + bytes([60 << 2, len(text) - 1]) + text
    big = struct.Struct(">I").pack
    yield text
    yield block
    yield varint(70) + b"\x18" + b"abcdefg" + bytes([(63 - 1) << 2 | 2, 7, 0])
    yield bytes.fromhex("82534e415050590000000001") + big(1) + big(len(block)) + block
    yield bytes.fromhex("ff060000734e61507059") + b"\x03" + struct.pack("<I", len(text))[:3] + text + b"\xfe\x01\0\0\0"
    yield big(len(text)) + big(len(block)) + block
    yield bytes.fromhex("1f8b0800")


def numbers():
    yield bytes(range(64))
    yield bytes([3, 0, 7, 0, 100] * 20)
    yield b"\x07" + bytes(5) + b"\x01\x00" * 40
    yield bytes([2, 1, 2, 3, 4, 5, 0] + [0, 3, 0, 0, 4, 210] * 20)
    yield bytes([5, 0, 1, 3, 1, 0, 2, 9, 1, 1, 2, 0, 8, 2, 0, 0, 255, 0, 255, 1, 0, 255, 0, 1, 200, 0, 1, 200] * 3)


def request():
    yield "/api/v1/query?query=up%7Bjob%3D%22a%22%7D&time=1698732988.354&timeout=5s"
    yield "/api/v1/query_range?query=a\nquery=rate(a[5m])+%2B+1&start=2023-10-31T06:16:28.354Z&end=1698736588&step=15s"
    yield "/federate?match[]=up&match%5B%5D={__name__=~%22a.*%22}&limit=10"
    yield "http://host:9797/x?a&=b&c==&&%C3%A9=%00"
    yield "*\nstart=-292273086-05-16T16:47:06Z&end=1e300&step=1h30m&stats=true"


def compressed():
    text = f"[{SAMPLE}]".encode() * 4
    for level in (0, 1, 9):
        yield gzip.compress(text, level, mtime=0)
    yield gzip.compress(b"", mtime=0) + gzip.compress(bytes(3000), mtime=0)
    yield b"\x1f\x8b\x08\x1c" + bytes(6) + b"\x02\0xyname\0comment\0\x03\0" + bytes(8)
    yield text[:20]


TASK = {
    "name": "prod", "description": "to the lake", "started": False,
    "sources": [
        {"kind": "remote_write", "name": "a", "filter": "__name__=a|b\nid=i-2ze0mxp.*", "labels": ["k=v", "l=w"]},
        {"kind": "scrape", "name": "b", "urls": ["http://h:9100/metrics"], "interval": "30s", "timeout": "5s",
         "job": "node", "instance": "h", "honor_labels": True, "basic_auth": {"username": "u", "password": "p"},
         "tls": {"insecure_skip_verify": True}},
        {"kind": "scrape", "urls": ["https://h/metrics"], "job": "j", "authorization": {"credentials": "token"}}],
    "target": {"brokers": ["k:9092"], "topic": "t", "idempotence": "off",
               "properties": {"sasl.password": "secret", "linger.ms": 5}},
    "batch": {"samples": 100, "bytes": "64KiB", "linger": "10ms"}, "stale_markers": "StaleNaN"}


def task():
    yield json.dumps(TASK)
    yield '{"name":"t","sources":[{"kind":"remote_write"}],"target":{"topic":"s"}}'
    yield '{"name":"t","description":"\\u00e9\\ud83d\\ude00\\n","sources":[{"kind":"scrape","urls":["http://h/"],"job":"\\""}]' \
        ',"target":{"topic":"s","properties":{"sasl.jaas.config":"x"}}}'
    yield '{"filter":["a=b"],"labels":"k=v","stale_markers":"drop","match":["up"],"since":"5m","limit":10}'


def configuration():
    yield "delivery:\n  tasks:\n  - " + json.dumps(TASK) + "\n"
    yield """# promring.yaml
kafka:
  brokers: [a:9093, "SASL_SSL://b:9093"]
  topics:
  - metrics
  - ^m{1,2}
  mode: group
  properties:
    security.protocol: sasl_ssl
    sasl.password: {file: /run/secrets/kafka-password}
    ssl.key.password: "a\\tb"
  dead_letter_topic: dead
"""
    yield """buffer: {retention: 1h30m, slab_duration: 5m, max_bytes: 512MiB, max_series: 1000}
export:
  timestamps: no
  metrics:
    weird: counter
    odd: {type: gauge, help: "An odd thing: é \\x85"}
query:
web: {listen_address: "[::1]:9797", cors_origin: "https?://a.*"}
log: {level: debug, format: json}
"""
    yield """delivery:
  state: &here dir
  tasks:
  - name: t
    description: |
      two
      lines
    sources: [{kind: remote_write, filter: [a=b, "c=d|e"], labels: k=v}]
    target: {topic: *here}
"""


def webconfig():
    yield """tls_server_config:
  cert_file: tls/server.crt
  key_file: /run/server.key
  client_ca: |
    -----BEGIN CERTIFICATE-----
  client_auth_type: RequireAndVerifyClientCert
  client_allowed_sans: [grafana.example.org, "10.0.0.7"]
  min_version: TLS12
  max_version: TLS13
  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]
  prefer_server_cipher_suites: false
  curve_preferences: [X25519, CurveP256]
http_server_config: {http2: true, headers: {X-Frame-Options: deny, Strict-Transport-Security: max-age=1}}
"""
    yield "basic_auth_users:\n  alice: $2y$04$e7tuPaDXsNmgI6S53pcFhueZ/i0l2kIThNVTtxVW2VuPyIt3trpm.\n  '': x\n"
    yield "rate_limit: {interval: 1m1.5s, burst: 20}\n"
    yield "tls_server_config: {client_auth_type: RequireClientCert, cert: a, key: b, client_ca_file: missing}\n"


def tokens():
    yield "# tokens\r\n\n0123456789abcdef # grafana\n  abcdefghijklmnop+/==\r\n"
    yield "0123456789abcde\n"


def lines():
    yield "__name__=AliyunEcs_CPUUtilization|AliyunEcs_memory_usedutilization\nregionId=cn-hangzhou\nid=i-2ze0mxp.*"
    yield "deliver_test_key1=ssss\n job = x \nexported_value=1\n"
    yield "a=\nb=[^c]+(?i)d{1,3}\n\u00e9=\u00e9\u2028k=\\x22"
    yield "value=1\ntimestamp=2"


MADE = {
    "promql": queries, "query": queries, "selector": selectors, "page": pages, "write1": version1, "write2": version2,
    "read": read, "framing": framing, "delivered": delivered, "chunk": numbers, "buffer": numbers, "request": request,
    "gzip": compressed, "configuration": configuration, "task": task, "lines": lines,
    "webconfig": webconfig, "tokens": tokens,
}

for index, made in enumerate(MADE[sys.argv[1]]()):
    pathlib.Path(sys.argv[2], str(index)).write_bytes(made.encode() if isinstance(made, str) else made)
