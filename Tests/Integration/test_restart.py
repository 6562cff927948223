"""Kafka is the write-ahead log: whatever happens to the process, its successor gives the same answers."""

import random
import signal

from harness.samples import assert_same, kubernetes_samples, sample

# Asked before and after. A page of selected series has none of promring's own metrics, which do change.
QUESTIONS = [
    ("/api/v1/samples", {"match[]": '{__name__=~".+"}', "format": "csv"}),
    ("/api/v1/samples", {"match[]": 'up{job="kubelet"}', "order": "newest", "limit": "7"}),
    ("/api/v1/series", {"match[]": "apiserver_request_duration_seconds_bucket"}),
    ("/api/v1/labels", {}),
    ("/api/v1/label/namespace/values", {}),
    ("/federate", {"match[]": '{__name__=~".+"}'}),
    ("/metrics", {"match[]": '{__name__=~".+"}'}),
]


def answers(gateway):
    """Everything that the questions bring. The order of series is nobody's promise in /series and within a family."""
    found = []
    for path, parameters in QUESTIONS:
        answer = gateway.get(path, parameters)
        if path == "/api/v1/series":
            found.append(sorted(map(str, answer.json()["data"])))
        else:
            found.append(sorted(answer.text.splitlines()) if path in ("/federate", "/metrics") else answer.text)
    return found


def test_the_answers_after_kill_9_are_those_before(broker, serve):
    topic = broker.topic(partitions=4)
    made = list(kubernetes_samples(series=300, points=20))
    random.Random(5).shuffle(made)
    # Some records twice, some poison: what made the first answers must make the second.
    topic.produce(made, batch=100)
    topic.produce(made[:500], batch=100)
    topic.produce_raw(b"poison", None, partition=2)
    first = serve(topic)
    assert_same(first.wait_samples(len(made)), made)
    before = answers(first)
    first.kill9()
    second = serve(topic)
    assert answers(second) == before


def test_kill_9_while_records_arrive_loses_nothing(broker, serve):
    topic = broker.topic(partitions=4)
    made = list(kubernetes_samples(series=200, points=30))
    topic.produce(made[:2000], batch=50)
    first = serve(topic, ready=False)
    topic.produce(made[2000:4000], batch=50)
    first.kill9()
    topic.produce(made[4000:], batch=50)
    second = serve(topic)
    assert_same(second.wait_samples(len(made)), made)


def test_two_replicas_agree(broker, serve):
    topic = broker.topic(partitions=4)
    made = list(kubernetes_samples(series=200, points=10))
    topic.produce(made)
    assert answers(serve(topic)) == answers(serve(topic))


def test_sigterm_exits_with_0_in_time(broker, serve):
    topic = broker.topic(partitions=2)
    topic.produce([sample("up")])
    for mode in ("all", "group"):
        gateway = serve(topic, arguments=["--kafka-mode", mode, "--kafka-group-id", topic.name])
        gateway.terminate(within=10)


def test_sigint_ends_it_as_well(broker, serve):
    gateway = serve(broker.topic())
    gateway.process.signal(signal.SIGINT)
    assert gateway.process.wait(10) == 0


def test_sigterm_during_the_replay(broker, serve):
    topic = broker.topic(partitions=2)
    topic.produce(kubernetes_samples(series=2000, points=50), batch=500)
    serve(topic, ready=False).terminate(within=10)


def test_sigterm_while_the_brokers_are_away(own_broker, serve):
    topic = own_broker.topic()
    for mode in ("all", "group"):
        gateway = serve(topic, arguments=["--kafka-mode", mode, "--kafka-group-id", topic.name])
        own_broker.stop()
        gateway.terminate(within=10)
        own_broker.start()


def test_a_response_under_way_is_finished_before_the_exit(broker, serve):
    topic = broker.topic(partitions=2)
    made = list(kubernetes_samples(series=3000, points=20))
    topic.produce(made)
    gateway = serve(topic)
    parameters = {"match[]": '{__name__=~".+"}', "format": "ndjson"}
    answer = gateway.get("/api/v1/samples", parameters, stream=True)
    lines = answer.iter_lines()
    first = next(lines)
    gateway.process.signal(signal.SIGTERM)
    assert len([first, *lines]) == len(made)
    assert gateway.process.wait(10) == 0
