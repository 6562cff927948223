"""Mode group: processes share the partitions, together they hold everything."""

from harness.samples import assert_same, kubernetes_samples, now, sample
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


def test_two_share_the_partitions_and_hold_everything_together(broker, serve):
    topic, made = filled(broker)
    first = start(serve, topic)
    assert_same(first.wait_samples(len(made)), made)
    second = start(serve, topic)
    shares = wait_assigned([first, second], [3, 3])
    # Each holds its share and no series of the other's.
    for gateway, share in zip([first, second], shares):
        own = share_of(topic, made, share)
        gateway.wait_ready()
        assert_same(gateway.wait_samples(len(own)), own)


def test_the_partitions_of_one_that_leaves_move_with_their_past(broker, serve):
    topic, made = filled(broker)
    first, second = start(serve, topic), start(serve, topic)
    wait_assigned([first, second], [3, 3])
    second.terminate()
    wait_assigned([first], [6])
    assert_same(first.wait_samples(len(made)), made)
    first.wait_ready()


def test_the_partitions_of_one_that_was_killed_move_with_their_past(broker, serve):
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
        own = share_of(topic, [*made, *late], share)
        assert_same(gateway.wait_samples(len(own)), own)


def test_ready_means_replayed_after_each_assignment(broker, serve):
    topic, made = filled(broker)
    first = start(serve, topic)
    second = start(serve, topic)
    # Both said "ready" at some time; whenever both do with their shares, the samples of these are there.

    def both_ready():
        shares = [assigned(first), assigned(second)]
        return sorted(map(len, shares)) == [3, 3] and first.ready() and second.ready() and shares

    for gateway, share in zip([first, second], eventually(both_ready, "both to be ready with three each", 60)):
        assert_same(gateway.samples(), share_of(topic, made, share))


def test_committed_offsets_are_for_monitors(broker, serve):
    """Lag monitors read them; promring itself starts from the window, not from there."""
    topic, made = filled(broker)
    start(serve, topic).terminate()
    again = start(serve, topic)
    assert_same(again.wait_samples(len(made)), made)
