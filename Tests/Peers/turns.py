"""Asking several servers the same thing in turn, so that what disturbs the machine disturbs all of them."""

import statistics
import time
from typing import NamedTuple


class Timing(NamedTuple):
    #: Median seconds by the clock until the whole answer is there.
    wall: float
    #: Mean seconds of CPU time of the server.
    cpu: float


def take_turns(peers, ask, repetitions, warm_up=2):
    """`{name: Timing}` of `ask(peer, repetition)`; the first repetitions of each do not count."""
    wall = {peer.name: [] for peer in peers}
    cpu = dict.fromkeys(wall, 0.0)
    for repetition in range(repetitions + warm_up):
        for peer in peers:
            cpu_before, before = peer.cpu_seconds(), time.perf_counter()
            ask(peer, repetition)
            after, cpu_after = time.perf_counter(), peer.cpu_seconds()
            if repetition >= warm_up:
                wall[peer.name].append(after - before)
                cpu[peer.name] += (cpu_after - cpu_before) / repetitions
    return {name: Timing(statistics.median(each), cpu[name]) for name, each in wall.items()}


def milliseconds(timings, attribute):
    return {name: getattr(timing, attribute) * 1e3 for name, timing in timings.items()}
