"""How long a promring that starts reads Kafka until it is ready: 10 million samples, from a broker of its own."""

import statistics

from feed import Feed
from harness.waiting import eventually
from memory import own_metrics
from peers import Promring
from report import at_most
from workload import Workload


def measure(folder, end, rounds, repetitions, report):
    workload = Workload(end, rounds)
    millions = workload.count / 1e6
    report.begin(f"Start-up replay of {millions:g} million samples, {repetitions} times")
    feed = Feed(folder)
    try:
        feed.send(workload.records())
        runs = [replay(folder, feed, workload, report) for _ in range(repetitions)]
    finally:
        feed.close()
    cpu, wall = (statistics.median(each) for each in zip(*runs))
    name, what = Promring.name, f"Replay of {millions:g} million samples"
    report.add("replay.cpu", f"{what}, CPU time per million", "s", {name: cpu / millions}, at_most(0.35, "s"))
    report.add("replay.wall", f"{what} until ready", "s", {name: wall})


def replay(folder, feed, workload, report):
    peer, taken = Promring.filled(folder, feed, workload)
    try:
        eventually(lambda: own_metrics(peer)["promring_samples_appended_total"] == workload.count, "all samples")
        grown = taken.grown_bytes / len(workload.series)
    finally:
        peer.close()
    busy = taken.cpu_seconds / taken.wall_seconds
    times = f"{taken.wall_seconds:.2f} s, {taken.cpu_seconds:.2f} s CPU ({busy:.2f} processors)"
    report.note(f"{times}, {grown:.0f} bytes per series")
    return taken.cpu_seconds, taken.wall_seconds
