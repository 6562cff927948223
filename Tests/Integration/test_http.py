"""The HTTP API as clients use it: shapes, parameters, errors."""

import gzip
import http.client
import json
import socket
import threading
import urllib.parse
import zlib

import pytest

from harness.gateway import samples_of_csv, samples_of_json, samples_of_ndjson
from harness.samples import assert_same, kubernetes_samples, now
from harness.waiting import eventually

EVERYTHING = '{__name__=~".+"}'


@pytest.fixture(scope="module")
def loaded(broker, binary, tmp_path_factory):
    """One gateway with known samples for all tests here: none of them changes it."""
    from conftest import Serve

    topic = broker.topic(partitions=4)
    made = list(kubernetes_samples(series=240, points=20, step=3000, end=now() - 1000))
    topic.produce(made)
    serve = Serve(tmp_path_factory.mktemp("loaded"))
    gateway = serve(topic, arguments=["--export-staleness", "1h"])
    gateway.wait_samples(len(made))
    yield gateway, made
    serve.close()


def of_name(made, name):
    return [each for each in made if each.name == name]


def seconds(milliseconds):
    return f"{milliseconds / 1000:.3f}"


# --- /api/v1/samples ----------------------------------------------------------------------------------------------------


def test_samples_as_json_is_the_matrix_shape(loaded):
    gateway, made = loaded
    answer = gateway.get("/api/v1/samples", {"match[]": "up"})
    assert answer.headers["Content-Type"].split(";")[0] == "application/json"
    assert_same(samples_of_json(answer.json()), of_name(made, "up"))
    for series in answer.json()["data"]["result"]:
        assert list(series) == ["metric", "values"]
        assert list(series["metric"]) == sorted(series["metric"])
        times = [at for at, _ in series["values"]]
        assert times == sorted(times)
        assert all(isinstance(value, str) for _, value in series["values"])


def test_samples_as_ndjson_and_csv(loaded):
    gateway, made = loaded
    expected = of_name(made, "up")
    answer = gateway.get("/api/v1/samples", {"match[]": "up", "format": "ndjson"})
    assert answer.headers["Content-Type"].split(";")[0] == "application/x-ndjson"
    assert_same(samples_of_ndjson(answer.iter_lines()), expected)
    answer = gateway.get("/api/v1/samples", {"match[]": "up", "format": "csv"})
    assert answer.headers["Content-Type"].split(";")[0] == "text/csv"
    assert_same(samples_of_csv(answer.text), expected)


def test_the_three_forms_agree_on_everything(loaded):
    gateway, made = loaded
    parameters = {"match[]": EVERYTHING}
    for form, read in [
        ("json", lambda answer: samples_of_json(answer.json())),
        ("ndjson", lambda answer: samples_of_ndjson(answer.iter_lines())),
        ("csv", lambda answer: samples_of_csv(answer.text)),
    ]:
        assert_same(read(gateway.get("/api/v1/samples", {**parameters, "format": form})), made)


def test_the_shorthand_label_is_value(loaded):
    gateway, made = loaded
    answer = gateway.get("/api/v1/samples?job=kubelet&__name__=up")
    expected = [each for each in of_name(made, "up") if ("job", "kubelet") in each.labels]
    assert expected
    assert_same(samples_of_json(answer.json()), expected)


def test_several_selectors_are_a_union(loaded):
    gateway, made = loaded
    answer = gateway.get("/api/v1/samples", [("match[]", "up"), ("match[]", 'up{job="kubelet"}'), ("match[]", "nothing")])
    assert_same(samples_of_json(answer.json()), of_name(made, "up"))


@pytest.mark.parametrize(
    "selector, keeps",
    [
        ('up{job!="kubelet"}', lambda labels: labels["job"] != "kubelet"),
        ('up{job=~"kube.*|node-exporter"}', lambda labels: labels["job"] != "apiserver"),
        ('up{namespace!~"[a-z-]+"}', lambda labels: not labels["namespace"].isascii()),
        ('up{namespace="支付"}', lambda labels: labels["namespace"] == "支付"),
        ('up{absent=""}', lambda labels: True),
        ('{__name__="up",job="apiserver"}', lambda labels: labels["job"] == "apiserver"),
        ('up{job="API"}', lambda labels: False),
    ],
)
def test_selectors_mean_what_they_mean_in_prometheus(loaded, selector, keeps):
    gateway, made = loaded
    assert_same(gateway.samples(selector), [each for each in of_name(made, "up") if keeps(dict(each.labels))])


