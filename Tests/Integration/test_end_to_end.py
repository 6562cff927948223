"""Records of other people's clients go in, the same samples come out."""

import json
import random

import pytest

from harness import records
from harness.samples import Sample, assert_same, kubernetes_samples, now, sample
from harness.waiting import eventually


@pytest.mark.parametrize("mode", ["all", "group"])
def test_what_was_produced_is_what_is_served(broker, serve, mode):
    topic = broker.topic(partitions=4)
    made = list(kubernetes_samples(series=200, points=10))
    topic.produce(made)
    gateway = serve(topic, arguments=["--kafka-mode", mode, "--kafka-group-id", topic.name])
    assert_same(gateway.wait_samples(len(made)), made)


def test_samples_that_arrive_while_it_runs_are_served_soon(broker, serve):
    topic = broker.topic(partitions=2)
    gateway = serve(topic)
    made = []
    for value in range(5):
        made.append(sample("live", {"partition": str(value % 2)}, timestamp=now(), value=value))
        topic.produce(made[-1:], partition=value % 2)
        assert_same(gateway.wait_samples(len(made), timeout=5), made)


def test_a_record_that_kcat_wrote(broker, serve, tmp_path):
    topic = broker.topic()
    made = list(kubernetes_samples(series=20, points=2))
    topic.produce_with_kcat(records.delivered(made), tmp_path)
    assert_same(serve(topic).wait_samples(len(made)), made)


@pytest.mark.parametrize("compression", ["gzip", "snappy", "lz4", "zstd"])
def test_kafkas_own_compression_around_the_delivered_one(broker, serve, compression):
    topic = broker.topic()
    made = list(kubernetes_samples(series=50, points=4))
    topic.produce(made, batch=20, **{"compression.type": compression})
    assert_same(serve(topic).wait_samples(len(made)), made)


FRAMINGS = {
    "raw": records.raw_block,
    "xerial": records.xerial,
    "framed": records.google_framed,
    "hadoop": records.hadoop,
    "plain": lambda data: data,
}


@pytest.mark.parametrize("framing", FRAMINGS)
def test_other_framings_of_the_field_are_recognised_and_counted(broker, serve, framing):
    topic = broker.topic()
    made = list(kubernetes_samples(series=50, points=4))
    topic.produce(made, batch=40, encode=lambda some: FRAMINGS[framing](records.array_json(some)))
    gateway = serve(topic)
    assert_same(gateway.wait_samples(len(made)), made)
    counted = gateway.own_metrics()["promring_records_total"]
    assert sum(value for labels, value in counted if value) == 5
    assert len([labels for labels, value in counted if value]) == 1, counted


def test_framings_mixed_in_one_partition(broker, serve):
    topic = broker.topic()
    made = list(kubernetes_samples(series=50, points=4))
    for number, encode in enumerate([*FRAMINGS.values()] * 2):
        some = made[number::10]
        topic.produce(some, encode=lambda these: encode(records.array_json(these)))
    assert_same(serve(topic).wait_samples(len(made)), made)


def test_several_topics(broker, serve):
    topics = [broker.topic(partitions=2) for _ in range(3)]
    made = list(kubernetes_samples(series=90, points=3))
    for number, topic in enumerate(topics):
        topic.produce(made[number::3])
    assert_same(serve(*topics).wait_samples(len(made)), made)


@pytest.mark.parametrize("mode", ["all", "group"])
def test_a_regular_expression_of_topics(broker, serve, mode):
    family = f"metrics-{mode}-{random.getrandbits(32):x}"
    one, two = broker.topic(prefix=f"{family}-one"), broker.topic(prefix=f"{family}-two")
    other = broker.topic(prefix=f"other-{family}")
    made = [sample("wanted", {"topic": "one"}), sample("wanted", {"topic": "two"})]
    one.produce(made[:1])
    two.produce(made[1:])
    other.produce([sample("unwanted")])
    arguments = ["--kafka-mode", mode, "--kafka-group-id", family, "--kafka-metadata-interval", "1s"]
    gateway = serve(f"^{family}-.*", broker=broker, arguments=arguments)
    assert_same(gateway.wait_samples(2), made)
    # A topic of that name that comes later is found, too.
    three = broker.topic(prefix=f"{family}-three")
    made.append(sample("wanted", {"topic": "three"}))
    three.produce(made[-1:])
    assert_same(gateway.wait_samples(3), made)


