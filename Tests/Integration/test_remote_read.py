"""Remote read: both forms of the answer, and what it is for: a Prometheus over several promrings."""

import json
import math
import socket
import time

import pytest
import snappy
import yaml

from harness import remote
from harness.gateway import readme_yaml
from harness.records import array_json
from harness.samples import Sample, as_set, assert_same, kubernetes_samples, label_key, now, sample
from harness.waiting import eventually
from test_group import PARTITIONS, wait_assigned

STALE = 0x7FF0000000000002
EVERYTHING = ("__name__", "=~", ".+")


def ask(made, *matchers):
    """A query of the time of these samples."""
    times = [each.timestamp for each in made]
    return remote.query(min(times), max(times), *(matchers or [EVERYTHING]))


# --- What an answer holds ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def filled(broker, binary, tmp_path_factory):
    """A gateway with 600 series of up to 200 samples each."""
    from conftest import Serve

    topic = broker.topic(partitions=3)
    made = list(kubernetes_samples(series=600, points=200))
    topic.produce(made)
    serve = Serve(tmp_path_factory.mktemp("remote-read"))
    gateway = serve(topic)
    gateway.wait_samples(len(made))
    yield gateway, made
    serve.close()


def test_samples_are_those_delivered(filled):
    gateway, made = filled
    (result,) = remote.read_samples(gateway.url, ask(made))
    assert_same(remote.as_samples(result), made)
    assert all(dict(labels) and labels == sorted(labels) for labels, _ in result)
    assert all(points == sorted(points) for _, points in result)
    assert [labels for labels, _ in result] == sorted(labels for labels, _ in result)


def test_chunks_are_those_delivered(filled):
    gateway, made = filled
    frames = remote.read_frames(gateway.url, ask(made))
    (result,) = remote.joined(frames, 1)
    assert_same(remote.as_samples(result), made)
    # Each series in one frame, in the order of the labels, in chunks of 120 samples.
    labels = [frame.labels for frame in frames]
    assert len(labels) == 600 and labels == sorted(labels) and all(each == sorted(each) for each in labels)
    assert {len(frame.chunks) for frame in frames} == {2}
    assert {len(remote.xor_samples(remote.one(frame.chunks[0], 4))) for frame in frames} == {120}


def test_both_forms_hold_the_same_bits(filled):
    gateway, made = filled
    queries = [ask(made, ("job", "=", "kubelet")), ask(made, ("le", "!=", "")), ask(made, ("pod", "=", "none"))]
    in_samples = remote.read_samples(gateway.url, *queries)
    in_chunks = remote.joined(remote.read_frames(gateway.url, *queries), len(queries))
    assert in_samples == in_chunks
    assert in_samples[0] and in_samples[1] and in_samples[2] == []


@pytest.mark.parametrize(
    ("matchers", "passes"),
    [
        ([("__name__", "=", "up")], lambda labels: labels["__name__"] == "up"),
        ([("le", "=", "")], lambda labels: "le" not in labels),
        ([("le", "!=", "")], lambda labels: "le" in labels),
        ([("le", "!=", "0.1")], lambda labels: labels.get("le") != "0.1"),
        ([("namespace", "=~", "shop.*|支付")], lambda labels: labels["namespace"] in ("shop-ü", "支付")),
        ([("namespace", "=~", "shop")], lambda labels: False),
        ([("job", "!~", "kube.*"), ("verb", "=", "GET")], lambda labels: labels["job"] != "kubelet" and "verb" in labels),
        ([("operation", "=~", "CREATE.x")], lambda labels: "operation" in labels),
        ([], lambda labels: True),
    ],
)
def test_matchers_are_those_of_promql(filled, matchers, passes):
    gateway, made = filled
    times = [each.timestamp for each in made]
    (result,) = remote.read_samples(gateway.url, remote.query(min(times), max(times), *matchers))
    assert_same(remote.as_samples(result), [each for each in made if passes(dict(each.labels))])


def test_both_ends_are_included(filled):
    gateway, made = filled
    times = sorted({each.timestamp for each in made})
    for start, end in [(times[10], times[20]), (times[10] + 1, times[20] - 1), (times[5], times[5]), (times[9], times[8])]:
        wanted = [each for each in made if start <= each.timestamp <= end]
        query = remote.query(start, end, EVERYTHING)
        assert_same(remote.as_samples(remote.read_samples(gateway.url, query)[0]), wanted)
        assert_same(remote.as_samples(remote.joined(remote.read_frames(gateway.url, query), 1)[0]), wanted)


