"""How queries are served: limits, deadlines, cancellation, the queue, the log, statistics, features, consistency."""

import socket
import statistics
import subprocess
import threading
import time

import pytest
import requests

from harness.gateway import command, environment
from harness.samples import Sample, label_key, now
from harness.waiting import eventually

# Minutes of work where nothing ends it: at each of 10,000 moments the middle of 86,400 numbers.
HEAVY = {
    "query": "quantile_over_time(0.5, vector(time() * 7919 % 10007)[1d:1s])",
    "start": "1700000000",
    "end": "1700010000",
    "step": "1",
}


@pytest.fixture(scope="module")
def gateway(broker, binary, tmp_path_factory):
    from conftest import Serve

    topic = broker.topic()
    topic.produce(
        Sample(label_key({"__name__": "requests_total", "path": f"/{i}"}), now() - 1000 * age, 10.0 * (60 - age))
        for i in range(3)
        for age in range(60, 0, -15)
    )
    serve = Serve(tmp_path_factory.mktemp("queries"))
    gateway = serve(topic, arguments=["--query-log-slower-than", "200ms", "--query-max-samples", "200000"])
    gateway.wait_samples(12)
    yield gateway
    serve.close()


def query(gateway, text, expect=200, path="query", **parameters):
    return gateway.get(f"/api/v1/{path}", {"query": text, **parameters}, expect=expect).json()


# --- Limits -------------------------------------------------------------------------------------------------------------


def test_a_query_that_is_too_slow_ends_at_its_deadline(gateway):
    began = time.monotonic()
    answer = gateway.get("/api/v1/query_range", {**HEAVY, "timeout": "300ms"}, expect=503)
    assert time.monotonic() - began < 3
    assert answer.json()["errorType"] == "timeout"
    assert answer.json()["error"] == "query timed out in expression evaluation"


def test_a_slow_query_is_logged_with_what_it_cost(gateway):
    gateway.get("/api/v1/query_range", {**HEAVY, "timeout": "400ms", "query": HEAVY["query"] + " > 1"}, expect=503)

    def logged():
        lines = [line for line in gateway.process.text().splitlines() if "slow query" in line and " > 1" in line]
        assert lines, gateway.process.text()[-1000:]
        return lines[-1]

    line = eventually(logged, "the line of the slow query")
    for part in ("outcome=timeout", "kind=range", "executed=0.", "queued=", "client=127.0.0.1:", "step=1.0s"):
        assert part in line, line
    assert "start=2023-11-14T22:13:20.000Z" in line, line
    assert gateway.own("promring_queries_slow_total") >= 1


def test_a_query_over_too_many_samples_is_refused(gateway):
    body = query(gateway, "count_over_time(vector(1)[1d:100ms])", expect=422)
    assert body["errorType"] == "execution"
    assert "too many samples" in body["error"]


