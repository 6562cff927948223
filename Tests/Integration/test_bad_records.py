"""Poison: counted by reason, listed where it can be looked at, and never in the way of a good sample."""

import base64
import json

import pytest
import snappy

from harness import records
from harness.samples import assert_same, now, sample
from harness.waiting import eventually

GOOD = json.dumps(records.sample_object(sample("neighbour", {}, now())))


def half_bad(bad):
    """An array with a good sample on each side of a bad one."""
    at = str(now() - 1000)
    after = json.dumps({"__name__": "neighbour", "value": "2", "timestamp": at})
    return records.raw_block(f"[{GOOD},{bad},{after}]")


AT = str(now() - 2000)
# What a record is, the reason under which it is counted, and how many good samples it holds.
WHOLE_RECORDS = {
    "corrupt Snappy": (records.corrupt_snappy(b"x" * 200), "snappy"),
    "cut off Snappy": (records.truncated_snappy(b"0123456789" * 50), "snappy"),
    "four gigabytes claimed": (records.oversized_claim(), "oversized"),
    "broken JSON": (records.raw_block('[{"__name__": "up", "value": '), "json"),
    "a number instead of an array": (records.raw_block("42"), "json"),
    "no UTF-8": (records.raw_block(b'[{"__name__":"up","a":"\xff\xfe","value":"1","timestamp":"1"}]'), "json"),
    "gzip": (records.gzipped(f"[{GOOD}]".encode()), "gzip"),
    "zstd": (records.zstandard(f"[{GOOD}]".encode()), "zstd"),
    "xerial, cut off": (records.xerial(b"[" + b" " * 5000 + b"]")[:-3], "xerial"),
    "rubbish": (bytes(range(7, 200)), "unknown"),
}
ONE_BAD_SAMPLE = {
    "no name": f'{{"job":"a","value":"1","timestamp":"{AT}"}}',
    "empty name": f'{{"__name__":"","value":"1","timestamp":"{AT}"}}',
    "no value": f'{{"__name__":"bad","timestamp":"{AT}"}}',
    "no timestamp": '{"__name__":"bad","value":"1"}',
    "value no number": f'{{"__name__":"bad","value":"12abc","timestamp":"{AT}"}}',
    "timestamp no number": '{"__name__":"bad","value":"1","timestamp":"yesterday"}',
    "label no string": f'{{"__name__":"bad","job":{{"a":1}},"value":"1","timestamp":"{AT}"}}',
    "label twice": f'{{"__name__":"bad","job":"a","job":"b","value":"1","timestamp":"{AT}"}}',
    "no object": "17",
}


def flawed(gateway):
    """promring's count of dead letters by reason."""
    counted = gateway.own_metrics().get("promring_dead_letters_total", [])
    return {labels["reason"]: value for labels, value in counted if value}


@pytest.mark.parametrize("kind", WHOLE_RECORDS)
def test_a_bad_record_is_counted_and_listed_and_the_next_one_read(broker, serve, kind):
    poison, _ = WHOLE_RECORDS[kind]
    topic = broker.topic()
    before, after = sample("before"), sample("after")
    topic.produce([before])
    (offset,) = topic.produce_raw(poison)
    topic.produce([after])
    gateway = serve(topic)
    assert_same(gateway.wait_samples(2), [before, after])
    assert sum(flawed(gateway).values()) == 1, flawed(gateway)
    (letter,) = gateway.dead_letters()
    assert (letter["topic"], letter["partition"], letter["offset"]) == (topic.name, 0, offset)
    assert letter["reason"]


def test_each_kind_of_bad_record_has_a_reason_of_its_own(broker, serve):
    topic = broker.topic()
    offsets = topic.produce_raw(*(poison for poison, _ in WHOLE_RECORDS.values()))
    gateway = serve(topic)
    letters = {letter["offset"]: letter for letter in gateway.dead_letters()}
    assert sorted(letters) == sorted(offsets)
    reasons = {kind: letters[offset]["reason"] for kind, offset in zip(WHOLE_RECORDS, offsets)}
    assert len({reasons[kind] for kind in ("corrupt Snappy", "four gigabytes claimed", "broken JSON", "gzip")}) == 4


