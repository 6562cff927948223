"""Remote write as other implementations send it, and everything that is not remote write."""

import os
import random
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from delivery import reading
from delivery.messages import HEADERS_1, HEADERS_2, V2, Version2, packed, post, version_1, written
from delivery.tasks import REMOTE_WRITE, task
from harness.samples import Sample, assert_same, kubernetes_samples, label_key, now, sample
from harness.waiting import eventually

# --- What is taken ------------------------------------------------------------------------------------------------------


@pytest.fixture
def topic(broker):
    return broker.topic(partitions=2)


@pytest.mark.parametrize("form", [version_1, Version2])
def test_samples_arrive_and_the_headers_count_them(topic, deliver, form):
    deliverer = deliver(topic)
    made = list(kubernetes_samples(series=300, points=5))
    answer = post(deliverer.url, form(made))
    assert answer.status_code == 204 and answer.content == b"", answer.text
    assert written(answer) == (len(made), 0, 0)
    assert_same(reading.samples_of(topic.read()), made)
    # Once more: a sender whose answer got lost. The buffer of a reader holds each sample once.
    assert post(deliverer.url, form(made)).status_code == 204
    deliverer.gateway.wait_samples(len(made))


def test_both_versions_mean_the_same_series(topic, deliver):
    deliverer = deliver(topic)
    made = list(kubernetes_samples(series=50, points=2))
    for some, form in ((made[:50], version_1), (made[50:], Version2)):
        assert post(deliverer.url, form(some)).status_code == 204
    homes = {}
    for message in topic.read():
        for found in reading.objects(message):
            homes.setdefault(reading.sample_of(found).labels, []).append(message.partition())
    assert len(homes) == 50 and all(len(places) == 2 and len(set(places)) == 1 for places in homes.values())


def test_version_2_brings_metadata_and_things_that_are_counted_only(topic, deliver):
    deliverer = deliver(topic)
    message, at = Version2(), now()
    series = message.series([("__name__", "queue_length"), ("job", "a")])
    series.samples.add(value=7, timestamp=at, start_timestamp=at - 1000)
    series.exemplars.add(labels_refs=[message.reference("trace_id"), message.reference("1")], value=1, timestamp=at)
    series.metadata.type = 2
    series.metadata.help_ref = message.reference("Messages that wait.")
    series.metadata.unit_ref = message.reference("messages")
    native = message.series([("__name__", "took"), ("job", "a")])
    native.histograms.add(count_int=1, sum=2, timestamp=at)
    answer = post(deliverer.url, message)
    assert answer.status_code == 204, answer.text
    assert written(answer) == (1, 0, 0), "neither histograms nor exemplars have a place in the records"
    assert_same(reading.samples_of(topic.read()), [sample("queue_length", {"job": "a"}, at, 7)])
    gateway = deliverer.gateway
    assert gateway.api("metadata", {"metric": "queue_length"}) == {
        "queue_length": [{"type": "gauge", "help": "Messages that wait.", "unit": "messages"}]
    }
    assert gateway.own("promring_delivery_ignored_total", kind="histogram") == 1
    assert gateway.own("promring_delivery_ignored_total", kind="exemplar") == 1


def test_metadata_alone_is_a_success(topic, deliver):
    deliverer = deliver(topic)
    request = version_1([])
    request.metadata.add(type=1, metric_family_name="requests_total", help="Requests.", unit="")
    answer = post(deliverer.url, request)
    assert answer.status_code == 204 and written(answer) == (0, 0, 0)
    assert post(deliverer.url, version_1([])).status_code == 204
    assert post(deliverer.url, Version2()).status_code == 204
    assert topic.read() == []
    assert post(deliverer.url, version_1([sample("requests_total")])).status_code == 204
    described = eventually(lambda: deliverer.gateway.api("metadata"), "the family to be known")
    assert described == {"requests_total": [{"type": "counter", "help": "Requests.", "unit": ""}]}


def test_what_a_filter_rejects_counts_as_written(topic, deliver):
    deliverer = deliver(topic, task(topic, sources=[{**REMOTE_WRITE, "filter": ["job=a"]}]))
    made = [sample("x", {"job": job}, now(), 1) for job in ("a", "b", "c")]
    answer = post(deliverer.url, Version2(made))
    assert answer.status_code == 204 and written(answer)[0] == 3
    assert_same(reading.samples_of(topic.read()), made[:1])