def test_start_and_end_are_both_included(loaded):
    gateway, made = loaded
    times = sorted({each.timestamp for each in made})
    start, end = times[3], times[11]
    expected = [each for each in of_name(made, "up") if start <= each.timestamp <= end]
    assert_same(gateway.samples("up", start=seconds(start), end=seconds(end)), expected)
    assert_same(gateway.samples("up", start=seconds(end + 1)), [s for s in of_name(made, "up") if s.timestamp > end])


def test_since_goes_back_from_now(loaded):
    gateway, made = loaded
    assert_same(gateway.samples("up", since="1h"), of_name(made, "up"))
    assert gateway.samples("up", since="1ms") == []


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_order_and_limit(loaded, order):
    gateway, made = loaded
    selector = made[0].labels
    text = "{" + ",".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in selector) + "}"
    series = sorted([each for each in made if each.labels == selector], key=lambda each: each.timestamp)
    found = gateway.samples(text, limit=5, order=order)
    expected = series[:5] if order == "oldest" else series[::-1][:5]
    assert [each.timestamp for each in found] == [each.timestamp for each in expected]


def test_limit_bounds_the_samples_of_the_whole_answer(loaded):
    gateway, made = loaded
    assert len(gateway.samples("up", limit=33)) == 33


# --- Prometheus' own paths ----------------------------------------------------------------------------------------------


def test_series(loaded):
    gateway, made = loaded
    found = gateway.api("series", {"match[]": "up"})
    assert sorted(map(json.dumps, found)) == sorted({json.dumps(dict(each.labels)) for each in of_name(made, "up")})
    assert gateway.api("series", {"match[]": "nothing"}) == []
    assert gateway.get("/api/v1/series", expect=400).json()["errorType"] == "bad_data"
    posted = gateway.session.post(f"{gateway.url}/api/v1/series", data={"match[]": "up"}, timeout=10).json()
    assert len(posted["data"]) == len(found)


def test_labels(loaded):
    gateway, made = loaded
    assert gateway.api("labels") == sorted({name for each in made for name, _ in each.labels})
    assert gateway.api("labels", {"match[]": "up"}) == ["__name__", "instance", "job", "namespace", "pod"]


def test_label_values(loaded):
    gateway, made = loaded

    def values(name):
        return sorted({value for each in made for own, value in each.labels if own == name}, key=str.encode)

    for name in ("__name__", "namespace", "le", "instance"):
        assert gateway.api(f"label/{name}/values") == values(name)
    assert gateway.api("label/absent/values") == []
    assert gateway.api("label/job/values", {"match[]": 'up{job="kubelet"}'}) == ["kubelet"]


def test_limits_come_with_a_warning(loaded):
    gateway, _ = loaded
    for path in ("labels", "label/__name__/values", "series?match[]=up"):
        answer = gateway.get(f"/api/v1/{path}{'&' if '?' in path else '?'}limit=2").json()
        assert len(answer["data"]) == 2
        assert answer["warnings"] == ["results truncated due to limit"]


def test_metadata(loaded):
    gateway, _ = loaded
    metadata = gateway.api("metadata")
    for entries in metadata.values():
        for entry in entries:
            assert set(entry) == {"type", "help", "unit"}
    assert metadata["container_cpu_usage_seconds_total"][0]["type"] == "counter"
    assert metadata["apiserver_request_duration_seconds"][0]["type"] == "histogram"
    assert gateway.api("metadata", {"metric": "nothing"}) == {}
    assert list(gateway.api("metadata", {"metric": "container_cpu_usage_seconds_total"})) == [
        "container_cpu_usage_seconds_total"
    ]


def test_status_buildinfo_runtimeinfo_flags_config(loaded):
    gateway, _ = loaded
    build = gateway.api("status/buildinfo")
    assert {"version", "revision", "branch", "buildUser", "buildDate", "goVersion"} <= set(build)
    assert all(isinstance(value, str) for value in build.values())
    runtime = gateway.api("status/runtimeinfo")
    assert {"startTime", "CWD", "storageRetention", "reloadConfigSuccess", "lastConfigTime"} <= set(runtime)
    flags = gateway.api("status/flags")
    assert all(isinstance(value, str) for value in flags.values())
    assert flags["export-staleness"] == "1h"
    assert "export" in gateway.api("status/config")["yaml"]


