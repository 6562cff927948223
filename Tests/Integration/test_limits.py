"""Each limit is reached, holds, is told of by a metric, and harms nobody who stays within it."""

import contextlib

import pytest
import requests

from delivery.messages import HEADERS_1, packed, post, version_1
from delivery.pages import Pages
from delivery.tasks import task
from harness import records
from harness.gateway import ROOT
from harness.raw import connection, dripped, has_nothing, is_closed, request, status
from harness.samples import assert_same, kubernetes_samples, now, sample
from harness.waiting import eventually, throughout

EVERYTHING = '{__name__=~".+"}'
MIB = 1 << 20


def resident(gateway, field="VmRSS"):
    with open(f"/proc/{gateway.process.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(f"{field}:"))


def connections(gateway):
    return gateway.own("promring_http_connections")


# --- Connections --------------------------------------------------------------------------------------------------------


def test_connections_beyond_the_limit_wait_and_those_within_are_served(broker, serve):
    gateway = serve(broker.topic(), arguments=["--web-max-connections", "8", "--web-threads", "1"])
    gateway.session.close()
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(connection(gateway, request("/-/healthy"))) for _ in range(8)]
        assert [status(each) for each in held] == [200] * 8
        waiting = stack.enter_context(connection(gateway, request("/-/ready")))
        throughout(lambda: not is_closed(waiting) and has_nothing(waiting), 0.5, "waiting for its turn")
        held[0].sendall(request("/metrics?self=only"))
        page = b""
        while b"promring_http_connections_max 8" not in page:
            page += held[0].recv(1 << 20)
        assert b"\npromring_http_connections 8\n" in page
        held[1].close()
        assert status(waiting) == 200
    gateway.get("/-/healthy")


def test_connections_of_one_address_are_limited_and_counted(broker, serve):
    gateway = serve(broker.topic(), arguments=["--web-max-connections-per-address", "4", "--web-threads", "1"])
    gateway.session.close()
    with contextlib.ExitStack() as stack:

        def answered():
            """The session's connection counts until the gateway has seen its end."""
            try:
                return status(stack.enter_context(connection(gateway, request("/-/healthy")))) == 200
            except ConnectionError:
                return False

        for _ in range(4):
            eventually(answered, "a connection of the four")
        for _ in range(3):
            with connection(gateway) as fifth:
                assert status(fifth) is None

    def counted():
        try:
            return gateway.own("promring_http_connections_refused_total") >= 3
        except requests.ConnectionError:
            return False  # the four are not gone yet

    eventually(counted, "the refusals to be counted")


def test_slow_requests_are_cut_off(broker, serve):
    """Slowloris: a byte now and then keeps a connection from being idle, but not from being too late."""
    gateway = serve(broker.topic(), arguments=["--web-request-timeout", "1s", "--web-idle-timeout", "1m"])
    head = b"GET /-/healthy HTTP/1.1\r\nHost: x\r\nX-Slow: "
    body = request("/api/v1/query", "POST", ["Content-Length: 1000000"])
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(connection(gateway, some)) for some in (b"G", head, body) for _ in range(5)]

        def all_cut():
            return not any([dripped(client) for client in slow])

        eventually(all_cut, "the slow ones to be cut off", 10)
    assert gateway.own("promring_http_connections_cut_total", reason="slow") == len(slow)
    # The body's request had a path: it is counted as one that was too slow.
    assert gateway.own("promring_http_requests_total", code="408") >= 5
    gateway.get("/-/healthy")


def test_who_leaves_in_the_middle_of_a_request_leaves_no_connection(broker, serve):
    gateway = serve(broker.topic())
    for some in (b"GET /-/healthy HTTP/1.1\r\nHost: x", request("/api/v1/query", "POST", ["Content-Length: 99"], b"q")):
        for _ in range(20):
            with connection(gateway, some):
                pass
    eventually(lambda: connections(gateway) == 1, "all others to be gone", 10)


def test_idle_connections_are_closed(broker, serve):
    gateway = serve(broker.topic(), arguments=["--web-idle-timeout", "1s"])
    with connection(gateway, request("/-/healthy")) as idle:
        assert status(idle) == 200
        eventually(lambda: is_closed(idle), "the idle connection to be closed", 10)


# --- Requests -----------------------------------------------------------------------------------------------------------


