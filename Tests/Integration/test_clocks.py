"""Timestamps from clocks that jump: what is out of bounds is dropped and counted, and costs nobody else anything."""

import json

from harness import records
from harness.samples import assert_same, kubernetes_samples, now, sample

HOUR = 3_600_000


def odd(timestamp):
    """A record with one sample whose timestamp is written as this text."""
    return records.raw_block(f'[{{"__name__":"odd","value":"1","timestamp":{json.dumps(timestamp)}}}]')


def test_a_clock_that_jumps_moves_nothing_but_its_own_samples(broker, serve):
    topic = broker.topic(partitions=2)
    good = list(kubernetes_samples(series=50, points=10))
    topic.produce(good)
    gateway = serve(topic)
    at = now()
    future = [str(at + 11 * 60_000), str(at + 400 * 24 * HOUR), str(2**62), str(2**63 - 1)]
    past = [str(at - 2 * HOUR), "0", "1", "-1", str(-at), str(-(2**62)), str(-(2**63))]
    overflowing = [str(2**63), "9" * 30, "-" + "9" * 30]
    texts = ["", "now", "NaN", "1e400", "0x10"]
    topic.produce_raw(*map(odd, [*future, *past, *overflowing, *texts]), timestamp=at)
    # Within the skew that is allowed; the window does not move for it.
    near = sample("near", timestamp=now() + 9 * 60_000)
    after = sample("after")
    topic.produce([near, after])
    assert_same(gateway.wait_samples(len(good) + 2), [*good, near, after])
    assert gateway.dropped("too_new") == len(future)
    assert gateway.dropped("too_old") == len(past)
    letters = gateway.own("promring_dead_letters_total")
    assert letters == len(overflowing) + len(texts), gateway.dead_letters()
    # A successor that reads all of it at once, the jumps first or not, says the same.
    assert_same(serve(topic).wait_samples(len(good) + 2), [*good, near, after])


def test_a_record_that_claims_a_wild_time_hides_none_of_its_neighbours(broker, serve):
    """Kafka's own record timestamps decide where the reading starts: with those of mad clocks it starts too early, not
    too late."""
    topic = broker.topic()
    made = []
    for record_time in (now(), 1, now() + 24 * HOUR, now()):
        made.append(sample("m", {"n": str(len(made))}))
        topic.produce_raw(records.delivered(made[-1:]), timestamp=record_time)
    gateway = serve(topic)
    assert_same(gateway.wait_samples(len(made)), made)


def test_samples_in_seconds_are_told_apart(broker, serve):
    topic = broker.topic()
    at = now() // 1000
    topic.produce_raw(odd(str(at)), timestamp=at * 1000)
    gateway = serve(topic)
    (found,) = gateway.wait_samples(1, "odd")
    assert found.timestamp == at * 1000
    assert gateway.own("promring_samples_in_seconds_total") == 1