def test_status_tsdb(loaded):
    gateway, made = loaded
    status = gateway.api("status/tsdb")
    head = status["headStats"]
    assert head["numSeries"] == 240
    assert head["minTime"] == min(each.timestamp for each in made)
    assert head["maxTime"] == max(each.timestamp for each in made)
    for list_name in ("seriesCountByMetricName", "labelValueCountByLabelName", "memoryInBytesByLabelName",
                      "seriesCountByLabelValuePair"):
        entries = status[list_name]
        assert 0 < len(entries) <= 10
        assert all(set(entry) == {"name", "value"} for entry in entries)
        assert [entry["value"] for entry in entries] == sorted([entry["value"] for entry in entries], reverse=True)
    assert status["seriesCountByMetricName"][0]["name"] == "apiserver_request_duration_seconds_bucket"


# --- HTTP itself --------------------------------------------------------------------------------------------------------

PATHS = ["/metrics", "/api/v1/labels", "/api/v1/status/buildinfo", "/-/healthy", "/-/ready", "/healthz", "/livez",
         "/readyz", "/openapi.yaml", "/federate?match[]=up", "/api/v1/samples?match[]=up"]


@pytest.mark.parametrize("path", PATHS)
def test_head_is_get_without_the_body(loaded, path):
    gateway, _ = loaded
    got = gateway.get(path)
    head = gateway.session.head(gateway.url + path, timeout=10)
    assert head.status_code == got.status_code
    assert head.headers["Content-Type"] == got.headers["Content-Type"]
    assert head.content == b""


@pytest.mark.parametrize("path", PATHS)
def test_probes_and_pages_tell_what_they_are(loaded, path):
    gateway, _ = loaded
    assert gateway.get(path).headers["Content-Type"]


@pytest.mark.parametrize("path", ["/openapi.yaml", "/api/v1/series", "/api/v1/samples", "/federate"])
def test_compression_when_asked_and_only_then(loaded, path):
    gateway, _ = loaded

    def ask(accept):
        answer = gateway.get(path, {"match[]": EVERYTHING}, headers={"Accept-Encoding": accept}, stream=True)
        sent = answer.raw.read(decode_content=False)
        assert "Accept-Encoding" in answer.headers["Vary"]
        return answer.headers.get("Content-Encoding"), sent

    coding, plain = ask("identity")
    assert coding is None and len(plain) > 2000
    for accept in ("gzip", "br, gzip", "gzip, deflate"):
        coding, packed = ask(accept)
        assert coding == "gzip"
        assert gzip.decompress(packed) == plain and len(packed) < len(plain) / 2
    # Prometheus takes deflate, which means zlib's wrapper, where it stands first.
    coding, packed = ask("deflate, gzip")
    assert coding == "deflate" and zlib.decompress(packed) == plain
    for accept in ("gzip;q=0", "br"):
        assert ask(accept) == (None, plain)


def test_keep_alive(loaded):
    gateway, _ = loaded
    host, port = gateway.address.split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    connection.connect()
    local = connection.sock.getsockname()
    for path in ["/-/healthy", "/api/v1/labels", "/nothing", "/api/v1/samples?match[]=up", "/metrics"]:
        connection.request("GET", path)
        connection.getresponse().read()
        assert connection.sock is not None and connection.sock.getsockname() == local, f"closed after {path}"
    connection.close()


ERRORS = [
    ("GET", "/api/v1/label//values", 400, "bad_data"),
    ("GET", "/api/v1/samples", 400, "bad_data"),
    ("GET", "/api/v1/samples?match[]={", 400, "bad_data"),
    ("GET", "/api/v1/samples?match[]=up{a=~'('}", 400, "bad_data"),
    ("GET", "/api/v1/samples?match[]={a=''}", 400, "bad_data"),
    ("GET", "/api/v1/samples?match[]=up&limit=-1", 400, "bad_data"),
    ("GET", "/api/v1/samples?match[]=up&limit=x", 400, "bad_data"),
    ("GET", "/api/v1/samples?match[]=up&since=yesterday", 400, "bad_data"),
    ("GET", "/api/v1/samples?match[]=up&start=noon", 400, "bad_data"),
    ("GET", "/api/v1/samples?match[]=up&start=2&end=1", 400, "bad_data"),
    ("GET", "/api/v1/samples?match[]=up&format=xml", 400, "bad_data"),
    ("GET", "/api/v1/samples?match[]=up&order=sideways", 400, "bad_data"),
    ("GET", "/api/v1/series", 400, "bad_data"),
    ("GET", "/api/v1/series?match[]=up&limit=-1", 400, "bad_data"),
    ("GET", "/api/v1/labels?start=noon", 400, "bad_data"),
    ("GET", "/metrics?match[]={", 400, "bad_data"),
]