def test_headers_and_targets_that_are_too_large(broker, serve):
    gateway = serve(broker.topic(), arguments=["--web-max-header-bytes", "8KiB"])
    for text, code in [
        (request("/-/healthy", headers=["X-Large: " + "x" * 20_000]), 431),
        (request("/-/healthy?" + "x" * 20_000), 414),
        (request("/-/healthy", headers=[f"X-{n}: {n}" for n in range(2000)]), 431),
    ]:
        with connection(gateway, text) as client:
            assert status(client) in (code, 431)
    with connection(gateway, request("/-/healthy", headers=["X-Small: " + "x" * 3000])) as client:
        assert status(client) == 200
    assert gateway.own("promring_http_requests_total", code="431") >= 2


def test_packed_bodies_that_would_unpack_to_too_much(broker, deliver):
    """A small body that claims, or makes, a lot: refused by its claim, without the memory."""
    topic = broker.topic()
    deliverer = deliver(topic, arguments=["--delivery-max-request-bytes", "1MiB"])
    gateway = deliverer.gateway
    before = resident(gateway)
    bomb = packed(bytes(200 * MIB))
    assert len(bomb) < 12 * MIB
    for _ in range(5):
        assert post(deliverer.url, bomb, HEADERS_1).status_code == 413
    claim = b"\xff\xff\xff\xff\x0f" + b"\0" * 100
    assert post(deliverer.url, claim, HEADERS_1).status_code in (400, 413)
    assert resident(gateway) - before < 64 * MIB
    assert gateway.own("promring_http_requests_total", code="413") >= 5
    assert post(deliverer.url, version_1([sample("m")])).status_code == 204


def test_records_that_would_unpack_to_too_much(broker, serve):
    topic = broker.topic()
    bomb = records.raw_block(b"[" + b" " * (15 * MIB) + b"]")
    assert len(bomb) < MIB
    topic.produce_raw(*[bomb] * 5)
    made = [sample("after")]
    topic.produce(made)
    gateway = serve(topic, arguments=["--record-max-bytes", "1MiB"])
    assert_same(gateway.wait_samples(1), made)
    assert gateway.own("promring_dead_letters_total", reason="oversized") == 5
    assert resident(gateway) < 100 * MIB


def test_a_gzip_page_that_unpacks_to_too_much_is_no_page(broker, deliver):
    """What promring scrapes is limited unpacked: 64 MiB of one page."""
    pages = Pages()
    try:
        pages["/metrics"] = "# " + "x" * (100 * MIB) + "\n"
        topic = broker.topic()
        source = {"kind": "scrape", "job": "page", "urls": [f"{pages.url}/metrics"], "interval": "5s", "timeout": "4s"}
        deliverer = deliver(topic, task(topic, sources=[source]))
        gateway = deliverer.gateway
        found = eventually(lambda: gateway.samples("up"), "a scrape to be told of", 40)
        assert {each.value for each in found} == {0}
        assert resident(gateway) < 300 * MIB
    finally:
        pages.close()


# --- Queries ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def filled(broker, serve):
    def start(*arguments, series=500, points=10):
        topic = broker.topic()
        made = list(kubernetes_samples(series=series, points=points))
        topic.produce(made)
        gateway = serve(topic, arguments=arguments)
        gateway.wait_samples(len(made))
        return gateway

    return start


def test_series_of_a_query(filled):
    gateway = filled("--query-max-series", "100")
    answer = gateway.get("/api/v1/query", {"query": EVERYTHING}, expect=422)
    assert answer.json()["errorType"] == "execution" and "more than 100 series" in answer.json()["error"]
    gateway.get("/api/v1/query", {"query": "count(up) + count(up)"})
    assert gateway.own("promring_queries_limited_total", limit="series") == 1


def test_samples_of_a_query(filled):
    gateway = filled("--query-max-samples", "1000")
    gateway.get("/api/v1/query", {"query": f"{EVERYTHING}[1h]"}, expect=422)
    gateway.get("/api/v1/query", {"query": "up"})
    assert gateway.own("promring_queries_limited_total", limit="samples") == 1