def test_a_client_that_leaves_ends_its_query(gateway):
    before = gateway.own("promring_queries_total", outcome="canceled")
    host, port = gateway.address.split(":")
    for _ in range(3):
        target = requests.Request("GET", gateway.url + "/api/v1/query_range", params=HEAVY).prepare().path_url
        with socket.create_connection((host, int(port))) as client:
            client.sendall(f"GET {target} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
            eventually(lambda: gateway.own("promring_http_pool_active", pool="queries") > 0, "the query to run")
    eventually(
        lambda: gateway.own("promring_queries_total", outcome="canceled") >= before + 3, "three queries cancelled"
    )
    assert gateway.own("promring_http_pool_active", pool="queries") == 0


def test_probes_answer_and_the_queue_is_bounded_while_all_slots_are_busy(broker, serve):
    gateway = serve(broker.topic(), arguments=["--query-max-concurrency", "2", "--query-max-queue", "1"])
    answers = []

    def ask():
        answers.append(requests.get(gateway.url + "/api/v1/query_range", {**HEAVY, "timeout": "4s"}, timeout=30))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    eventually(lambda: gateway.own("promring_http_pool_active", pool="queries") == 2, "both slots to be busy")
    eventually(lambda: gateway.own("promring_http_pool_queued", pool="queries") == 1, "the queue to be full")
    assert query(gateway, "1")["data"]["result"][1] == "1", "a small query needs no slot"
    refused = gateway.get("/api/v1/query_range", HEAVY, expect=503)
    assert refused.json()["errorType"] == "unavailable"
    assert refused.headers["Retry-After"]
    assert gateway.own("promring_http_pool_refused_total", pool="queries") >= 1
    took = []
    for _ in range(200):
        began = time.perf_counter()
        gateway.get("/-/ready")
        took.append(time.perf_counter() - began)
    assert gateway.own("promring_http_pool_active", pool="queries") == 2, "the slots were not busy all the time"
    assert statistics.median(took) < 0.02, sorted(took)[-10:]
    assert gateway.api("labels") is not None, "lists wait for queries"
    for thread in threads:
        thread.join()
    kinds = sorted((answer.status_code, answer.json()["error"]) for answer in answers)
    assert [status for status, _ in kinds] == [503, 503, 503]
    assert ("query timed out in query queue" in [text for _, text in kinds]) or all(
        "expression evaluation" in text for _, text in kinds
    )


# --- Statistics and features --------------------------------------------------------------------------------------------


def test_statistics_are_told_when_asked_for(gateway):
    assert "stats" not in query(gateway, "requests_total")["data"]
    stats = query(gateway, "sum(requests_total)", stats="true")["data"]["stats"]
    assert set(stats["timings"]) == {
        "evalTotalTime", "resultSortTime", "queryPreparationTime", "innerEvalTime", "execQueueTime", "execTotalTime",
    }  # fmt: skip
    assert all(isinstance(value, (int, float)) and value >= 0 for value in stats["timings"].values())
    assert stats["timings"]["execTotalTime"] >= stats["timings"]["evalTotalTime"]
    assert stats["samples"]["totalQueryableSamples"] == 3
    assert stats["samples"]["samplesRead"] == 12, "all that the lookback reaches is read"
    assert 1 <= stats["samples"]["peakSamples"] <= 100
    odd = query(gateway, "sum(requests_total)", stats="yes")
    assert "stats" in odd["data"] and "deprecated" in odd["warnings"][0]


def test_statistics_by_step(broker, serve):
    topic = broker.topic()
    at = now() // 1000 - 60
    topic.produce([Sample(label_key({"__name__": "m", "i": str(i)}), 1000 * (at + 10), 1.0) for i in range(2)])
    gateway = serve(topic, arguments=["--enable-feature", "promql-per-step-stats"])
    gateway.wait_samples(2)
    body = query(gateway, "m", path="query_range", start=at + 5, end=at + 15, step=5, stats="all")
    assert body["data"]["stats"]["samples"]["totalQueryableSamplesPerStep"] == [[at + 5, 0], [at + 10, 2], [at + 15, 2]]
    assert "totalQueryableSamplesPerStep" not in query(gateway, "m", stats="true")["data"]["stats"]["samples"]


def test_features_are_off_until_enabled(gateway, broker, serve):
    refused = query(gateway, "sort_by_label(requests_total, 'path')", expect=400)
    assert 'function "sort_by_label" is not enabled' in refused["error"]
    enabled = serve(
        broker.topic(),
        arguments=["--enable-feature", "promql-experimental-functions,promql-duration-expr"],
    )
    assert query(enabled, "sort_by_label(vector(1), 'path')")["status"] == "success"
    assert query(enabled, "count_over_time(vector(1)[5 * 1m:1m])")["data"]["result"][0]["value"][1] == "5"
    assert query(gateway, "count_over_time(vector(1)[5 * 1m:1m])", expect=400)["errorType"] == "bad_data"
    assert enabled.api("status/flags")["enable-feature"] == "promql-experimental-functions,promql-duration-expr"


def test_an_unknown_feature_stops_the_program():
    ended = subprocess.run(
        command("serve", "--kafka-brokers", "127.0.0.1:1", "--kafka-topic", "t", "--enable-feature", "promql-duration-exp"),
        env=environment(), capture_output=True, text=True, timeout=20,
    )  # fmt: skip
    assert ended.returncode == 2
    assert "promql-duration-expr" in ended.stderr and ended.stderr.count("\n") == 1, ended.stderr


def test_lookback_delta_and_limit(gateway):
    assert len(query(gateway, "requests_total")["data"]["result"]) == 3
    assert query(gateway, "requests_total", lookback_delta="1ms")["data"]["result"] == []
    cut = query(gateway, "requests_total", limit="2")
    assert len(cut["data"]["result"]) == 2 and cut["warnings"] == ["results truncated due to limit"]
    assert "warnings" not in query(gateway, "requests_total", limit="3")
    assert query(gateway, "requests_total", expect=400, limit="-1")["errorType"] == "bad_data"


# --- Read your writes ---------------------------------------------------------------------------------------------------

STRONG = {"X-Promring-Consistency": "strong"}


def test_a_strong_read_sees_what_was_produced_before_it(broker, serve):
    topic = broker.topic(partitions=3)
    gateway = serve(topic)
    at = now()
    for turn in range(25):
        made = [Sample(label_key({"__name__": "w", "i": str(i)}), at + turn, float(turn)) for i in range(9)]
        topic.produce(made)  # returns when Kafka has acknowledged
        answer = gateway.get(
            "/api/v1/query", {"query": "sum(w)", "time": (at + turn) / 1000}, headers=STRONG, timeout=20
        )
        assert answer.headers["X-Promring-Consistency"] == "strong"
        assert answer.json()["data"]["result"][0]["value"][1] == str(9 * turn)
    page = gateway.get("/api/v1/samples", {"match[]": "w"}, headers=STRONG).json()
    assert sum(len(series["values"]) for series in page["data"]["result"]) == 9 * 25


def test_a_consistency_that_does_not_exist_is_refused(gateway):
    answer = gateway.get("/api/v1/labels", headers={"X-Promring-Consistency": "very"}, expect=400)
    assert "strong" in answer.json()["error"]
    assert gateway.get("/api/v1/labels", headers={"X-Promring-Consistency": "eventual"})


def test_a_strong_read_ends_in_time_when_the_broker_is_away(own_broker, serve):
    topic = own_broker.topic()
    topic.produce([Sample(label_key({"__name__": "w"}), now(), 1.0)])
    gateway = serve(topic, arguments=["--query-strong-read-timeout", "1s"])
    gateway.wait_samples(1)
    own_broker.stop()
    began = time.monotonic()
    answer = gateway.get("/api/v1/query", {"query": "w"}, headers=STRONG, expect=503)
    assert time.monotonic() - began < 5
    assert topic.name in answer.json()["error"], answer.text
    assert gateway.get("/api/v1/query", {"query": "w"}).json()["data"]["result"], "weak reads go on"
