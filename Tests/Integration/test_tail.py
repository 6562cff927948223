"""`promring tail`: the decoded samples of a topic on standard output."""

import json
import signal

import pytest

from harness import records
from harness.gateway import command, environment
from harness.processes import Process
from harness.samples import assert_same, kubernetes_samples, Sample, label_key, sample
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