@pytest.mark.parametrize("mode", ["all", "group"])
def test_new_partitions_are_picked_up(broker, serve, mode):
    topic = broker.topic(partitions=1)
    made = [sample("before")]
    topic.produce(made)
    arguments = ["--kafka-mode", mode, "--kafka-group-id", topic.name, "--kafka-metadata-interval", "1s"]
    gateway = serve(topic, arguments=arguments)
    broker.add_partitions(topic, 3)
    for partition in range(3):
        made.append(sample("after", {"partition": str(partition)}))
        topic.produce(made[-1:], partition=partition)
    assert_same(gateway.wait_samples(len(made)), made)


# --- Reading the format generously --------------------------------------------------------------------------------------


def test_every_spelling_of_an_element(broker, serve):
    topic = broker.topic()
    at = now() - 60_000
    text = f"""
      [ {{"timestamp" : {at}, "value" : 675, "__name__" : "numbers", "job":"a"}},
        {{"__name__":"escapes","value":"1.5","timestamp":"{at}","text":"\\u00e9 \\ud83d\\ude00 \\" \\\\ \\/ \\n \\t"}},
        {{"__name__":"java","value":"1.0E16","timestamp":"{at}"}},
        {{"__name__":"infinity","value":"-Infinity","timestamp":"{at}"}},
        {{"__name__":"inf","value":"+Inf","timestamp":"{at}"}},
        {{"__name__":"nan","value":"NaN","timestamp":"{at}"}},
        {{"__name__":"absent","empty":"","value":"1","timestamp":"{at}"}},
        {{"__name__":"seconds","value":"1","timestamp":"{at // 1000}"}},
        {{"__name__":"reserved_by_nobody","name":"n","type":"t","operation":"o","value":"1","timestamp":"{at}"}} ]
    """
    lone = {"__name__": "lone", "value": "7", "timestamp": str(at)}
    topic.produce_raw(records.raw_block(text), records.raw_block(json.dumps(lone)))
    expected = [
        sample("numbers", {"job": "a"}, at, 675),
        sample("escapes", {"text": 'é 😀 " \\ / \n \t'}, at, 1.5),
        sample("java", {}, at, 1e16),
        sample("infinity", {}, at, float("-inf")),
        sample("inf", {}, at, float("inf")),
        sample("nan", {}, at, float("nan")),
        sample("absent", {}, at, 1),
        sample("seconds", {}, at // 1000 * 1000, 1),
        sample("reserved_by_nobody", {"name": "n", "type": "t", "operation": "o"}, at, 1),
        sample("lone", {}, at, 7),
    ]
    gateway = serve(topic)
    assert_same(gateway.wait_samples(len(expected)), expected)


def test_labels_are_compared_by_bytes(broker, serve):
    topic = broker.topic()
    at = now()
    # The same letter to a reader, composed and decomposed: two label values, as in Prometheus.
    made = [sample("letters", {"text": "é"}, at, 1), sample("letters", {"text": "e\u0301"}, at, 2)]
    topic.produce(made)
    gateway = serve(topic)
    assert_same(gateway.wait_samples(2), made)
    assert_same(gateway.samples('letters{text="e\u0301"}'), made[1:])


# --- The buffer's rules -------------------------------------------------------------------------------------------------


def test_repeats_change_nothing_and_are_counted(broker, serve):
    topic = broker.topic(partitions=2)
    made = list(kubernetes_samples(series=20, points=5))
    topic.produce(made)
    topic.produce(made)
    conflicting = [Sample(labels, at, 4711.0) for labels, at, _ in made[:7]]
    gateway = serve(topic)
    topic.produce(conflicting)
    marker = sample("marker")
    topic.produce([marker], partition=0)
    topic.produce([marker], partition=1)
    eventually(lambda: gateway.own("promring_samples_duplicate_total") >= len(made) + 1, "the repeats to be counted")
    eventually(lambda: gateway.own("promring_samples_conflicting_total") == 7, "the conflicts to be counted")
    assert_same(gateway.samples(), [*made, marker])


def test_samples_out_of_order_land_where_they_belong(broker, serve):
    topic = broker.topic()
    made = list(kubernetes_samples(series=20, points=60, step=50_000))
    shuffled = made[:]
    random.Random(7).shuffle(shuffled)
    topic.produce(shuffled, batch=37)
    assert_same(serve(topic).wait_samples(len(made)), made)


def test_samples_outside_the_window_are_dropped_and_counted(broker, serve):
    topic = broker.topic()
    gateway = serve(topic, arguments=["--buffer-retention", "10m", "--buffer-future-skew", "1m"])
    inside = [sample("inside", {"age": "9m"}, now() - 9 * 60_000), sample("inside", {"age": "-30s"}, now() + 30_000)]
    old, future = sample("old", {}, now() - 15 * 60_000), sample("future", {}, now() + 5 * 60_000)
    # In one record of today: the record is within the window, the sample is not.
    topic.produce_raw(records.delivered([old, inside[0], future, inside[1]]))
    assert_same(gateway.wait_samples(2), inside)
    eventually(lambda: gateway.dropped("too_old") == 1, "the old sample to be counted")
    eventually(lambda: gateway.dropped("too_new") == 1, "the future sample to be counted")


def test_records_older_than_the_window_are_not_replayed(broker, serve):
    topic = broker.topic()
    old = list(kubernetes_samples(series=10, points=5, end=now() - 7_200_000))
    new = list(kubernetes_samples(series=10, points=5))
    topic.produce(old)
    topic.produce(new)
    gateway = serve(topic)
    assert_same(gateway.wait_samples(len(new)), new)
    assert gateway.dropped("too_old") == 0, "they should not even have been read"


def test_without_a_time_limit_old_samples_are_kept(broker, serve):
    topic = broker.topic(config={"retention.ms": "-1"})  # or the broker may delete records that are so old
    made = list(kubernetes_samples(series=5, points=50, step=3_600_000, end=1698732988354))
    topic.produce(made, batch=25)
    gateway = serve(topic, arguments=["--buffer-retention", "0"])
    assert_same(gateway.wait_samples(len(made)), made)


def test_a_series_above_the_limit_is_refused_and_existing_ones_go_on(broker, serve):
    topic = broker.topic()
    gateway = serve(topic, arguments=["--buffer-max-series", "10"])
    at = now() - 10_000
    first = [sample("kept", {"n": str(n)}, at, n) for n in range(10)]
    topic.produce(first)
    gateway.wait_samples(10)
    refused = [sample("refused", {"n": str(n)}, at + 1000, n) for n in range(5)]
    more = [sample("kept", {"n": str(n)}, at + 1000, n) for n in range(10)]
    topic.produce([*refused, *more])
    assert_same(gateway.wait_samples(20), [*first, *more])
    assert gateway.own("promring_series_refused_total") == 5


def test_labels_above_the_limits_are_refused_and_their_neighbours_kept(broker, serve):
    topic = broker.topic()
    limits = ["--buffer-max-labels", "5", "--buffer-max-label-name-bytes", "20", "--buffer-max-label-value-bytes", "50"]
    gateway = serve(topic, arguments=limits)
    good = sample("good", {"a": "1", "b": "2", "c": "3", "d": "4"})
    many = sample("many", {letter: "x" for letter in "abcde"})
    name, value = sample("name", {"n" * 21: "x"}), sample("value", {"n": "x" * 51})
    topic.produce([many, name, value, good])
    assert_same(gateway.wait_samples(1), [good])
    assert gateway.own("promring_series_refused_total") == 3


def test_the_memory_budget_is_kept_by_dropping_the_oldest(broker, serve):
    topic = broker.topic(partitions=2)
    budget, series, points, step, end = 8 << 20, 600, 2000, 1500, now()
    rng = random.Random(3)
    # Values without a pattern take about ten bytes each: half as much again as the budget.
    made = (
        sample("noise", {"n": str(n)}, end - (points - 1 - point) * step, rng.random())
        for point in range(points)
        for n in range(series)
    )
    topic.produce(made, batch=2000)
    gateway = serve(topic, arguments=["--buffer-max-bytes", str(budget)])
    assert gateway.own("promring_buffer_bytes") <= budget
    assert gateway.dropped("out_of_memory") == 0, "a new sample goes before an old one"
    for n in range(0, series, 100):
        times = sorted(each.timestamp for each in gateway.samples(f'noise{{n="{n}"}}'))
        assert times[-1] == end
        assert 0 < len(times) < points, "the oldest should have gone"
        # What is left is one stretch up to now, not a window with holes.
        assert all(later - earlier == step for earlier, later in zip(times, times[1:]))
