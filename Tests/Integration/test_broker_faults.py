"""What brokers and topics do on a bad day: nothing that Kafka still holds gets lost, and readiness tells what is."""

import signal
import time

import pytest

from harness.feeding import Feeding
from harness.samples import as_set, assert_same, kubernetes_samples, sample
from harness.waiting import eventually, throughout
from test_broker_trouble import GRACE, assert_healthy, not_ready, wait_trouble


def test_a_broker_that_hangs_is_told_and_survived(own_broker, serve):
    """A stopped process keeps its connections: nothing answers, and nothing is refused."""
    topic = own_broker.topic(partitions=2)
    made = list(kubernetes_samples(series=40, points=5))
    topic.produce(made)
    gateway = serve(topic, arguments=[*GRACE, "--kafka-property", "socket.timeout.ms=2000"])
    assert_same(gateway.wait_samples(len(made)), made)
    own_broker.pause()
    wait_trouble(gateway, "broker", "answer", "timed out")
    assert_healthy(gateway)
    assert_same(gateway.samples(), made)
    own_broker.resume()
    eventually(gateway.ready, "being ready again", 40)
    made.append(sample("more"))
    topic.produce(made[-1:])
    assert_same(gateway.wait_samples(len(made)), made)


def test_a_short_pause_is_no_trouble(own_broker, serve):
    topic = own_broker.topic()
    gateway = serve(topic)
    own_broker.pause()
    throughout(gateway.ready, 2, "being ready")
    own_broker.resume()
    topic.produce([sample("after")])
    gateway.wait_samples(1)


def test_a_broker_that_comes_and_goes_loses_nothing(own_broker, serve):
    """Restarted under load: producers wait for it, and so does the reader."""
    topic = own_broker.topic(partitions=3)
    gateway = serve(topic, arguments=GRACE)
    with Feeding(topic) as feeding:
        for _ in range(3):
            eventually(lambda count=len(feeding.made): len(feeding.made) > count + 200, "more samples")
            own_broker.stop()
            eventually(lambda: gateway.own("promring_kafka_broker_up") == 0, "the loss to be noticed")
            own_broker.start()
    assert_same(gateway.wait_samples(len(feeding.made), timeout=60), feeding.made)
    eventually(gateway.ready, "being ready again", 40)


def test_a_broker_that_is_killed_may_forget_what_was_read(own_broker, serve):
    """A broker that died before it wrote its log to disk comes back with a shorter one: the position is beyond its end."""
    topic = own_broker.topic()
    first = [sample("kept", {"n": str(n)}) for n in range(50)]
    topic.produce(first, batch=1)
    gateway = serve(topic, arguments=[*GRACE, "--kafka-metadata-interval", "1s"])
    gateway.wait_samples(50)
    own_broker.process.kill()
    wait_trouble(gateway, "broker")
    own_broker.start()
    if topic.name not in own_broker.admin.list_topics(timeout=10).topics:
        own_broker.create(topic)
    eventually(gateway.ready, "being ready again", 60)
    # Whatever is left of the log, new records are read, and samples that were read stay.
    more = [sample("more", {"n": str(n)}) for n in range(100)]
    topic.produce(more, batch=1)
    assert_same(gateway.wait_samples(150), [*first, *more])


def test_what_is_left_of_a_truncated_log_is_read_and_the_rest_counted(broker, serve):
    topic = broker.topic()
    before = [sample("before", {"n": str(n)}) for n in range(3)]
    topic.produce(before, batch=1)
    gateway = serve(topic, arguments=GRACE)
    gateway.wait_samples(3)
    # While it sleeps more is produced than the log keeps.
    gateway.process.signal(signal.SIGSTOP)
    late = [sample("late", {"n": str(n)}) for n in range(40)]
    topic.produce(late, batch=1)
    broker.truncate(topic, before=33)
    gateway.process.signal(signal.SIGCONT)
    assert_same(gateway.wait_samples(3 + 10), [*before, *late[30:]])
    assert gateway.own("promring_kafka_gaps_total") == 1
    assert gateway.own("promring_kafka_records_lost_total") == 30
    assert gateway.ready()


