"""SIGTERM at whatever moment: exit status 0, within the time that was given."""

import contextlib
import random
import threading
import time

import pytest

from delivery.messages import HEADERS_1, packed, version_1
from delivery.pages import Pages
from delivery.tasks import task
from harness.feeding import Feeding
from harness.raw import connection, request
from harness.samples import kubernetes_samples, sample
from harness.waiting import eventually

LIMIT = 4
EVERYTHING = "%7B__name__%3D~%22.%2B%22%7D"
HEAVY = f"/api/v1/query?query=max(sum_over_time({EVERYTHING}%5B1h:1s%5D))"
# What clients are at when the end comes, as requests.
UNDER_WAY = {
    "queries": request(HEAVY),
    "pages": request(f"/api/v1/samples?format=ndjson&match[]={EVERYTHING}"),
    "streams": request(f"/api/v1/samples/stream?match[]={EVERYTHING}"),
    "half requests": b"GET /metrics HTTP/1.1\r\nHost: half",
    "half bodies": request("/api/v1/query", "POST", ["Content-Length: 100000"], b"query="),
}
STOPPING = ["--shutdown-timeout", f"{LIMIT}s"]


def ends_in_time(gateway):
    began = time.monotonic()
    gateway.terminate(within=LIMIT + 4)
    took = time.monotonic() - began
    assert took < LIMIT + 1, f"{took:.1f} s after SIGTERM, {LIMIT} s were allowed"


@pytest.mark.parametrize("kind", UNDER_WAY)
def test_while_clients_are_at_it(broker, serve, kind):
    topic = broker.topic(partitions=2)
    topic.produce(kubernetes_samples(series=2000, points=30))
    gateway = serve(topic, arguments=STOPPING)
    with contextlib.ExitStack() as stack:
        for _ in range(6):
            stack.enter_context(connection(gateway, UNDER_WAY[kind], receive_bytes=4096))
        eventually(lambda: gateway.own("promring_http_connections") >= 7, "all of them to be there")
        ends_in_time(gateway)


def test_while_it_scrapes_a_page_that_does_not_come(broker, deliver):
    pages = Pages()
    asked = []

    def hangs(headers):
        asked.append(headers)
        released.wait(30)
        return 200, "late 1\n"

    released = threading.Event()
    try:
        pages["/metrics"] = hangs
        topic = broker.topic()
        source = {"kind": "scrape", "job": "page", "urls": [f"{pages.url}/metrics"], "interval": "10s", "timeout": "10s"}
        deliverer = deliver(topic, task(topic, sources=[source]), arguments=STOPPING)
        eventually(lambda: asked, "the scrape to begin", 60)
        ends_in_time(deliverer.gateway)
    finally:
        released.set()
        pages.close()


def test_while_senders_wait_for_a_broker_that_is_gone(own_broker, deliver):
    topic = own_broker.topic()
    deliverer = deliver(topic, arguments=STOPPING)
    own_broker.stop()
    body = packed(version_1([sample("m")]))
    headers = [f"{name}: {value}" for name, value in HEADERS_1.items()] + [f"Content-Length: {len(body)}"]
    with contextlib.ExitStack() as stack:
        for _ in range(5):
            stack.enter_context(connection(deliverer.gateway, request("/api/v1/write", "POST", headers, body)))
        eventually(lambda: deliverer.gateway.own("promring_delivery_records_in_flight") > 0, "records to wait")
        ends_in_time(deliverer.gateway)


@pytest.mark.parametrize("mode", ["all", "group"])
def test_while_the_broker_hangs(own_broker, serve, mode):
    topic = own_broker.topic()
    gateway = serve(topic, arguments=[*STOPPING, "--kafka-mode", mode, "--kafka-group-id", topic.name])
    own_broker.pause()
    ends_in_time(gateway)


@pytest.mark.parametrize("rounds", [4, pytest.param(60, marks=[pytest.mark.long, pytest.mark.timeout(900)])])
def test_at_random_moments(broker, serve, rounds):
    """From the first line of its log on: while it replays, follows, and answers."""
    topic = broker.topic(partitions=4)
    topic.produce(kubernetes_samples(series=2000, points=30))
    rng = random.Random(rounds)
    with Feeding(topic):
        for _ in range(rounds):
            mode = rng.choice(["all", "group"])
            arguments = [*STOPPING, "--kafka-mode", mode, "--kafka-group-id", topic.name]
            gateway = serve(topic, arguments=arguments, ready=False)
            with contextlib.ExitStack() as stack:
                for text in rng.sample(list(UNDER_WAY.values()), 3):
                    stack.enter_context(connection(gateway, text, receive_bytes=4096))
                time.sleep(rng.random())  # when the end comes is the input of this test
                ends_in_time(gateway)
