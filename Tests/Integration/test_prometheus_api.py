"""The Prometheus API beyond queries: headers, methods, what is refused when, deleting, notifications."""

import http.client
import json

import pytest
from test_openapi import filled_in

from harness.gateway import openapi
from harness.processes import free_port
from harness.samples import as_set, assert_same, now, sample
from harness.waiting import eventually

ALWAYS = [
    "/metrics", "/-/healthy", "/version", "/openapi.yaml", "/api/v1/openapi.yaml", "/api/v1/samples?match[]=up",
    "/api/v1/notifications", "/api/v1/status/walreplay", "/api/v1/status/buildinfo", "/api/v1/status/runtimeinfo",
    "/api/v1/status/flags", "/api/v1/status/config", "/api/v1/status/tsdb", "/api/v1/status/tsdb/blocks",
    "/api/v1/status/self_metrics", "/api/v1/status/kafka", "/api/v1/status/dead_letters",
]  # fmt: skip
GUARDED = [
    ("GET", "/federate?match[]=up"), ("GET", "/api/v1/query?query=up"), ("POST", "/api/v1/query"),
    ("GET", "/api/v1/query_range?query=up"), ("GET", "/api/v1/query_exemplars?query=up"), ("GET", "/api/v1/labels"),
    ("GET", "/api/v1/format_query?query=up"), ("GET", "/api/v1/parse_query?query=up"), ("GET", "/api/v1/metadata"),
    ("GET", "/api/v1/series?match[]=up"), ("GET", "/api/v1/label/job/values"), ("GET", "/api/v1/targets"),
    ("GET", "/api/v1/targets/metadata"), ("GET", "/api/v1/rules"), ("GET", "/api/v1/alerts"),
    ("GET", "/api/v1/alertmanagers"), ("GET", "/api/v1/scrape_pools"), ("GET", "/api/v1/features"),
    ("POST", "/api/v1/admin/tsdb/delete_series?match[]=up"), ("PUT", "/api/v1/admin/tsdb/clean_tombstones"),
]  # fmt: skip


@pytest.fixture(scope="module")
def small(broker, binary, tmp_path_factory):
    from conftest import Serve

    topic = broker.topic()
    topic.produce([sample("up", {"job": "a"}), sample("up", {"job": "b"})])
    serve = Serve(tmp_path_factory.mktemp("small"))
    gateway = serve(topic, arguments=["--web-cors-origin", r"https://.*\.example\.org"])
    gateway.wait_samples(2)
    yield gateway
    serve.close()


# --- Before the window is there --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def unready(binary, tmp_path_factory):
    """A gateway whose Kafka is not there."""
    from conftest import Serve

    serve = Serve(tmp_path_factory.mktemp("unready"))
    arguments = ["serve", "--kafka-brokers", f"127.0.0.1:{free_port()}", "--kafka-topic", "t"]
    yield serve.run([*arguments, "--web-listen-address", "127.0.0.1:0", "--web-enable-admin-api"], ready=False)
    serve.close()


@pytest.mark.parametrize("method, path", GUARDED, ids=[f"{method} {path}" for method, path in GUARDED])
def test_half_a_window_is_not_taken_for_the_whole(unready, method, path):
    answer = unready.session.request(method, unready.url + path, timeout=10)
    assert answer.status_code == 503
    assert answer.text.strip() == "Service Unavailable"
    assert answer.headers["Content-Type"].split(";")[0] == "text/plain"
    assert answer.headers["X-Prometheus-Stopping"] == "false"


@pytest.mark.parametrize("path", ALWAYS)
def test_what_tells_the_state_answers_before(unready, path):
    unready.get(path)


def test_readiness_tells_that_it_is_not_the_end(unready):
    assert unready.get("/-/ready", expect=503).headers["X-Prometheus-Stopping"] == "false"


def test_the_gate_opens_when_the_window_is_there(broker, serve):
    topic = broker.topic()
    gateway = serve(topic)
    assert gateway.api("query", {"query": "up"})["result"] == []
    replay = gateway.api("status/walreplay")
    assert replay["min"] == 0 and replay["current"] == replay["max"]


# --- Methods, paths, headers -------------------------------------------------------------------------------------------


def test_what_is_not_there_is_told_in_plain_text(small):
    for method, path, status in [
        ("GET", "/api/v1/nothing", 404), ("POST", "/nothing", 404), ("DELETE", "/api/v1/query", 405),
        ("POST", "/api/v1/label/job/values", 405), ("GET", "/api/v1/admin/tsdb/delete_series", 405),
    ]:  # fmt: skip
        answer = small.session.request(method, small.url + path, timeout=10)
        assert answer.status_code == status, path
        assert answer.headers["Content-Type"].split(";")[0] == "text/plain"
        assert ("Allow" in answer.headers) == (status == 405)


@pytest.mark.parametrize("name", ["", "%55__", "U__"])
def test_an_empty_label_name(small, name):
    answer = small.get(f"/api/v1/label/{name}/values", expect=400)
    assert answer.json()["errorType"] == "bad_data" and answer.json()["error"].startswith("invalid label name")


