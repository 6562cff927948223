"""Readiness tells the truth while brokers, topics and credentials come and go; health does not care."""

import pytest

from harness.processes import free_port
from harness.refusing_broker import RefusingBroker
from harness.samples import assert_same, kubernetes_samples, sample
from harness.waiting import eventually, throughout

GRACE = ["--ready-grace", "2s"]
HEALTH = ["/-/healthy", "/healthz", "/livez"]
READINESS = ["/-/ready", "/readyz"]


def assert_healthy(gateway):
    for path in HEALTH:
        gateway.get(path)


def not_ready(gateway):
    """The body of 503, or nothing while it is ready. Both aliases have to agree."""
    answer = gateway.get("/-/ready", expect=None)
    return answer.text if answer.status_code == 503 else None


def wait_trouble(gateway, *causes):
    """Waits for 503 with one of these words in the body."""

    def told():
        body = not_ready(gateway)
        assert body and any(cause in body.lower() for cause in causes), body
        return body

    return eventually(told, f"503 naming one of {causes}", 40)


def test_a_broker_that_goes_away_and_returns_is_survived(own_broker, serve):
    topic = own_broker.topic(partitions=3)
    made = list(kubernetes_samples(series=50, points=5))
    topic.produce(made)
    gateway = serve(topic, arguments=GRACE)
    assert_same(gateway.wait_samples(len(made)), made)

    own_broker.stop()
    wait_trouble(gateway, "broker")
    assert_healthy(gateway)
    # What it holds it goes on serving.
    assert_same(gateway.samples(), made)
    throughout(lambda: not gateway.ready(), 1, "not being ready")

    own_broker.start()
    eventually(gateway.ready, "being ready again", 40)
    more = [sample("more", {"partition": str(partition)}) for partition in range(3)]
    for partition in range(3):
        topic.produce(more[partition : partition + 1], partition=partition)
    assert_same(gateway.wait_samples(len(made) + 3), [*made, *more])
    assert_healthy(gateway)


def test_a_broker_that_goes_away_and_returns_is_survived_in_a_group(own_broker, serve):
    topic = own_broker.topic(partitions=3)
    made = list(kubernetes_samples(series=50, points=5))
    topic.produce(made)
    arguments = [*GRACE, "--kafka-mode", "group", "--kafka-group-id", topic.name]
    arguments += ["--kafka-property", "session.timeout.ms=6000"]
    gateway = serve(topic, arguments=arguments)
    own_broker.stop()
    wait_trouble(gateway, "broker")
    own_broker.start()
    eventually(gateway.ready, "being ready again", 60)
    made.append(sample("more"))
    topic.produce(made[-1:])
    assert_same(gateway.wait_samples(len(made), timeout=60), made)


def test_a_short_absence_within_the_grace_time_is_no_trouble(own_broker, serve):
    topic = own_broker.topic()
    topic.produce([sample("before")])
    gateway = serve(topic, arguments=["--ready-grace", "1m"])
    own_broker.stop()
    throughout(gateway.ready, 3, "being ready")
    own_broker.start()
    topic.produce([sample("after")])
    gateway.wait_samples(2)
    assert gateway.ready()


def test_brokers_that_were_never_there(serve):
    arguments = ["serve", "--kafka-brokers", f"127.0.0.1:{free_port()}", "--kafka-topic", "any"]
    gateway = serve.run([*arguments, "--web-listen-address", "127.0.0.1:0", *GRACE], ready=False)
    assert not gateway.ready()
    wait_trouble(gateway, "broker")
    assert_healthy(gateway)
    throughout(lambda: not gateway.ready(), 2, "not being ready")


def test_a_topic_that_is_missing_is_named_and_found_when_it_appears(own_broker, serve):
    topic = own_broker.topic()
    topic.name = f"{topic.name}-later"
    arguments = [*GRACE, "--kafka-metadata-interval", "1s"]
    gateway = serve(topic, arguments=arguments, ready=False)
    body = wait_trouble(gateway, "topic")
    assert topic.name in body
    assert_healthy(gateway)
    own_broker.create(topic)
    made = [sample("at_last")]
    topic.produce(made)
    eventually(gateway.ready, "being ready", 40)
    assert_same(gateway.wait_samples(1), made)


def properties(*settings):
    return [word for setting in settings for word in ("--kafka-property", setting)]


def test_refused_authentication_is_named(serve):
    sasl = ["security.protocol=sasl_plaintext", "sasl.mechanism=PLAIN", "sasl.username=u", "sasl.password=pw-4711"]
    with RefusingBroker() as refusing:
        gateway = serve("any", broker=refusing, arguments=[*properties(*sasl), *GRACE], ready=False)
        body = wait_trouble(gateway, "auth")
        assert "pw-4711" not in body
        assert_healthy(gateway)
        status = gateway.get("/api/v1/status/kafka").text
        assert "pw-4711" not in status and "uthentication" in status
        gateway.terminate()
    assert "pw-4711" not in gateway.process.text()


def test_tls_to_a_broker_without_it_is_named(broker, serve):
    gateway = serve(broker.topic(), arguments=[*properties("security.protocol=ssl"), *GRACE], ready=False)
    wait_trouble(gateway, "ssl", "tls")
    assert_healthy(gateway)


@pytest.mark.parametrize("path", READINESS)
def test_not_ready_while_replaying_and_then_everything_is_there(broker, serve, path):
    topic = broker.topic(partitions=4)
    made = list(kubernetes_samples(series=3000, points=50))
    topic.produce(made)
    gateway = serve(topic, ready=False)
    seen = set()

    def ready():
        answer = gateway.get(path, expect=None)
        seen.add(answer.status_code)
        if answer.status_code == 503:
            assert_healthy(gateway)
        return answer.status_code == 200

    eventually(ready, path)
    # From the first 200 on, the whole window is there.
    assert len(gateway.samples()) == len(made)
    assert seen == {503, 200}, "it was ready before anything could have been replayed"


def test_an_empty_topic_is_ready_at_once(broker, serve):
    gateway = serve(broker.topic(partitions=3))
    assert gateway.samples() == []
    assert gateway.api("series?match[]=up") == []


def test_kafka_status_tells_lag_and_assignment(broker, serve):
    topic = broker.topic(partitions=3)
    made = list(kubernetes_samples(series=60, points=4))
    topic.produce(made, batch=10)
    gateway = serve(topic)
    gateway.wait_samples(len(made))
    ends = {number: 0 for number in range(3)}
    for message in topic.read():
        ends[message.partition()] = message.offset() + 1

    def caught_up():
        status = gateway.api("status/kafka")
        partitions = {each["partition"]: each for each in status["partitions"]}
        assert sorted(partitions) == [0, 1, 2]
        for number, each in partitions.items():
            assert each["topic"] == topic.name
            assert each["replayed"] is True
            assert each["position"] == ends[number]
            assert each["high_watermark"] == ends[number]
            assert each["lag_records"] == 0
            assert 0 <= each["lag_seconds"] < 60
        return True

    eventually(caught_up, "the status to show the end of each partition")
    assert gateway.own("promring_kafka_lag_records") == 0
    assert gateway.own("promring_kafka_assigned_partitions") == 3