def test_size_of_a_response(filled):
    gateway = filled("--query-max-response-bytes", "20KiB")
    for path, parameters in [
        ("query", {"query": EVERYTHING}),
        ("query", {"query": f"{EVERYTHING}[1h]"}),
        ("query_range", {"query": EVERYTHING, "start": now() / 1000 - 60, "end": now() / 1000, "step": 1}),
    ]:
        answer = gateway.get(f"/api/v1/{path}", parameters, expect=422)
        assert "larger than 20480 bytes" in answer.json()["error"]
    assert len(gateway.get("/api/v1/query", {"query": "count by (job) (up)"}).content) < 20 << 10
    assert gateway.own("promring_queries_limited_total", limit="response_bytes") == 3
    # What is made while it is sent is no burden, however large.
    assert len(gateway.get("/api/v1/samples", {"match[]": EVERYTHING}).content) > 20 << 10


def test_time_of_a_query(filled):
    gateway = filled()
    gateway.get("/api/v1/query", {"query": f"count_over_time({EVERYTHING}[1h:1s])", "timeout": "1ms"}, expect=503)
    assert gateway.own("promring_queries_limited_total", limit="time") == 1


@pytest.mark.parametrize("pattern", ["(" * 500 + "a" + "){1000}" * 500, "((((a{100}){100}){100}){100})", "x{1000}" * 20_000, "x{1000}" * 500_000])
def test_size_of_a_regular_expression(filled, pattern):
    gateway = filled()
    before = resident(gateway)
    for path, name, text in [
        ("/api/v1/query", "query", f'up{{job=~"{pattern}"}}'),
        ("/api/v1/series", "match[]", f'up{{job=~"{pattern}"}}'),
    ]:
        answer = gateway.session.post(gateway.url + path, data={name: text}, timeout=30)
        assert answer.status_code == 400, answer.text[:300]
    # At its peak, too: what is refused is not written out first.
    assert resident(gateway, "VmHWM") - before < 64 * MIB


def test_queries_and_pages_that_wait(filled):
    """One at work, one waiting: the next is told to come again; the probes do not notice."""
    gateway = filled("--query-max-concurrency", "1", "--query-max-queue", "1", series=5000, points=60)
    heavy = {"query": f"max(max_over_time({EVERYTHING}[1h:1s]))"}
    with contextlib.ExitStack() as stack:
        path = "/api/v1/query?query=max(sum_over_time(%7B__name__%3D~%22.%2B%22%7D%5B1h:1s%5D))&timeout=20s"
        for _ in range(2):
            stack.enter_context(connection(gateway, request(path)))
        eventually(lambda: gateway.own("promring_http_pool_queued", pool="queries") == 1, "one to wait", 10)
        answer = gateway.get("/api/v1/query", heavy, expect=503)
        assert int(answer.headers["Retry-After"]) > 0
        gateway.get("/-/ready")
        assert gateway.own("promring_http_pool_refused_total", pool="queries") == 1
    eventually(lambda: gateway.own("promring_http_pool_active", pool="queries") == 0, "abandoned queries to end", 10)


def test_readers_that_do_not_read_cost_little(filled):
    gateway = filled(series=2000, points=100)
    everything = "/api/v1/samples?format=ndjson&match[]=%7B__name__%3D~%22.%2B%22%7D"
    assert len(gateway.get(everything).content) > 30 * MIB
    before = resident(gateway)
    with contextlib.ExitStack() as stack:
        lazy = [stack.enter_context(connection(gateway, request(everything), receive_bytes=4096)) for _ in range(40)]
        for client in lazy:
            assert client.recv(12) == b"HTTP/1.1 200"
        # Others are served meanwhile, whole pages too.
        assert len(gateway.get(everything).content) > 30 * MIB
        # A part of 64 KiB or so for each, in what makes it and in what sends it.
        assert resident(gateway) - before < 20 * MIB
        assert gateway.ready()
    eventually(lambda: connections(gateway) == 1, "the readers to be gone", 10)


# --- Series -------------------------------------------------------------------------------------------------------------


def test_labels_that_are_too_many_or_too_long_are_refused_by_limit(broker, serve):
    topic = broker.topic()
    good = sample("good")
    topic.produce([
        sample("many", {f"l{n}": "x" for n in range(20)}), sample("name", {"n" * 100: "x"}),
        sample("value", {"l": "v" * 200}), good,
    ])  # fmt: skip
    limits = ["--buffer-max-labels", "10", "--buffer-max-label-name-bytes", "50", "--buffer-max-label-value-bytes", "100"]
    gateway = serve(topic, arguments=limits)
    assert_same(gateway.wait_samples(1), [good])
    assert gateway.own("promring_series_refused_total") == 3
    counted = gateway.own_metrics()["promring_series_refused_total"]
    assert len([labels for labels, value in counted if value]) == 3, "each by the name of its limit"