def test_stale_markers_are_kept(broker, serve):
    topic = broker.topic()
    points = [sample("up", {"job": "a"}, now() - 1000 * (5 - k), k) for k in range(5)]
    objects = json.loads(array_json(points))
    objects[3]["value"] = "StaleNaN"
    topic.produce_raw(snappy.compress(json.dumps(objects).encode()), timestamp=now())
    gateway = serve(topic)
    gateway.wait_samples(5)
    (in_samples,) = remote.read_samples(gateway.url, ask(points))
    (in_chunks,) = remote.joined(remote.read_frames(gateway.url, ask(points)), 1)
    assert in_samples == in_chunks
    assert [bits == STALE for _, bits in in_samples[0][1]] == [False, False, False, True, False]


def test_a_long_series_comes_in_several_frames(broker, serve):
    topic = broker.topic()
    made = [sample("long", {"x": "y"}, now() - (3000 - k) * 1000, math.sin(k)) for k in range(3000)]
    topic.produce(made)
    gateway = serve(topic, arguments=["--query-remote-read-frame-bytes", "4KiB"])
    gateway.wait_samples(len(made))
    frames = remote.read_frames(gateway.url, ask(made))
    assert len(frames) > 3 and all(dict(frame.labels) == {"__name__": "long", "x": "y"} for frame in frames)
    assert all(4096 <= frame.size < 4096 + 3000 for frame in frames[:-1])
    assert_same(remote.as_samples(remote.joined(frames, 1)[0]), made)


# --- How it is asked ---------------------------------------------------------------------------------------------------


def test_the_first_type_that_is_known_decides(filled):
    gateway, made = filled
    query = ask(made, ("__name__", "=", "up"))
    packed, streamed = "application/x-protobuf", "application/x-streamed-protobuf"
    for accept, kind in [
        ([], packed), ([0], packed), ([1], streamed), ([0, 1], packed), ([1, 0], streamed), ([9, 1], streamed),
    ]:  # fmt: skip
        answer = remote.post_read(gateway.url, remote.read_request(query, accept=accept))
        assert answer.headers["Content-Type"].split(";")[0] == kind, accept
        assert answer.content
    answer = remote.post_read(gateway.url, remote.read_request(query, accept=[7, 9]), expect=400)
    assert "none of the accepted response types" in answer.text


def test_nothing_found_is_an_empty_answer(filled):
    gateway, made = filled
    none = ask(made, ("pod", "=", "none"))
    assert remote.read_samples(gateway.url, none, none) == [[], []]
    assert remote.post_read(gateway.url, remote.read_request(none, accept=[1])).content == b""
    assert remote.read_samples(gateway.url) == []


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"no snappy", "Snappy"),
        (snappy.compress(b"\x0a\x7f"), "a length of 127 where 0 bytes are left"),
        (snappy.compress(remote.read_request(remote.query(0, 1, ("a", "=~", "(")))), "error parsing regexp"),
        (snappy.compress(remote.read_request(b"\x1a\x02\x08\x09")), "9 is no matcher type"),
        (b"\xff\xff\xff\xff\x0f" + bytes(100), "4294967295 bytes, more than the limit of 33554432"),
    ],
)
def test_what_cannot_be_answered_is_refused_in_plain_text(filled, body, message):
    gateway, _ = filled
    answer = gateway.session.post(f"{gateway.url}/api/v1/read", data=body, headers=remote.HEADERS, timeout=10)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert message in answer.text


def test_samples_have_a_limit(broker, serve):
    topic = broker.topic()
    made = list(kubernetes_samples(series=10, points=10))
    topic.produce(made)
    gateway = serve(topic, arguments=["--query-remote-read-max-samples", "99"])
    gateway.wait_samples(len(made))
    answer = remote.post_read(gateway.url, remote.read_request(ask(made)), expect=400)
    assert "exceeded sample limit (99" in answer.text
    assert len(remote.read_frames(gateway.url, ask(made))) == 10


