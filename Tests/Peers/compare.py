"""Asks promring, Prometheus and VictoriaMetrics the same things side by side, and prints who took how long.

Run it through `Tests/Peers/run`, which sees to what has to be installed.
"""

import argparse
import contextlib
import os
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Integration"))

import delay  # noqa: E402
import ingest  # noqa: E402
import memory  # noqa: E402
import pages  # noqa: E402
import queries  # noqa: E402
import replay  # noqa: E402
import serving  # noqa: E402
from feed import Feed  # noqa: E402
from harness.samples import now  # noqa: E402
from peers import PlainConsumer, Prometheus, Promring, VictoriaMetrics  # noqa: E402
from report import Report  # noqa: E402
from workload import Identities, Workload  # noqa: E402

#: In the order in which they run: pages shows what is at most five minutes old, so it comes early.
SIDE_BY_SIDE = ["ingest", "memory", "pages", "queries", "requests", "probes"]
ALONE = ["replay", "delay"]


def compare(parts, folder, options, report):
    """The parts that ask programs with the same samples in them."""
    workload = Workload(now())
    report.begin(f"{len(workload.series)} series × {workload.rounds}, most of them {workload.names.most_common(2)}")
    identities = Identities(workload.end) if "pages" in parts else None
    with contextlib.ExitStack() as running:
        peers, taken = fill(parts, folder, workload, identities, report, running)
        if "ingest" in parts:
            ingest.compare(taken, report)
        if "pages" in parts:
            pages.compare_expositions(peers, workload, options.repetitions, report)
            pages.compare_lists(peers, workload, identities, options.repetitions, report)
        if "queries" in parts:
            queries.compare(peers, workload, options.repetitions, report)
        if "requests" in parts:
            serving.compare_requests(peers, workload, options.seconds, report)
        if "probes" in parts:
            serving.compare_probes([peer for peer in peers if peer.name != "victoria-metrics"], workload, options.seconds, report)


def fill(parts, folder, workload, identities, report, running):
    """Starts what the parts need, gives it the samples one after the other, and checks that it has them all."""
    taken = {}
    with contextlib.closing(Feed(folder / "kafka")) as feed:
        feed.send(workload.records())
        promring, taken[Promring.name] = Promring.filled(folder, feed, workload)
        running.callback(promring.close)
        promring.check(workload)
        if "memory" in parts:
            memory.compare(promring, workload, report)
        if "ingest" in parts:
            taken[PlainConsumer.name] = PlainConsumer.taken(folder, feed, workload)
        if identities:
            feed.send(identities.records())
            promring.check(identities)
        # Nothing more comes in from here on, here as in the others.
    peers = [promring]
    for kind in [Prometheus, VictoriaMetrics] if set(parts) != {"memory"} else []:
        if kind.is_missing():
            report.note(f"{kind.name} is missing")
            report.missing.append(kind.name)
            continue
        peer = kind(folder)
        running.callback(peer.close)
        peers.append(peer)
        taken[peer.name] = peer.write(workload)
        peer.check(workload)
        if identities:
            peer.write(identities)
            peer.check(identities)
    report.note(f"all samples are in {', '.join(peer.name for peer in peers)}, and add up")
    return peers, taken


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), "unknown")
    size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return f"{os.cpu_count()} × {model}, {size:.0f} GiB"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(SIDE_BY_SIDE + ALONE)} (default: all)")
    parser.add_argument("--repetitions", type=int, default=15, help="of each query and page for each peer (default: 15)")
    parser.add_argument("--seconds", type=int, default=8, help="that each run of wrk takes (default: 8)")
    parser.add_argument("--replay-rounds", type=int, default=100, help="of 100,000 samples to replay (default: 100)")
    parser.add_argument("--delay-records", type=int, default=60, help="one a second (default: 60)")
    options = parser.parse_args()
    if unknown := set(options.parts) - {*SIDE_BY_SIDE, *ALONE}:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    parts = options.parts or SIDE_BY_SIDE + ALONE
    report = Report(machine())
    with tempfile.TemporaryDirectory(prefix="promring-peers-") as name:
        folder = pathlib.Path(name)
        if set(parts) & set(SIDE_BY_SIDE):
            compare(parts, folder, options, report)
        if "replay" in parts:
            replay.measure(folder / "replay", now(), options.replay_rounds, 3, report)
        if "delay" in parts:
            delay.measure(folder / "delay", options.delay_records, report)
    report.print_targets()
    report.print_table()
    report.print_results()
    return 0 if report.all_met else 1


if __name__ == "__main__":
    sys.exit(main())
