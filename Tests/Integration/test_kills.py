"""`kill -9` again and again while records arrive: nothing that Kafka holds is ever missing."""

import random
import time

import pytest

from delivery.reading import samples_of
from harness.feeding import Feeding
from harness.samples import assert_same

LONG = pytest.mark.long


@pytest.mark.parametrize("kills", [5, pytest.param(100, marks=[LONG, pytest.mark.timeout(1200)])])
def test_the_window_after_many_kills_is_the_topic(broker, serve, kills):
    topic = broker.topic(partitions=4)
    rng = random.Random(kills)
    held = 0
    with Feeding(topic) as feeding:
        for number in range(kills):
            gateway = serve(topic, ready=False)
            # Killed at any point of its life: at the start, during the replay, while it follows.
            if rng.random() < 0.5:
                gateway.wait_ready()
                there = gateway.samples()
                assert len(there) >= held, f"after kill {number} there are fewer samples than before"
                held = len(there)
            time.sleep(rng.random() / 2)  # when it dies is the input of this test
            gateway.kill9()
    made = feeding.made
    assert_same(samples_of(topic.read()), made)
    gateway = serve(topic)
    assert_same(gateway.wait_samples(len(made), timeout=60), made)
    assert gateway.dead_letters() == [] and gateway.dropped("too_old") == 0


def test_one_that_follows_misses_nothing_while_its_twins_are_killed(broker, serve):
    """They share nothing but the topic."""
    topic = broker.topic(partitions=6)
    with Feeding(topic) as feeding:
        stays = serve(topic)
        for _ in range(3):
            serve(topic).kill9()
    assert_same(stays.wait_samples(len(feeding.made)), feeding.made)