@pytest.mark.parametrize("kind", ONE_BAD_SAMPLE)
def test_the_good_samples_of_a_half_bad_record_are_kept(broker, serve, kind):
    topic = broker.topic()
    (offset,) = topic.produce_raw(half_bad(ONE_BAD_SAMPLE[kind]))
    gateway = serve(topic)
    assert {each.name for each in gateway.wait_samples(2)} == {"neighbour"}
    assert sum(flawed(gateway).values()) == 1, flawed(gateway)
    (letter,) = gateway.dead_letters()
    assert (letter["topic"], letter["partition"], letter["offset"]) == (topic.name, 0, offset)


EMPTY = {"tombstone": (None, "tombstone"), "no bytes": (b"", "empty"), "empty array": (records.raw_block(" [ ] "), "empty")}


@pytest.mark.parametrize("kind", EMPTY)
def test_an_empty_record_is_counted_and_no_dead_letter(broker, serve, kind):
    value, counted_as = EMPTY[kind]
    topic = broker.topic()
    after = sample("after")
    topic.produce_raw(value)
    topic.produce([after])
    gateway = serve(topic)
    assert_same(gateway.wait_samples(1), [after])
    assert gateway.own("promring_records_total", framing=counted_as) == 1
    assert flawed(gateway) == {}
    assert gateway.dead_letters() == []


def test_a_dead_letter_shows_the_first_bytes(broker, serve):
    topic = broker.topic()
    topic.produce_raw(records.gzipped(b"x" * 100))
    (letter,) = serve(topic).dead_letters()
    assert base64.b64decode(letter["first_bytes"]).startswith(b"\x1f\x8b\x08")


def test_the_list_of_dead_letters_is_bounded_and_keeps_the_newest(broker, serve):
    topic = broker.topic()
    offsets = topic.produce_raw(*([b"\x00bad"] * 2000))
    gateway = serve(topic)
    letters = gateway.dead_letters()
    assert 10 <= len(letters) < 2000
    assert offsets[-1] in {letter["offset"] for letter in letters}
    assert sum(flawed(gateway).values()) == 2000


def test_dead_letters_go_to_a_topic_of_their_own(broker, serve):
    topic, graveyard = broker.topic(), broker.topic()
    poison = [poison for poison, _ in WHOLE_RECORDS.values()]
    topic.produce_raw(*poison, None, records.raw_block("[]"))
    partly = half_bad(ONE_BAD_SAMPLE["no value"])
    topic.produce_raw(partly)
    after = sample("after")
    topic.produce([after])
    gateway = serve(topic, arguments=["--kafka-dead-letter-topic", graveyard.name])
    gateway.wait_samples(1, "after")

    def buried():
        found = graveyard.read()
        assert len(found) == len(poison) + 1, f"{len(found)} records"
        return found

    assert sorted(message.value() for message in eventually(buried, "the dead letters")) == sorted([*poison, partly])


def test_nothing_in_a_record_can_stop_a_partition_or_the_process(broker, serve):
    """Every record cut off at every length and with every byte flipped once; then a good one."""
    topic = broker.topic()
    good = records.delivered([sample("mangled", {"job": "a", "text": "é\n"}, now())])
    frames = [good, records.xerial(snappy.uncompress(good)), records.google_framed(snappy.uncompress(good)),
              records.hadoop(snappy.uncompress(good)), snappy.uncompress(good)]
    mangled = []
    for frame in frames:
        mangled += [frame[:length] for length in range(len(frame))]
        for at in range(len(frame)):
            for flip in (0x01, 0x80, 0xFF):
                mangled.append(frame[:at] + bytes([frame[at] ^ flip]) + frame[at + 1 :])
    topic.produce_raw(*mangled)
    after = sample("after")
    topic.produce([after])
    gateway = serve(topic)
    assert_same(gateway.wait_samples(1, "after"), [after])
    gateway.terminate()
