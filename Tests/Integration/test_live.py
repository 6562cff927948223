"""/api/v1/samples/stream: samples as they arrive, to many, and to those who come back."""

import http.client
import json
import queue
import socket
import threading
import time
import urllib.parse

import pytest

from harness.gateway import samples_of_ndjson
from harness.samples import as_set, now, sample
from harness.waiting import eventually

PATH = "/api/v1/samples/stream"
# Seconds that anything may take on a machine that has other things to do.
WITHIN = 120


class Listener:
    """A client of a stream, reading in a thread of its own."""

    def __init__(self, gateway, parameters, headers=None, read=True):
        connection = http.client.HTTPConnection(gateway.address, timeout=WITHIN)
        connection.request("GET", f"{PATH}?{urllib.parse.urlencode(parameters)}", headers=headers or {})
        self.socket = connection.sock
        self.answer = connection.getresponse()
        assert self.answer.status == 200, self.answer.read()
        self.lines = queue.Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        if read:
            self.start_reading()

    def start_reading(self):
        self.reader.start()

    def _read(self):
        try:
            while line := self.answer.readline():
                self.lines.put(line.rstrip(b"\n"))
        except (OSError, http.client.HTTPException):  # The test has closed it.
            pass
        self.lines.put(None)

    def line(self, timeout=WITHIN):
        line = self.lines.get(timeout=timeout)
        assert line is not None, "the stream has ended"
        return line

    def samples(self, count):
        """The next samples of server-sent events, and the id of the last one."""
        found, identity = [], None
        while len(found) < count:
            line = self.line()
            if line.startswith(b"id: "):
                identity = line[4:].decode()
            elif line.startswith(b"data: "):
                found.append(line[6:])
        return samples_of_ndjson(found), identity

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)  # which wakes the reader up, too
        except OSError:
            pass  # The other side was first.
        if self.reader.ident:
            self.reader.join()
        self.answer.close()
        self.socket.close()


@pytest.fixture
def gateway(broker, serve):
    topic = broker.topic(partitions=2)
    topic.produce([sample("before")])
    gateway = serve(topic)
    gateway.topic = topic
    gateway.wait_samples(1)
    return gateway


@pytest.fixture
def listen(gateway):
    opened = []

    def start(parameters, **options):
        before = gateway.own("promring_live_streams")
        opened.append(Listener(gateway, parameters, **options))
        # What arrives from here on is told to it.
        eventually(lambda: gateway.own("promring_live_streams") > before, "the stream")
        return opened[-1]

    yield start
    for each in opened:
        each.close()


def some(count, name="live", **labels):
    return [sample(name, {"n": str(i), **labels}, now() + i, i) for i in range(count)]


def test_samples_come_as_they_arrive_and_no_others(gateway, listen):
    listener = listen({"match[]": 'live{kind="wanted"}'})
    assert listener.answer.headers["Content-Type"] == "text/event-stream"
    assert listener.line().startswith(b"retry: ")
    wanted = some(5, kind="wanted")
    gateway.topic.produce(some(5, kind="other") + wanted)
    assert as_set(listener.samples(5)[0]) == as_set(wanted)
    # A series that is known by now, and one that is new.
    more = [sample("live", {"n": "0", "kind": "wanted"}, now() + 50, 7), sample("live", {"n": "x", "kind": "wanted"})]
    gateway.topic.produce(more)
    assert as_set(listener.samples(2)[0]) == as_set(more)


def test_lines_of_json_on_request(gateway, listen):
    by_header = listen({"__name__": "live"}, headers={"Accept": "application/x-ndjson"})
    by_parameter = listen({"__name__": "live", "format": "ndjson"})
    gateway.topic.produce(made := some(3))
    for listener in (by_header, by_parameter):
        assert listener.answer.headers["Content-Type"] == "application/x-ndjson"
        lines = []
        while len(lines) < 3:
            if line := listener.line():
                lines.append(line)
        assert as_set(samples_of_ndjson(lines)) == as_set(made)


def test_a_sample_that_was_there_already_is_not_told_again(gateway, listen):
    listener = listen({"match[]": "live"})
    first, second = some(2)
    gateway.topic.produce([first])
    listener.samples(1)
    gateway.topic.produce([first, second])
    assert as_set(listener.samples(1)[0]) == as_set([second])


def test_it_may_begin_with_what_is_there(gateway, listen):
    old = [sample("live", {"n": "old"}, now() - 3000), sample("live", {"n": "older"}, now() - 600_000)]
    gateway.topic.produce(old)
    gateway.wait_samples(3)
    listener = listen({"match[]": "live", "since": "1m"})
    assert as_set(listener.samples(1)[0]) == as_set(old[:1])
    gateway.topic.produce(new := some(1))
    assert as_set(listener.samples(1)[0]) == as_set(new)