def test_good_series_of_a_bad_request_are_delivered(topic, deliver):
    """Partial writes, as version 2 has them: 400, and true counts."""
    deliverer = deliver(topic)
    good = list(kubernetes_samples(series=20, points=2))
    message = Version2(good)
    at = now()
    message.series([("__name__", "future"), ("a", "b")]).samples.add(value=1, timestamp=at + 3600_000)
    message.series([("a", "nameless")]).samples.add(value=1, timestamp=at)
    message.series([("__name__", "twice"), ("a", "1"), ("a", "2")]).samples.add(value=1, timestamp=at)
    message.request.timeseries.add(labels_refs=[1]).samples.add(value=1, timestamp=at)
    message.request.timeseries.add(labels_refs=[1, 4_000_000]).samples.add(value=1, timestamp=at)
    backwards = message.series([("__name__", "backwards")])
    backwards.samples.add(value=1, timestamp=at)
    backwards.samples.add(value=1, timestamp=at - 1)
    answer = post(deliverer.url, message)
    assert answer.status_code == 400 and written(answer) == (len(good), 0, 0), answer.text
    assert answer.headers["Content-Type"].startswith("text/plain") and "7 of 47 samples" in answer.text
    assert_same(reading.samples_of(topic.read()), good)
    refused = {
        labels["reason"]: value
        for labels, value in deliverer.gateway.own_metrics()["promring_delivery_refused_samples_total"]
    }
    assert sum(refused.values()) == 7 and {"too_new", "no_metric_name", "duplicate_label"} <= refused.keys(), refused


def test_labels_in_any_order_and_empty_ones(topic, deliver):
    deliverer = deliver(topic)
    at = now()
    message = Version2()
    message.series([("z", "1"), ("__name__", "m"), ("gone", ""), ("a", "2")]).samples.add(value=1, timestamp=at)
    assert post(deliverer.url, message).status_code == 204
    assert_same(reading.samples_of(topic.read()), [sample("m", {"a": "2", "z": "1"}, at)])


def test_unknown_fields_and_unpacked_numbers_are_read(topic, deliver):
    deliverer = deliver(topic)
    at = now()
    message = Version2()
    message.series([("__name__", "m"), ("a", "b")])
    point = V2["Sample"](value=3, timestamp=at).SerializeToString()
    # labels_refs as fields of their own, which is what a proto2 sender does, and fields that no version has.
    series = b"".join(b"\x08" + bytes([n]) for n in (1, 2, 3, 4)) + b"\x12" + bytes([len(point)]) + point
    series += b"\xfa\x01\x03xyz" + b"\xf0\x01\x7f"
    body = b"".join(b"\x22" + bytes([len(text)]) + text.encode() for text in message.symbols)
    body += b"\x2a" + bytes([len(series)]) + series + b"\xfd\x01abcd"
    answer = post(deliverer.url, packed(body), HEADERS_2)
    assert answer.status_code == 204, answer.text
    assert_same(reading.samples_of(topic.read()), [sample("m", {"a": "b"}, at, 3)])


# --- What the content type decides --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes, status",
    [
        ({"Content-Type": None}, 204),
        ({"Content-Encoding": None}, 204),
        ({"X-Prometheus-Remote-Write-Version": None}, 204),
        ({"X-Prometheus-Remote-Write-Version": "2.0.0"}, 204),
        ({"Content-Type": "application/x-protobuf;proto=prometheus.WriteRequest"}, 204),
        ({"Content-Type": "application/x-protobuf; proto=prometheus.WriteRequest"}, 204),
        ({"Content-Type": "application/x-protobuf;proto=io.prometheus.write.v3.Request"}, 415),
        ({"Content-Type": "application/json"}, 415),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Encoding": "gzip"}, 415),
        ({"Content-Encoding": "zstd"}, 415),
        ({"Content-Encoding": "identity"}, 415),
    ],
)
def test_headers_of_version_1(topic, deliver, changes, status):
    deliverer = deliver(topic)
    headers = {**HEADERS_1, **changes}
    answer = post(deliverer.url, packed(version_1([sample("m", {}, now())])), headers)
    assert answer.status_code == status, answer.text
    assert len(topic.read()) == (1 if status == 204 else 0)


def test_a_message_of_the_other_version_is_not_guessed_at(topic, deliver):
    """The numbers of their fields are apart: each is an empty message to the other."""
    deliverer = deliver(topic)
    made = [sample("m", {"a": "b"}, now())]
    first = post(deliverer.url, packed(version_1(made)), HEADERS_2)
    second = post(deliverer.url, packed(Version2(made)), HEADERS_1)
    assert first.status_code in (204, 400) and second.status_code in (204, 400)
    for answer in (first, second):
        # A sender of version 2 learns from the header that nothing was written.
        assert written(answer) == (0, 0, 0)
    assert topic.read() == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_other_methods_are_refused(topic, deliver, method):
    deliverer = deliver(topic)
    assert requests.request(method, f"{deliverer.url}/api/v1/write", timeout=10).status_code == 405