def test_a_log_that_was_truncated_before_the_start_is_read_from_its_new_beginning(broker, serve):
    topic = broker.topic()
    made = [sample("m", {"n": str(n)}) for n in range(40)]
    topic.produce(made, batch=1)
    broker.truncate(topic, before=15)
    kept = made[15:]
    first = serve(topic)
    assert_same(first.wait_samples(len(kept)), kept)
    # A second one after a deeper cut agrees with the topic; the first keeps what it has.
    broker.truncate(topic, before=30)
    assert_same(serve(topic).wait_samples(10), made[30:])
    assert_same(first.samples(), kept)
    assert first.own("promring_kafka_records_lost_total") == 0


def test_a_topic_that_is_deleted_and_made_anew_is_read_again(broker, serve):
    topic = broker.topic(partitions=2)
    first = [sample("first", {"n": str(n)}) for n in range(20)]
    topic.produce(first)
    gateway = serve(topic, arguments=[*GRACE, "--kafka-metadata-interval", "1s"])
    assert_same(gateway.wait_samples(20), first)
    broker.delete(topic)
    body = wait_trouble(gateway, "topic")
    assert topic.name in body
    assert_healthy(gateway)
    assert_same(gateway.samples(), first)
    broker.create(topic)
    second = [sample("second", {"n": str(n)}) for n in range(5)]
    topic.produce(second, batch=1)
    eventually(gateway.ready, "being ready again", 60)
    assert_same(gateway.wait_samples(25, timeout=60), [*first, *second])


def test_partitions_that_are_added_under_load_are_read_from_their_beginning(broker, serve):
    topic = broker.topic(partitions=1)
    gateway = serve(topic, arguments=["--kafka-metadata-interval", "1s"])
    grouped = serve(topic, arguments=[
        "--kafka-metadata-interval", "1s", "--kafka-mode", "group", "--kafka-group-id", topic.name,
    ])  # fmt: skip
    with Feeding(topic) as feeding:
        for total in (3, 6):
            broker.add_partitions(topic, total)
            for each in (gateway, grouped):
                eventually(lambda: each.own("promring_kafka_assigned_partitions") == total, f"{total} partitions", 40)
    for each in (gateway, grouped):
        assert_same(each.wait_samples(len(feeding.made)), feeding.made)
        assert each.ready()


@pytest.mark.parametrize(
    "seconds", [8, pytest.param(180, marks=[pytest.mark.long, pytest.mark.timeout(600)])], ids=["8s", "3min"]
)
def test_rebalances_every_few_seconds_lose_nothing(broker, serve, seconds):
    """Members come and go; what any of them is assigned it reads whole, so the one that stays has everything."""
    topic = broker.topic(partitions=6)
    arguments = ["--kafka-mode", "group", "--kafka-group-id", topic.name, "--kafka-property", "session.timeout.ms=6000"]
    stays = serve(topic, arguments=arguments)
    rounds = 0
    with Feeding(topic) as feeding:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            guest = serve(topic, arguments=arguments)
            eventually(lambda: guest.own("promring_kafka_assigned_partitions") > 0, "a share of the partitions", 60)
            guest.terminate()
            rounds += 1
    assert rounds > 1
    assert stays.own("promring_kafka_rebalances_total") >= rounds
    eventually(lambda: stays.own("promring_kafka_assigned_partitions") == 6, "all partitions", 60)

    def complete():
        missing = as_set(feeding.made) - as_set(stays.samples())
        assert not missing, f"{len(missing)} of {len(feeding.made)} samples are missing after {rounds} rounds"
        return True

    eventually(complete, "every sample", 60)
    stays.wait_ready()
    assert not_ready(stays) is None