def test_more_than_may_be_worked_on_wait_their_turn(broker, serve):
    topic = broker.topic()
    made = list(kubernetes_samples(series=300, points=100))
    topic.produce(made)
    gateway = serve(topic, arguments=["--query-remote-read-max-concurrency", "1"])
    gateway.wait_samples(len(made))
    # Asked all at once, on connections of their own; read one after the other.
    asked = [remote.post_read(gateway.url, remote.read_request(ask(made), accept=[1]), stream=True) for _ in range(20)]
    for answer in asked:
        assert len(remote.frames_of(answer.content)) == 300
    eventually(lambda: gateway.own("promring_remote_read_active") == 0, "the end of the last read")
    assert gateway.own("promring_remote_read_queries_total", type="streamed_xor_chunks") == 20
    assert gateway.own("promring_remote_read_samples_total", type="streamed_xor_chunks") == 20 * len(made)


def test_a_stream_ends_with_its_client(filled):
    gateway, made = filled
    body = bytes(snappy.compress(remote.read_request(*[ask(made)] * 500, accept=[1])))
    before = gateway.own("promring_remote_read_samples_total", type="streamed_xor_chunks")
    host, port = gateway.address.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as client:
        head = f"POST /api/v1/read HTTP/1.1\r\nHost: {gateway.address}\r\nContent-Encoding: snappy\r\n"
        client.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
        assert gateway.own("promring_remote_read_active") == 1
    eventually(lambda: gateway.own("promring_remote_read_active") == 0, "the end of the stream", 10)
    sent = gateway.own("promring_remote_read_samples_total", type="streamed_xor_chunks") - before
    assert sent < 100 * len(made), "the stream went on without its client"


# --- Beside Prometheus' own --------------------------------------------------------------------------------------------


def test_prometheus_answers_with_the_same_chunks(broker, serve, prometheus):
    """The same samples in both, the same requests: the same bytes."""
    server = prometheus(arguments=["--web.enable-remote-write-receiver"])
    # Few enough samples for one chunk of Prometheus, which begins a new one every two hours, too.
    end = now()
    if end % 7_200_000 < 60_000:
        end -= 60_000
    made = list(kubernetes_samples(series=300, points=25, end=end, step=1500, seed=5))
    remote.post_write(server.url, made)
    topic = broker.topic()
    topic.produce(made)
    gateway = serve(topic)
    gateway.wait_samples(len(made))
    for query in [ask(made), ask(made, ("job", "=", "kubelet"), ("le", "=~", "0.*")), remote.query(0, end, EVERYTHING)]:
        ours, theirs = (remote.read_frames(url, query) for url in (gateway.url, server.url))
        assert len(ours) == len(theirs) > 10
        for mine, other in zip(ours, theirs):
            assert (mine.labels, mine.query) == (other.labels, other.query)
            ((*mine, (_, data)),), ((*other, (_, their_data)),) = mine.chunks, other.chunks
            # Prometheus' bit stream has begun its next byte already when its last bits fill one.
            assert mine == other and their_data in (data, data + b"\0")
        mine, other = (dict_of(remote.read_samples(url, query)[0]) for url in (gateway.url, server.url))
        assert mine == other


def dict_of(result):
    """Series by labels. Prometheus 2.42 leaves out negative zeros as if they were zeros."""
    return {tuple(labels): [(at, 0 if bits == 1 << 63 else bits) for at, bits in points] for labels, points in result}


# --- Outgrowing one machine --------------------------------------------------------------------------------------------

QUERIES = [
    "up",
    "count({__name__=~'.+'})",
    "sum by (job) (rate(apiserver_request_duration_seconds_count[1m]))",
    "histogram_quantile(0.9, sum by (le, namespace) (rate(apiserver_request_duration_seconds_bucket[1m])))",
    "max by (namespace) (max_over_time(container_cpu_usage_seconds_total[30s]))",
    "topk(5, node:memory_utilisation:ratio{namespace!='default'})",
    "sum(up) / count(up)",
    "up{job='kubelet'} offset 20s - up{job='kubelet'}",
]