def test_a_label_name_that_is_not_utf8(small):
    assert small.get("/api/v1/label/%ff/values", expect=400).json()["errorType"] == "bad_data"


def api_paths():
    for path, item in openapi()["paths"].items():
        if path.startswith("/api/v1/") and not path.endswith(("/live", "/stream")):
            yield from ((method.upper(), filled_in(path)) for method in item)


def test_cors_on_every_path_of_the_api(small):
    asked = 0
    for method, path in api_paths():
        for origin, allowed in [(None, None), ("https://a.example.org", True), ("https://example.com", False)]:
            headers = {"Origin": origin} if origin else {}
            answer = small.session.request(method, small.url + path, headers=headers, timeout=10)
            assert "Origin" in answer.headers["Vary"], f"{method} {path}"
            assert answer.headers.get("Access-Control-Allow-Origin") == (origin if allowed else None)
            if origin:
                assert answer.headers["Access-Control-Allow-Headers"] == "Accept, Authorization, Content-Type, Origin"
                assert answer.headers["Access-Control-Allow-Methods"] == "GET, POST, OPTIONS"
                assert answer.headers["Access-Control-Expose-Headers"] == "Date"
            else:
                assert not [name for name in answer.headers if name.startswith("Access-Control")]
            assert "Cache-Control" not in answer.headers and "ETag" not in answer.headers
        asked += 1
    assert asked > 30


def test_cors_for_all_origins(broker, serve):
    gateway = serve(broker.topic(), arguments=["--web-cors-origin", ".*"])
    answer = gateway.get("/api/v1/labels", headers={"Origin": "null"})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_no_cors_unless_wanted(broker, serve):
    answer = serve(broker.topic()).get("/api/v1/labels", headers={"Origin": "https://a.example.org"})
    assert not [name for name in answer.headers if name.startswith("Access-Control")]


@pytest.mark.parametrize("path", ["/api/v1/query", "/api/v1/query/", "/api/v1/nothing/at/all", "/api/v1/label/x/values"])
def test_options_on_any_path_below_the_api(small, path):
    headers = {"Origin": "https://a.example.org", "Access-Control-Request-Method": "POST"}
    answer = small.session.options(small.url + path, headers=headers, allow_redirects=False, timeout=10)
    assert answer.status_code == 204 and answer.content == b""
    assert answer.headers["Access-Control-Allow-Origin"] == "https://a.example.org"


def test_a_slash_too_many_is_redirected(small):
    host, port = small.address.split(":")
    for method, path, status in [("GET", "/api/v1/labels/?limit=1", 301), ("POST", "/api/v1/labels/", 308)]:
        connection = http.client.HTTPConnection(host, int(port), timeout=10)
        connection.request(method, path)
        answer = connection.getresponse()
        assert answer.status == status
        assert answer.headers["Location"] == path.replace("/?", "?").rstrip("/")
        connection.close()
    assert small.get("/api/v1/labels/").json()["data"]


@pytest.mark.parametrize("path", ["query", "format_query", "parse_query", "query_exemplars", "series", "labels"])
def test_forms_are_merged_with_the_url(small, path):
    form = {"query": "up", "match[]": 'up{job="a"}', "time": "4"}
    posted = small.session.post(f"{small.url}/api/v1/{path}", data=form, timeout=10)
    got = small.get(f"/api/v1/{path}", form)
    assert posted.status_code == 200 and posted.json() == got.json()
    both = small.session.post(f"{small.url}/api/v1/{path}", params={"query": "(", **form}, data={"query": "up"}, timeout=10)
    assert both.json() == got.json()


def test_answers_do_not_care_what_is_accepted(small):
    answer = small.get("/api/v1/labels", headers={"Accept": "application/vnd.other"})
    assert answer.headers["Content-Type"] == "application/json"


def test_version_is_the_build_information(small):
    assert small.get("/version").json() == small.api("status/buildinfo")


def test_features_and_own_metrics(small):
    features = small.api("features")
    assert features["promql_functions"]["rate"] is True and features["api"]["admin"] is False
    (family,) = small.api("status/self_metrics", {"metric_name_pattern": "promring_buffer_series"})
    assert family["type"] == "GAUGE" and family["metric"] == [{"gauge": {"value": 2}}]
    assert small.api("status/self_metrics", {"metric_name_pattern": "buffer"}) == []


def test_targets_metadata_comes_from_the_series(small):
    assert small.api("targets/metadata") == [
        {"target": {"job": job}, "metric": "up", "type": "unknown", "help": "", "unit": ""} for job in "ab"
    ]


# --- Notifications -----------------------------------------------------------------------------------------------------------


def events(gateway):
    """The beginning of the stream of notifications: its open connection, and a function that reads one event."""
    answer = gateway.get("/api/v1/notifications/live", stream=True)
    assert answer.headers["Content-Type"].split(";")[0] == "text/event-stream"
    assert answer.headers["Cache-Control"] == "no-cache"
    lines = answer.iter_lines(chunk_size=1, decode_unicode=True)

    def read():
        for line in lines:
            if line.startswith("data: "):
                return json.loads(line.removeprefix("data: "))
        raise AssertionError("the stream has ended")

    return answer, read