def explosion(count, at):
    """Samples of as many series, each of them new."""
    return (sample("boom", {"id": f"{n:08x}", "request": f"{n * 2654435761 % 2**32:08x}-{n}"}, at + n % 1000) for n in range(count))


def test_a_cardinality_explosion_stays_within_the_budget(broker, serve):
    topic = broker.topic(partitions=2)
    steady = list(kubernetes_samples(series=100, points=3))
    topic.produce(steady)
    # The budget is given back slab by slab: where one alone fills it, the next one makes room.
    arguments = ["--buffer-max-bytes", "32MiB", "--kafka-queue-bytes", "8MiB", "--buffer-slab-duration", "5s"]
    gateway = serve(topic, arguments=arguments)
    gateway.wait_samples(len(steady))
    topic.produce(explosion(200_000, now() - 2000), batch=2000)
    eventually(lambda: gateway.own("promring_kafka_lag_records") == 0, "everything to be read", 60)
    # Caches of readers count, too, and are given back with the next record.
    assert gateway.own("promring_buffer_bytes") <= 1.01 * gateway.own("promring_buffer_max_bytes")
    assert gateway.own("promring_buffer_max_bytes") == 32 * MIB
    # The program itself takes about 35 MiB.
    assert resident(gateway) < (32 + 8 + 35 + 45) * MIB
    seen = gateway.own("promring_series_refused_total") + gateway.own("promring_samples_dropped_total")
    assert gateway.own("promring_buffer_series") + gateway.own("promring_series_removed_total") + seen >= 200_000
    assert gateway.own("promring_buffer_series") > 0
    assert gateway.ready()
    # It goes on: what comes later is there.
    def taken():
        topic.produce([sample("late")])
        return gateway.samples("late")

    eventually(taken, "a later sample")


def test_series_beyond_their_limit_are_refused_and_known_ones_go_on(broker, serve):
    topic = broker.topic()
    at = now() - 1000
    known = [sample("known", {"n": str(n)}, at) for n in range(50)]
    topic.produce(known)
    gateway = serve(topic, arguments=["--buffer-max-series", "1000"])
    gateway.wait_samples(50)
    topic.produce(explosion(20_000, at))
    more = [sample("known", {"n": str(n)}) for n in range(50)]
    topic.produce(more)
    assert_same(gateway.wait_samples(100, "known"), [*known, *more])
    assert gateway.own("promring_buffer_series") == 1000
    assert gateway.own("promring_series_refused_total") == 20_000 - 950


def test_senders_with_ever_new_series_stay_within_the_cache(broker, deliver):
    topic = broker.topic()
    arguments = ["--delivery-cache-bytes", "1MiB", "--buffer-max-bytes", "16MiB", "--kafka-queue-bytes", "8MiB"]
    deliverer = deliver(topic, arguments=arguments)
    gateway = deliverer.gateway
    made = list(explosion(60_000, now()))
    with requests.Session() as session:
        for start in range(0, len(made), 2000):
            body = packed(version_1(made[start : start + 2000]))
            answer = session.post(f"{deliverer.url}/api/v1/write", data=body, headers=HEADERS_1, timeout=60)
            assert answer.status_code == 204, answer.text
    assert gateway.own("promring_delivery_known_series_bytes") <= MIB
    assert resident(gateway) < 170 * MIB
    assert gateway.own("promring_delivery_samples_total") == len(made)


def test_every_limit_is_in_the_table(broker, deliver):
    """The table of the documentation names options and metrics that exist."""
    topic = broker.topic()
    topic.produce_raw(b"poison")  # some metrics are there as soon as there is something to count
    source = {"kind": "scrape", "job": "none", "urls": ["http://127.0.0.1:1/metrics"]}
    gateway = deliver(topic, task(topic, sources=[source])).gateway
    own = gateway.own_page()
    flags = gateway.api("status/flags")
    text = (ROOT / "SECURITY.md").read_text().split("\n## Limits\n")[1]
    rows = [line for line in text.splitlines() if line.startswith("| ") and "`--" in line]
    assert len(rows) > 15
    for row in rows:
        for word in row.split("`")[1::2]:
            if word.startswith("--"):
                assert word.removeprefix("--") in flags, word
            elif word.startswith("promring_"):
                assert f"# TYPE {word.split('{')[0]} " in own, word