def test_a_prometheus_over_two_replicas_answers_as_if_it_had_everything(broker, serve, prometheus, tmp_path):
    """With the configuration files of the README."""
    promring_file, prometheus_file = readme_yaml("Outgrowing one machine")
    topic = broker.topic(partitions=PARTITIONS)
    made = [
        each
        for each in kubernetes_samples(series=600, points=120)
        if math.isfinite(each.value) and 1e-3 < abs(each.value) < 1e9 or each.value == 0
    ]
    topic.produce(made)
    promring_file["kafka"] |= {"brokers": [broker.bootstrap], "topics": [topic.name], "group_id": topic.name}
    file = tmp_path / "promring.yaml"
    file.write_text(yaml.safe_dump(promring_file))
    arguments = ["serve", "--config-file", file, "--web-listen-address", "127.0.0.1:0"]
    arguments += ["--kafka-property", "session.timeout.ms=6000"]
    replicas = [serve.run(arguments) for _ in range(2)]
    whole = serve(topic)
    whole.wait_samples(len(made))
    wait_assigned(replicas, [3, 3])
    eventually(lambda: set().union(*(as_set(each.samples()) for each in replicas)) == as_set(made), "all samples")

    sources = prometheus_file["remote_read"]
    for source, replica in zip(sources, replicas, strict=True):
        source["url"] = replica.url + "/" + source["url"].split("/", 3)[3]
    server = prometheus(**prometheus_file)

    def assert_answers_alike(at):
        for query in QUERIES:
            wanted = whole.api("query", {"query": query, "time": at})["result"]
            assert wanted, query
            assert_alike(server.query(query, time=at), wanted, query)
            span = {"query": query, "start": at - 60, "end": at, "step": "5"}
            wanted = whole.api("query_range", span)["result"]
            found = server.answer("query_range", span)
            assert "warnings" not in found, found["warnings"]
            assert_alike(found["data"]["result"], wanted, query)

    # Every sample itself, with its time and value; then what is computed of them, between two samples' times.
    assert_same(server.samples("{__name__=~'.+'}"), made)
    end = max(each.timestamp for each in made) / 1000
    assert_answers_alike(end + 0.437)
    totals = {each.labels: each.value for each in made if each.name == "up"}
    ((_, total),) = [each["value"] for each in server.query("sum(up)", time=end)]
    assert math.isclose(float(total), sum(totals.values()))

    match = {"match[]": "{job='kubelet',le!=''}", "start": end - 300, "end": end}
    wanted = {each.labels for each in made if dict(each.labels)["job"] == "kubelet" and "le" in dict(each.labels)}
    assert {label_key(each) for each in server.answer("series", match)["data"]} == wanted
    # Remote read knows no request for names and values of labels (prometheus/prometheus#3351), so that a Prometheus
    # knows its own alone; a query tells them. The README says so.
    assert "not implemented" in str(server.answer("label/job/values", match)["warnings"])
    jobs = {each["metric"]["job"] for each in server.query("group by (job) ({job!=''})", time=end)}
    assert jobs == {dict(each.labels)["job"] for each in made}

    # What arrives while it runs is in the next answer, whichever replica took it.
    late = [Sample(each.labels, now(), each.value + 1) for each in made[-600:] if each.name != "up"]
    topic.produce(late)
    whole.wait_samples(len(made) + len(late))
    eventually(lambda: set().union(*(as_set(each.samples()) for each in replicas)) >= as_set(late), "the late samples")
    assert_answers_alike(time.time())

    # One that cannot be reached is a warning, and the other's share is still there.
    replicas[0].terminate()
    assert "warnings" in server.answer("query", {"query": "up", "time": end})


def assert_alike(found, wanted, query):
    """The same series with nearly the same values: sums of floating-point numbers depend on their order."""
    found, wanted = by_metric(found), by_metric(wanted)
    assert found.keys() == wanted.keys(), f"{query}: {len(found)} series found, {len(wanted)} wanted"
    for metric, points in wanted.items():
        assert [at for at, _ in found[metric]] == [at for at, _ in points], f"{query}: {metric}"
        for (at, there), (_, value) in zip(found[metric], points):
            alike = math.isclose(float(there), float(value), rel_tol=1e-9, abs_tol=1e-12) or there == value == "NaN"
            assert alike, f"{query}: {metric} at {at}: {there}, not {value}"


def by_metric(result):
    return {label_key(each["metric"]): each.get("values") or [each["value"]] for each in result}
