"""`promring tail`: the decoded samples of a topic on standard output."""

import json
import signal
import subprocess

import pytest

from harness import records
from harness.gateway import command, environment
from harness.processes import Process
from harness.records import sample_object
from harness.samples import Sample, assert_same, kubernetes_samples, label_key, now, sample
from harness.waiting import eventually


@pytest.fixture
def tail(binary, tmp_path):
    started = []

    def start(topic, *arguments):
        words = command("tail", "--kafka-brokers", topic.broker.bootstrap, "--kafka-topic", topic.name, *arguments)
        started.append(Process(words, output=tmp_path / f"tail-{len(started)}", environment=environment()))
        return started[-1]

    yield start
    for each in started:
        each.stop()


def objects(process):
    """The JSON lines so far; log lines are none."""
    return [json.loads(line) for line in process.text().splitlines() if line.startswith(("{", "["))]


def samples_of(objects):
    found = []
    for each in objects:
        labels = {name: value for name, value in each.items() if name not in ("value", "timestamp")}
        found.append(Sample(label_key(labels), int(each["timestamp"]), float(each["value"])))
    return found


def run(topic, *arguments):
    """`promring tail … --until-end`: what it printed, as objects."""
    words = command(
        "tail", "--kafka-brokers", topic.broker.bootstrap, "--kafka-topic", topic.name, "--until-end", *arguments
    )
    outcome = subprocess.run(words, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, timeout=30)
    assert outcome.returncode == 0, outcome.stderr.decode()
    return [json.loads(line) for line in outcome.stdout.splitlines()]


def test_it_prints_what_a_topic_holds_as_json_lines(binary, broker):
    topic = broker.topic(partitions=3)
    made = list(kubernetes_samples(series=50, points=4))
    topic.produce(made)
    printed = run(topic, "--from-beginning")
    assert_same(samples_of(printed), made)
    assert all(isinstance(value, str) for each in printed for value in each.values())


def test_it_prints_the_arrays_as_they_were_delivered(binary, broker):
    topic = broker.topic()
    made = list(kubernetes_samples(series=20, points=2))
    topic.produce(made, batch=10)
    arrays = run(topic, "--from-beginning", "--output", "arrays")
    assert [len(array) for array in arrays] == [10, 10, 10, 10]
    assert arrays == [[sample_object(each) for each in made[at : at + 10]] for at in range(0, 40, 10)]


def test_it_begins_where_it_is_told(binary, broker):
    topic = broker.topic()
    old, new = sample("old", {}, now() - 3_600_000), sample("new", {}, now() - 1000)
    topic.produce([old])
    topic.produce([new])
    assert_same(samples_of(run(topic, "--since", "5m")), [new])
    assert run(topic) == []
    assert_same(samples_of(run(topic, "--from-beginning", "--limit", "1")), [old])


def test_it_prints_the_samples_that_arrive_as_json_lines(broker, tail):
    topic = broker.topic(partitions=2)
    process = tail(topic)
    made = []

    def printed_one():
        # Until the tail has its position, what is written is its past.
        made.append(sample("probe", {"n": str(len(made))}))
        topic.produce(made[-1:], partition=0)
        topic.produce(made[-1:], partition=1)
        return objects(process)

    eventually(printed_one, "a line", 20)
    more = list(kubernetes_samples(series=20, points=3))
    topic.produce(more)
    eventually(lambda: len([s for s in samples_of(objects(process)) if s.name != "probe"]) == len(more), "all of them")
    assert_same([s for s in samples_of(objects(process)) if s.name != "probe"], more)
    process.signal(signal.SIGTERM)
    assert process.wait(10) == 0


def test_a_bad_record_does_not_end_it(broker, tail):
    topic = broker.topic()
    process = tail(topic)

    def printed_one():
        topic.produce([sample("probe")])
        return objects(process)

    eventually(printed_one, "a line", 20)
    topic.produce_raw(b"poison", None, records.oversized_claim())
    topic.produce([sample("after")])
    eventually(lambda: [s for s in samples_of(objects(process)) if s.name == "after"], "the next sample")
