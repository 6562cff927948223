"""Remote read and remote write as bytes: protobuf by hand, XOR chunks bit by bit, nothing in common with the program."""

import struct

import cramjam
import requests

from .samples import Sample, label_key

SAMPLES, STREAMED = 0, 1
EQ, NEQ, RE, NRE = range(4)
OPERATIONS = {"=": EQ, "!=": NEQ, "=~": RE, "!~": NRE}

# --- Protobuf ----------------------------------------------------------------------------------------------------------


def varint(number):
    number &= 2**64 - 1
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def number_field(field, number):
    return b"" if number == 0 else varint(field << 3) + varint(number)


def bytes_field(field, content):
    content = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | 2) + varint(len(content)) + content


def double_field(field, value):
    bits = b"\x01\0\0\0\0\0\xf8\x7f" if value != value else struct.pack("<d", value)  # the NaN of Prometheus
    return varint(field << 3 | 1) + bits


def fields(message):
    """The fields of a message: `[(number, value)]`, a value being an int or bytes."""
    found, position = [], 0

    def read_varint():
        nonlocal position
        value = shift = 0
        while True:
            byte = message[position]
            position += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while position < len(message):
        key = read_varint()
        size = {1: 8, 5: 4}.get(key & 7)
        if key & 7 == 0:
            found.append((key >> 3, read_varint()))
            continue
        if key & 7 == 2:
            size = read_varint()
        assert size is not None and position + size <= len(message), f"wire type {key & 7}, {size} bytes"
        found.append((key >> 3, bytes(message[position : position + size])))
        position += size
    return found


def one(message, number, default=0):
    return next((value for field, value in message if field == number), default)


def signed(number):
    return number - 2**64 if number >= 2**63 else number


def labels_of(message):
    """The labels (field 1) of a TimeSeries or a ChunkedSeries, in the order in which they were sent."""
    return [
        (one(label, 1, b"").decode(), one(label, 2, b"").decode())
        for label in (fields(content) for number, content in message if number == 1)
    ]


# --- Remote read -------------------------------------------------------------------------------------------------------


def query(start, end, *matchers):
    """A Query; matchers are (name, operation, value), times in milliseconds."""
    parts = [number_field(1, start), number_field(2, end)]
    for name, operation, value in matchers:
        matcher = number_field(1, OPERATIONS[operation]) + bytes_field(2, name) + bytes_field(3, value)
        parts.append(bytes_field(3, matcher))
    return b"".join(parts)


def read_request(*queries, accept=()):
    body = b"".join(bytes_field(1, each) for each in queries)
    return body + (bytes_field(2, b"".join(map(varint, accept))) if accept else b"")


HEADERS = {
    "Content-Encoding": "snappy",
    "Accept-Encoding": "snappy",
    "Content-Type": "application/x-protobuf",
    "X-Prometheus-Remote-Read-Version": "0.1.0",
}


def post_read(url, message, expect=200, session=requests, **options):
    """Sends a ReadRequest to a Prometheus or a promring."""
    body = bytes(cramjam.snappy.compress_raw(message))
    answer = session.post(f"{url}/api/v1/read", data=body, headers=HEADERS, timeout=120, **options)
    assert answer.status_code == expect, f"{answer.status_code}: {answer.text[:1000]}"
    return answer


def unpacked(answer):
    assert answer.headers["Content-Type"] == "application/x-protobuf", answer.headers
    assert answer.headers["Content-Encoding"] == "snappy", answer.headers
    return bytes(cramjam.snappy.decompress_raw(answer.content))


def read_samples(url, *queries, accept=(SAMPLES,)):
    """The series of each query, as a response of type SAMPLES has them: `[[(labels, [(timestamp, bits)])]]`."""
    results = fields(unpacked(post_read(url, read_request(*queries, accept=accept))))
    return [[series_of(content) for _, content in fields(result)] for _, result in results]


def series_of(content):
    message = fields(content)
    points = [fields(sample) for number, sample in message if number == 2]
    return labels_of(message), [
        (signed(one(point, 2)), struct.unpack("<Q", one(point, 1, bytes(8)))[0]) for point in points
    ]


