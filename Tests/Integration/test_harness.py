"""The harness itself: what the other tests trust without looking."""

import json

import pytest
import snappy

from harness import records
from harness.samples import assert_same, kubernetes_samples, sample


def test_a_record_of_the_delivered_format_is_one_snappy_block_of_one_array_of_flat_string_objects():
    made = [sample("up", {"job": "a", "type": "x"}, timestamp=1698732988354, value=675)]
    decoded = json.loads(snappy.uncompress(records.delivered(made)))
    assert decoded == [{"__name__": "up", "job": "a", "type": "x", "value": "675.0", "timestamp": "1698732988354"}]


def test_what_confluent_kafka_writes_is_in_the_topic_with_the_time_of_its_newest_sample(broker):
    topic = broker.topic(partitions=3)
    made = list(kubernetes_samples(series=30, points=4, end=1698732988354))
    count = topic.produce(made, batch=50)
    messages = topic.read()
    assert len(messages) == count
    found = [each for message in messages for each in json.loads(snappy.uncompress(message.value()))]
    assert len(found) == len(made)
    newest = {message.partition(): message.timestamp()[1] for message in messages}
    assert set(newest.values()) == {1698732988354}


def test_kcat_writes_a_record_as_it_is(broker, tmp_path):
    topic = broker.topic()
    value = records.delivered([sample("up", {"odd": "line\nfeed"})])
    topic.produce_with_kcat(value, tmp_path)
    assert [message.value() for message in topic.read()] == [value]


@pytest.mark.parametrize("poison", [records.corrupt_snappy(b"x" * 100), records.oversized_claim()], ids=["copy", "claim"])
def test_poison_is_poison(poison):
    with pytest.raises(Exception):
        snappy.uncompress(poison)


def test_a_broker_that_was_stopped_comes_back_with_its_records(own_broker):
    topic = own_broker.topic(partitions=2)
    count = topic.produce(kubernetes_samples(series=10, points=10), batch=10)
    own_broker.stop()
    own_broker.start()
    assert len(topic.read()) == count


def test_differences_between_sets_of_samples_are_found():
    made = [sample("a", timestamp=1, value=float("nan")), sample("a", timestamp=2)]
    assert_same(made[::-1], made)
    for wrong in [made[:1], [*made, sample("b")], [made[0], sample("a", timestamp=2, value=2)]]:
        with pytest.raises(AssertionError):
            assert_same(wrong, made)