@pytest.mark.parametrize("method, path, status, kind", ERRORS, ids=[f"{m} {p}" for m, p, _, _ in ERRORS])
def test_errors_are_json_and_say_what_is_wrong(loaded, method, path, status, kind):
    gateway, _ = loaded
    answer = gateway.session.request(method, gateway.url + path, timeout=10)
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"].split(";")[0] == "application/json"
    body = answer.json()
    assert body["status"] == "error"
    assert body["error"] and "\n" not in body["error"]
    assert body["errorType"] == kind


@pytest.mark.parametrize(
    "method, path, status",
    [("GET", "/nothing", 404), ("GET", "/api/v1/nothing", 404), ("DELETE", "/api/v1/labels", 405),
     ("POST", "/metrics", 405), ("PUT", "/-/healthy", 405)],
)  # fmt: skip
def test_unknown_paths_and_methods_are_told_in_plain_text(loaded, method, path, status):
    gateway, _ = loaded
    answer = gateway.session.request(method, gateway.url + path, timeout=10)
    assert answer.status_code == status
    assert answer.headers["Content-Type"].split(";")[0] == "text/plain"
    assert answer.text.strip()
    if status == 405:
        assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize("name, value", [("limit", "x"), ("since", "yesterday"), ("start", "noon"), ("format", "xml")])
def test_an_error_names_the_parameter(loaded, name, value):
    gateway, _ = loaded
    answer = gateway.get("/api/v1/samples", {"match[]": "up", name: value}, expect=400)
    assert name in answer.json()["error"]


def test_too_large_a_body_is_refused(broker, serve):
    gateway = serve(broker.topic(), arguments=["--web-max-body-bytes", "1KiB"])
    answer = gateway.session.post(f"{gateway.url}/api/v1/series", data={"match[]": "x" * 2000}, timeout=10)
    assert answer.status_code == 413, answer.text
    assert answer.json()["status"] == "error"
    # Without a length in advance, too.
    chunks = (b"match[]=" + b"x" * 500 for _ in range(10))
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    try:
        answer = gateway.session.post(f"{gateway.url}/api/v1/series", data=chunks, headers=headers, timeout=10)
        assert answer.status_code == 413, answer.text
    except OSError:
        pass  # the server may hang up on a client that goes on sending
    gateway.get("/-/healthy")


def test_probes_answer_while_large_pages_are_read_slowly(loaded):
    """Readers that take nothing hold their connections; nobody else may notice."""
    gateway, _ = loaded
    host, port = gateway.address.split(":")
    lazy = []
    for _ in range(30):
        reader = socket.create_connection((host, int(port)))
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        path = f"/api/v1/samples?match[]={urllib.parse.quote(EVERYTHING)}"
        reader.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        lazy.append(reader)
    try:
        for _ in range(20):
            assert gateway.get("/-/healthy", timeout=2).elapsed.total_seconds() < 0.5
    finally:
        for reader in lazy:
            reader.close()


def test_many_clients_at_once(loaded):
    gateway, made = loaded
    expected = len(of_name(made, "up"))
    wrong = []

    def ask():
        for _ in range(20):
            found = samples_of_json(gateway.session.get(f"{gateway.url}/api/v1/samples?match[]=up", timeout=30).json())
            if len(found) != expected:
                wrong.append(len(found))

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # a TLS client at the wrong port
        b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * 200_000,
        b"POST /api/v1/series HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"POST /api/v1/series HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /api/v1/label/%zz/values HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /%00%ff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\r\n\r\n\r\n",
        b"GET",
    ],
    ids=["tls", "endless header", "huge length", "negative length", "bad percent", "odd bytes", "nothing", "half"],
)
def test_rubbish_harms_nobody(loaded, request_bytes):
    gateway, _ = loaded
    host, port = gateway.address.split(":")
    with socket.create_connection((host, int(port)), timeout=1) as client:
        try:
            client.sendall(request_bytes)
            client.shutdown(socket.SHUT_WR)
            while client.recv(65536):
                pass
        except OSError:
            pass
    gateway.get("/-/healthy")
    assert gateway.process.running


def test_openapi_is_served_as_it_is_in_the_repository(loaded):
    from harness.gateway import ROOT

    gateway, _ = loaded
    assert gateway.get("/openapi.yaml").text == (ROOT / "openapi.yaml").read_text()


def test_healthy_and_ready_as_prometheus_words_them(loaded):
    gateway, _ = loaded
    assert "Healthy" in gateway.get("/-/healthy").text
    assert "Ready" in gateway.get("/-/ready").text


def test_uptime_metrics_move(loaded):
    gateway, _ = loaded
    before = gateway.own("promring_http_requests_total")
    gateway.get("/-/healthy")
    eventually(lambda: gateway.own("promring_http_requests_total") > before, "the requests to be counted")