def test_notifications_come_and_go(own_broker, serve):
    topic = own_broker.topic()
    topic.produce([sample("up")])
    gateway = serve(topic)
    eventually(lambda: gateway.api("notifications") == [], "no notifications")
    own_broker.stop()
    (listed,) = eventually(lambda: gateway.api("notifications"), "a notification", 40)
    assert listed["active"] is True and "broker" in listed["text"]
    # A subscriber is told what holds already, then what changes.
    def subscribed():
        answer, read = events(gateway)
        return answer, read, read()

    answer, read, first = subscribed()
    assert first == listed
    own_broker.start()
    ended = read()
    assert ended == {**listed, "active": False}
    answer.close()


def test_only_so_many_listen(small):
    open_streams = [small.get("/api/v1/notifications/live", stream=True) for _ in range(16)]
    assert small.get("/api/v1/notifications/live", expect=204).content == b""
    for each in open_streams:
        each.close()

    def room_again():
        with small.get("/api/v1/notifications/live", expect=None, stream=True) as answer:
            return answer.status_code == 200

    eventually(room_again, "room for another listener")


# --- Deleting ------------------------------------------------------------------------------------------------------------------------


def test_deleting_reaches_every_page_and_does_not_outlive_the_process(broker, serve):
    topic = broker.topic(partitions=2)
    end = now() - 2000
    made = [sample("m", {"i": str(i)}, end - 1000 * k, k) for i in range(20) for k in range(60)]
    topic.produce(made)
    gateway = serve(topic, arguments=["--web-enable-admin-api"])
    gateway.wait_samples(len(made))

    def delete(**parameters):
        pairs = {name.replace("match", "match[]"): value for name, value in parameters.items()}
        answer = gateway.session.post(f"{gateway.url}/api/v1/admin/tsdb/delete_series", data=pairs, timeout=10)
        assert answer.status_code == 204 and answer.content == b"", answer.text

    # The middle of one series, the newest of another, and all of a third.
    delete(match='m{i="1"}', start=f"{(end - 40_000) / 1000:.3f}", end=f"{(end - 20_000) / 1000:.3f}")
    delete(match='m{i="2"}', start=f"{(end - 10_000) / 1000:.3f}")
    delete(match='m{i="3"}')
    delete(match='m{i="3"}')

    def is_deleted(each):
        i, age = dict(each.labels)["i"], end - each.timestamp
        return i == "3" or (i == "2" and age <= 10_000) or (i == "1" and 20_000 <= age <= 40_000)

    left = [each for each in made if not is_deleted(each)]
    assert_same(gateway.samples(), left)
    assert gateway.own("promring_samples_deleted_total") == len(made) - len(left)
    assert "3" not in gateway.api("label/i/values")
    assert len(gateway.api("series?match[]=m")) == 19
    assert 'i="3"' not in gateway.page("/federate", {"match[]": "m"}) + gateway.page("/metrics")
    assert f'm{{i="2",instance=""}} 11 {end - 11_000}\n' in gateway.page("/federate", {"match[]": 'm{i="2"}'})
    assert gateway.api("query", {"query": "count_over_time(m{i='1'}[10m])"})["result"][0]["value"][1] == "39"
    assert gateway.api("status/tsdb")["headStats"]["numSeries"] == 19
    assert "samples deleted on request" in gateway.process.text()

    # What comes afterwards is taken as ever, also by the series that was gone.
    late = [sample("m", {"i": str(i)}, end + 1000, 61) for i in range(20)]
    topic.produce(late)
    gateway.wait_samples(len(left) + len(late))
    assert_same(gateway.samples(), left + late)

    # Kafka is the log: another process, or this one started anew, has all of it.
    other = serve(topic)
    assert_same(other.wait_samples(len(made) + len(late)), made + late)


def test_deleting_while_records_arrive(broker, serve):
    topic = broker.topic(partitions=2)
    gateway = serve(topic, arguments=["--web-enable-admin-api"])
    expected = []
    for round in range(15):
        new = [sample(name, {"i": str(i)}, now(), round) for name in ("keep", "drop") for i in range(50)]
        topic.produce(new, batch=10)
        expected += [each for each in new if each.name == "keep"]
        url = f"{gateway.url}/api/v1/admin/tsdb/delete_series?match[]=drop"
        assert gateway.session.put(url, timeout=10).status_code == 204
    eventually(lambda: as_set(gateway.samples("keep")) == as_set(expected), "all that is kept")
    eventually(lambda: gateway.api("status/kafka") and gateway.own("promring_kafka_lag_records") == 0, "no lag")
    gateway.session.put(f"{gateway.url}/api/v1/admin/tsdb/delete_series?match[]=drop", timeout=10)
    assert_same(gateway.samples(), expected)
