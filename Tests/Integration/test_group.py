"""Mode group: processes share the partitions, together they hold everything."""

import pytest

from harness.samples import as_set, assert_same, kubernetes_samples, now, sample
from harness.waiting import eventually

PARTITIONS = 6


def start(serve, topic, **options):
    # The broker notices a member that was killed after this time; the default is 45 s.
    arguments = ["--kafka-mode", "group", "--kafka-group-id", topic.name, "--kafka-property", "session.timeout.ms=6000"]
    return serve(topic, arguments=arguments, **options)


def assigned(gateway):
    """The partitions that a process holds, as /api/v1/status/kafka tells them."""
    return {each["partition"] for each in gateway.api("status/kafka")["partitions"]}


def wait_assigned(gateways, sizes):
    """Waits until the processes share all partitions in shares of these sizes; returns the shares."""

    def shared():
        shares = [assigned(gateway) for gateway in gateways]
        assert sorted(map(len, shares)) == sorted(sizes), shares
        assert set().union(*shares) == set(range(PARTITIONS)), shares
        return shares

    return eventually(shared, f"shares of {sizes} partitions", 60)


def filled(broker):
    topic = broker.topic(partitions=PARTITIONS)
    made = list(kubernetes_samples(series=300, points=10))
    topic.produce(made)
    return topic, made


def share_of(topic, made, partitions):
    return [each for each in made if topic.partition_of(each.labels) in partitions]


def wait_holds_share(gateway, topic, made, partitions):
    """Waits until a process holds every sample of these partitions; returns all that it holds.

    That may be more: a partition that it had before and gave away, which leaves with the window.
    """
    share = as_set(share_of(topic, made, partitions))

    def complete():
        held = as_set(gateway.samples())
        assert share <= held, f"{len(share - held)} of {len(share)} samples are missing"
        assert held <= as_set(made), f"{len(held - as_set(made))} samples that nobody made"
        return held

    return eventually(complete, f"all samples of partitions {sorted(partitions)}")


def test_two_share_the_partitions_and_hold_everything_together(broker, serve):
    topic, made = filled(broker)
    first = start(serve, topic)
    assert_same(first.wait_samples(len(made)), made)
    second = start(serve, topic)
    shares = wait_assigned([first, second], [3, 3])
    assert not shares[0] & shares[1]
    held = [wait_holds_share(gateway, topic, made, share) for gateway, share in zip([first, second], shares)]
    assert held[0] | held[1] == as_set(made)
    # What arrives from now on is taken in by one of the two, and by one alone.
    late = [sample("late", {"n": str(n)}) for n in range(60)]
    topic.produce(late)
    eventually(lambda: len(first.samples("late")) + len(second.samples("late")) == len(late), "the late samples")
    assert_same([*first.samples("late"), *second.samples("late")], late)
    assert first.samples("late") and second.samples("late")


def test_the_partitions_of_one_that_leaves_move_with_their_past(broker, serve):
    topic, made = filled(broker)
    first, second = start(serve, topic), start(serve, topic)
    wait_assigned([first, second], [3, 3])
    late = list(kubernetes_samples(series=100, points=1, seed=2))
    topic.produce(late)
    # The first that came leaves: what the second takes over it may never have read before.
    first.terminate()
    wait_assigned([second], [6])
    assert_same(second.wait_samples(len(made) + len(late)), [*made, *late])
    second.wait_ready()


def test_the_partitions_of_one_that_was_killed_move_with_their_past(broker, serve):
    if broker.ours:
        pytest.skip("noida-db never expires a member that has died; give a Kafka in PROMRING_TEST_BROKERS")
    topic, made = filled(broker)
    first, second = start(serve, topic), start(serve, topic)
    wait_assigned([first, second], [3, 3])
    first.kill9()
    wait_assigned([second], [6])
    assert_same(second.wait_samples(len(made)), made)


def test_records_that_arrive_during_a_rebalance_are_not_lost(broker, serve):
    topic, made = filled(broker)
    first = start(serve, topic)
    second = start(serve, topic, ready=False)
    late = []
    for round in range(20):
        late += [sample("late", {"n": str(round * 10 + n)}, now()) for n in range(10)]
        topic.produce(late[-10:], batch=1)
    shares = wait_assigned([first, second], [3, 3])
    for gateway, share in zip([first, second], shares):
        wait_holds_share(gateway, topic, [*made, *late], share)


def test_ready_means_replayed_after_each_assignment(broker, serve):
    topic, made = filled(broker)
    first = start(serve, topic)
    second = start(serve, topic)

    def both_ready():
        shares = [assigned(first), assigned(second)]
        return sorted(map(len, shares)) == [3, 3] and first.ready() and second.ready() and shares

    shares = eventually(both_ready, "both to be ready with three each", 60)
    for gateway, share in zip([first, second], shares):
        assert as_set(share_of(topic, made, share)) <= as_set(gateway.samples())


def test_committed_offsets_are_for_monitors(broker, serve):
    """promring starts from the window, not from the offsets that its group committed."""
    topic, made = filled(broker)
    start(serve, topic).terminate()
    assert_same(start(serve, topic).wait_samples(len(made)), made)