# --- What is no remote write --------------------------------------------------------------------------------------------


def varint(number):
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def literal(data):
    """A Snappy block without compression, whose length says the truth."""
    out = varint(len(data))
    for start in range(0, len(data), 60):
        piece = data[start : start + 60]
        out += bytes([len(piece) - 1 << 2]) + piece
    return out


_GOOD = version_1([sample("m", {"a": "b" * 50}, 1_700_000_000_000)]).SerializeToString()

# What is sent, and what it is answered.
_MALFORMED = {
    "nothing at all": (b"", 400),
    "no Snappy": (b"{}", 400),
    "text": (b"POST / HTTP/1.1", 400),
    "the message without Snappy": (_GOOD, 400),
    "framed Snappy": (b"\xff\x06\0\0sNaPpY" + b"\x01" + bytes([len(_GOOD) + 4, 0, 0]) + b"\0\0\0\0" + _GOOD, 400),
    "half a block": (packed(_GOOD)[: len(packed(_GOOD)) // 2], 400),
    "a block without its last byte": (packed(_GOOD)[:-1], 400),
    "a block and one byte more": (packed(_GOOD) + b"\0", 400),
    "a length that says too little": (varint(len(_GOOD) - 1) + literal(_GOOD)[len(varint(len(_GOOD))) :], 400),
    "a length that says too much": (varint(len(_GOOD) + 1) + literal(_GOOD)[len(varint(len(_GOOD))) :], 400),
    "a length of four gigabytes": (b"\xff\xff\xff\xff\x0f\0[", 413),
    "a length beyond 32 bits": (b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f\0[", 400),
    "a copy from before the beginning": (varint(20) + b"\xfe\xff\xff", 400),
    "a message that ends within a field": (literal(_GOOD[:-3]), 400),
    "a field longer than the message": (literal(b"\x0a\xff\xff\xff\x7f"), 400),
    "a varint that does not end": (literal(b"\x0a" + b"\xff" * 11), 400),
    "a group": (literal(b"\x0b\x0c"), 400),
    "field number 0": (literal(b"\x02\x01a"), 400),
    "series as a number": (literal(b"\x08\x01"), 400),
    "a label that is no UTF-8": (literal(_GOOD.replace(b"bbb", b"b\xffb")), 400),
}


@pytest.mark.parametrize("name", _MALFORMED)
def test_malformed_bodies_are_refused(topic, deliver, name):
    body, status = _MALFORMED[name]
    deliverer = deliver(topic)
    answer = post(deliverer.url, body, HEADERS_1)
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"].startswith("text/plain") and answer.text.strip(), "no reason is given"
    assert post(deliverer.url, version_1([sample("m", {}, now())])).status_code == 204
    assert len(topic.read()) == 1


def test_a_body_beyond_the_limits_is_413(topic, deliver):
    deliverer = deliver(topic, arguments=["--delivery-max-request-bytes", "100KiB", "--web-max-body-bytes", "200KiB"])
    # Small when packed, and too large unpacked.
    assert post(deliverer.url, packed(b"\xfa\x01" + varint(200_000) + bytes(200_000)), HEADERS_1).status_code == 413
    try:
        assert post(deliverer.url, os.urandom(400_000), HEADERS_1).status_code == 413
    except requests.ConnectionError:
        pass  # the answer came, and the connection was closed, while the body was still being sent
    assert post(deliverer.url, version_1([sample("m", {}, now())])).status_code == 204


def test_nothing_that_is_damaged_stops_it(topic, deliver):
    """Bodies of both versions with a few bytes changed, cut off or put in, by chance."""
    deliverer = deliver(topic)
    rng = random.Random(11)
    made = list(kubernetes_samples(series=30, points=3))
    bodies = [(version_1(made).SerializeToString(), HEADERS_1), (Version2(made).SerializeToString(), HEADERS_2)]
    seen = set()
    with requests.Session() as session:
        for turn in range(1500):
            data, headers = bodies[turn % 2]
            body = bytearray(packed(data) if turn % 3 == 0 else data)
            for _ in range(rng.randint(1, 4)):
                at = rng.randrange(len(body))
                match rng.randrange(4):
                    case 0: body[at] = rng.randrange(256)
                    case 1: body[at:] = b""
                    case 2: body[at:at] = rng.randbytes(rng.randint(1, 5))
                    case _: body[at] ^= 1 << rng.randrange(8)
                body = body or bytearray(b"\0")
            body = bytes(body) if turn % 3 == 0 else packed(bytes(body))
            answer = session.post(f"{deliverer.url}/api/v1/write", data=body, headers=headers, timeout=30)
            assert answer.status_code in (204, 400, 413), f"turn {turn}: {answer.status_code} {answer.text}"
            seen.add(answer.status_code)
    assert {204, 400} <= seen
    # What such a request brings has to be readable, too.
    reading.samples_of(topic.read())
    assert post(deliverer.url, version_1(made)).status_code == 204
    assert deliverer.gateway.process.running


# --- Kafka is away ------------------------------------------------------------------------------------------------------


def test_while_kafka_is_away_senders_are_told_to_come_again(own_broker, deliver):
    topic = own_broker.topic()
    deliverer = deliver(topic, arguments=["--delivery-request-timeout", "1s"])
    made = [sample("m", {"n": str(n)}, now(), n) for n in range(3)]
    assert post(deliverer.url, version_1(made[:1])).status_code == 204
    own_broker.stop()
    for form in (version_1, Version2):
        answer = post(deliverer.url, form(made[1:2]), timeout=10)
        assert answer.status_code == 503, answer.text
        assert int(answer.headers["Retry-After"]) > 0 and "Kafka" in answer.text
        assert written(answer) == (0, 0, 0)
    assert eventually(lambda: deliverer.status()["state"] == "trouble", "trouble to be told")
    own_broker.start()

    def delivered():
        answer = post(deliverer.url, version_1(made), timeout=10)
        assert answer.status_code == 204, answer.text
        return True

    eventually(delivered, "the first success", 20)
    assert set(reading.samples_of(topic.read())) == set(made)
    assert deliverer.status()["state"] == "running"


def test_memory_is_bounded_while_kafka_is_away(own_broker, deliver):
    """What may wait is limited; beyond it the answer comes at once."""
    topic = own_broker.topic()
    arguments = ["--delivery-request-timeout", "20s", "--delivery-max-in-flight-bytes", "4MiB"]
    deliverer = deliver(topic, arguments=arguments)
    assert post(deliverer.url, version_1([sample("m")])).status_code == 204
    own_broker.stop()
    rng = random.Random(3)
    body = packed(version_1([sample("m", {"n": rng.randbytes(300).hex()}, now(), n) for n in range(1000)]))

    with ThreadPoolExecutor(16) as pool:
        waiting = [pool.submit(post, deliverer.url, body, HEADERS_1) for _ in range(16)]
        eventually(lambda: sum(each.done() for each in waiting) >= 8, "most of them to be turned away", 10)
        early = [each.result() for each in waiting if each.done()]
        assert all(each.status_code == 503 and int(each.headers["Retry-After"]) > 0 for each in early)
        gateway = deliverer.gateway
        assert 0 < gateway.own("promring_delivery_in_flight_bytes") <= 4 << 20
        own_broker.start()
        late = [each.result() for each in waiting]
    assert {each.status_code for each in late} == {204, 503}
    eventually(lambda: gateway.own("promring_delivery_in_flight_bytes") == 0, "everything to be given back")


def test_a_topic_that_is_not_there_yet(broker, deliver):
    topic = broker.topic()
    missing = "not-there-" + topic.name
    deliverer = deliver(topic, task(topic, target={"topic": missing}))
    answer = post(deliverer.url, version_1([sample("m")]))
    # A broker may make topics by itself.
    assert answer.status_code in (204, 503)
    if answer.status_code == 503:
        assert missing in answer.text and answer.headers["Retry-After"]
    assert post(deliverer.url, version_1([sample("m")]), path="/api/v1/write/nobody").status_code == 404


def test_several_tasks_and_sources(broker, deliver):
    one, two = broker.topic(), broker.topic()
    named = [{**REMOTE_WRITE, "name": name, "labels": [f"from={name}"]} for name in ("a", "b")]
    deliverer = deliver(one, task(one, name="one", sources=named), task(two, name="two"))
    at = now()
    made = [sample("m", {"n": str(n)}, at, n) for n in range(4)]
    for request, path in zip(made, ["", "/one", "/one?source=b", "/two"]):
        answer = post(deliverer.url, version_1([request]), path=f"/api/v1/write{path}")
        assert answer.status_code == 204, answer.text

    def labelled(which, origin):
        return Sample(label_key({**dict(which.labels), "from": origin}), which.timestamp, which.value)

    assert_same(
        reading.samples_of(one.read()),
        [labelled(made[0], "a"), labelled(made[0], "b"), labelled(made[1], "a"), labelled(made[1], "b"),
         labelled(made[2], "b")],
    )
    assert_same(reading.samples_of(two.read()), [made[0], made[3]])
    assert post(deliverer.url, version_1(made), path="/api/v1/write/one?source=c").status_code == 404