def test_who_comes_back_is_told_exactly_what_was_missed(gateway, listen):
    listener = listen({"match[]": "live"})
    gateway.topic.produce(some(3))
    _, identity = listener.samples(3)
    listener.close()
    eventually(lambda: gateway.own("promring_live_streams") == 0, "the end of the stream")
    # Older than what was seen, too: the order of arrival counts.
    missed = [sample("live", {"n": str(i)}, now() - 300_000 + i) for i in range(2000)]
    gateway.topic.produce(missed)
    gateway.wait_samples(len(missed) + 4)
    by_header = listen({"match[]": "live"}, headers={"Last-Event-ID": identity})
    by_parameter = listen({"match[]": "live", "last_event_id": identity})
    for again in (by_header, by_parameter):
        assert as_set(again.samples(len(missed))[0]) == as_set(missed)
    gateway.topic.produce(new := some(1, come="later"))
    for again in (by_header, by_parameter):
        assert as_set(again.samples(1)[0]) == as_set(new)


def test_who_comes_back_to_another_process_gets_the_window(gateway, listen):
    gateway.topic.produce(recent := [sample("live", {"n": str(i)}, now() - i * 1000) for i in range(20)])
    gateway.wait_samples(21)
    listener = listen({"match[]": "live"}, headers={"Last-Event-ID": f"other-17-{now() - 5000}"})
    assert as_set(listener.samples(20)[0]) == as_set(recent)


def test_a_slow_client_misses_samples_and_is_told_how_many(gateway, listen):
    # Labels that make each event large, so that the kernel's buffers are full soon.
    slow = listen({"match[]": "live"}, read=False)
    text = "x" * 4000
    total = 0
    for turn in range(40):
        gateway.topic.produce([sample("live", {"n": str(i), "text": text}, now() + turn) for i in range(200)])
        total += 200
        if gateway.own("promring_live_missed_samples_total") > 0:
            break
    missed = eventually(lambda: gateway.own("promring_live_missed_samples_total"), "missed samples")
    assert 0 < missed < total
    eventually(lambda: gateway.own("promring_samples_appended_total") >= total + 1, "all samples")
    slow.start_reading()
    # Something new has to come, so that it is told.
    seen, told, deadline = 0, 0, time.monotonic() + WITHIN
    while seen + told < total and time.monotonic() < deadline:
        gateway.topic.produce([sample("live", {"n": "end"}, now())])
        total += 1
        while True:
            try:
                line = slow.line(0.5)
            except queue.Empty:
                break
            if line.startswith(b'data: {"missed":'):
                told += json.loads(line[6:])["missed"]
            elif line.startswith(b"data: "):
                seen += 1
    assert seen + told == total, f"{seen} seen, {told} told to be missed, of {total}"
    assert told > 0


def test_many_that_wait_for_something_else_cost_little(gateway, listen):
    idle = [Listener(gateway, {"match[]": f'live{{wanted="{i}"}}'}, read=False) for i in range(150)]
    try:
        eventually(lambda: gateway.own("promring_live_streams") == 150, "150 streams")
        used = gateway.own("process_cpu_seconds_total")
        listener = listen({"match[]": "live"})
        for turn in range(10):
            gateway.topic.produce(some(500, turn=str(turn)))
            listener.samples(500)
        # Trying each of 5,000 arrivals on each of 150 selections would take many seconds; it is a few tenths in all.
        assert gateway.own("process_cpu_seconds_total") - used < 5
        gateway.get("/-/healthy")
    finally:
        for each in idle:
            each.close()
    eventually(lambda: gateway.own("promring_live_streams") <= 1, "their end")


@pytest.mark.parametrize(
    "parameters, part",
    [
        ({}, "nothing is selected"), ({"match[]": "{"}, "match[]"), ({"match[]": "up", "format": "csv"}, "sse, ndjson"),
        ({"match[]": "up", "since": "-1"}, "since"), ({"match[]": "up", "last_event_id": "x"}, "no id of an event"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(gateway, parameters, part):
    answer = gateway.get(PATH, parameters, expect=400)
    assert part in answer.json()["error"]


def test_streams_end_with_the_program(gateway, listen):
    listener = listen({"match[]": "live"})
    gateway.topic.produce(some(1))
    listener.samples(1)
    gateway.terminate()
    while listener.lines.get(timeout=WITHIN) is not None:
        pass