class Frame:
    """One frame of a streamed response."""

    def __init__(self, message):
        self.size = len(message)
        response = fields(message)
        self.query = one(response, 2)
        (series,) = [fields(content) for number, content in response if number == 1]
        self.labels = labels_of(series)
        self.chunks = [fields(content) for number, content in series if number == 2]

    def samples(self):
        found = []
        for chunk in self.chunks:
            assert one(chunk, 3) == 1, "a chunk that is not XOR"
            samples = xor_samples(one(chunk, 4, b""))
            assert signed(one(chunk, 1)) == samples[0][0] and signed(one(chunk, 2)) == samples[-1][0]
            found += samples
        return found


def frames_of(body):
    """The frames of a streamed body; each checksum is checked."""
    found, position = [], 0
    while position < len(body):
        length = shift = 0
        while True:
            byte = body[position]
            position += 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        (checksum,) = struct.unpack_from(">I", body, position)
        message = body[position + 4 : position + 4 + length]
        assert len(message) == length, f"a frame of {len(message)} bytes that says {length}"
        assert crc32c(message) == checksum, "a frame with a wrong checksum"
        found.append(Frame(message))
        position += 4 + length
    return found


def read_frames(url, *queries, accept=(STREAMED, SAMPLES)):
    answer = post_read(url, read_request(*queries, accept=accept))
    assert answer.headers["Content-Type"] == "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse"
    assert "Content-Encoding" not in answer.headers, answer.headers
    return frames_of(answer.content)


def joined(frames, queries):
    """What `read_samples` gives, from frames."""
    results = [[] for _ in range(queries)]
    for frame in frames:
        result = results[frame.query]
        if not result or result[-1][0] != frame.labels:
            result.append((frame.labels, []))
        result[-1][1].extend(frame.samples())
    return results


def as_samples(result):
    """The series of one query as the tests' samples."""
    return [
        Sample(label_key(dict(labels)), timestamp, struct.unpack("<d", struct.pack("<Q", bits))[0])
        for labels, points in result
        for timestamp, bits in points
    ]


_CRC_TABLE = []
for _byte in range(256):
    for _ in range(8):
        _byte = _byte >> 1 ^ (0x82F63B78 if _byte & 1 else 0)
    _CRC_TABLE.append(_byte)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _CRC_TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


# --- XOR chunks --------------------------------------------------------------------------------------------------------


def xor_samples(data):
    """The samples of a chunk (`tsdb/docs/format/chunks.md` of Prometheus): `[(timestamp, bits)]`."""
    stream = int.from_bytes(data, "big")
    left = len(data) * 8

    def read(count):
        nonlocal left
        left -= count
        assert left >= 0, "the chunk ends within a sample"
        return stream >> left & ((1 << count) - 1)

    def read_varint():
        value = shift = 0
        while True:
            byte = read(8)
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def read_change():
        for size in (0, 14, 17, 20):
            if read(1) == 0:
                raw = read(size)
                return raw - (1 << size) if size and raw > 1 << size - 1 else raw
        return signed(read(64))

    count = read(16)
    zigzag = read_varint()
    time = zigzag >> 1 ^ -(zigzag & 1)
    bits, delta, leading, size = read(64), 0, 0, 0
    samples = [(time, bits)]
    for index in range(1, count):
        delta = signed(read_varint()) if index == 1 else delta + read_change()
        time += delta
        if read(1):
            if read(1):
                leading, size = read(5), read(6) or 64
            bits ^= read(size) << 64 - leading - size
        samples.append((time, bits))
    assert left < 8 and read(left) == 0, f"{left} bits behind the last sample"
    return samples


# --- Remote write ------------------------------------------------------------------------------------------------------


def write_request(samples):
    """A WriteRequest 1.0 with the samples of each series in their order."""
    series = {}
    for labels, timestamp, value in samples:
        series.setdefault(labels, []).append((timestamp, value))
    parts = []
    for labels, points in series.items():
        own = b"".join(bytes_field(1, bytes_field(1, name) + bytes_field(2, value)) for name, value in labels)
        own += b"".join(bytes_field(2, double_field(1, value) + number_field(2, time)) for time, value in points)
        parts.append(bytes_field(1, own))
    return b"".join(parts)


def post_write(url, samples):
    headers = {
        "Content-Encoding": "snappy",
        "Content-Type": "application/x-protobuf",
        "X-Prometheus-Remote-Write-Version": "0.1.0",
    }
    body = bytes(cramjam.snappy.compress_raw(write_request(samples)))
    answer = requests.post(f"{url}/api/v1/write", data=body, headers=headers, timeout=60)
    assert answer.status_code in (200, 204), f"{answer.status_code}: {answer.text[:1000]}"
