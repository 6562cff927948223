"""Asks promring, Prometheus and VictoriaMetrics the same things side by side, and prints who took how long.

Run it through `Tests/Peers/run`, which sees to what has to be installed.
"""

import argparse
import contextlib
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Integration"))

import delay  # noqa: E402
import ingest  # noqa: E402
import machine  # noqa: E402
import memory  # noqa: E402
import pages  # noqa: E402
import queries  # noqa: E402
import replay  # noqa: E402
import serving  # noqa: E402
from feed import Feed  # noqa: E402
from harness.samples import now  # noqa: E402
from peers import PlainConsumer, Prometheus, Promring, VictoriaMetrics  # noqa: E402
from report import NAMES, Report  # noqa: E402
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
        peers, taken = fill(parts, folder, workload, identities, options.without, report, running)
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
            # VictoriaMetrics' probes say nothing about its queries.
            asked = [peer for peer in peers if peer.name != VictoriaMetrics.name]
            serving.compare_probes(asked, workload, options.seconds, report)


def fill(parts, folder, workload, identities, without, report, running):
    """Starts what the parts need, gives it the samples one after the other, and checks that it has them all."""
    taken = {}
    with contextlib.closing(Feed(folder / "kafka")) as feed:
        feed.send(workload.records())
        if "ingest" in parts and PlainConsumer.name not in without:
            taken[PlainConsumer.name] = PlainConsumer.taken(folder, feed, workload)
        promring, taken[Promring.name] = Promring.filled(folder, feed, workload)
        running.callback(promring.close)
        promring.check(workload)
        if "memory" in parts:
            memory.compare(promring, workload, report)
        if identities:
            feed.send(identities.records())
            promring.check(identities)
        # Nothing more comes in from here on, here as in the others.
    peers = [promring]
    for kind in [Prometheus, VictoriaMetrics] if set(parts) - {*ALONE, "memory"} else []:
        if kind.name in without:
            continue
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


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(SIDE_BY_SIDE + ALONE)} (default: all)")
    parser.add_argument("--without", action="append", default=[], choices=NAMES[1:], help="a program that is left out")
    parser.add_argument("--repetitions", type=int, default=15, help="of each query and page (default: 15)")
    parser.add_argument("--seconds", type=int, default=8, help="that each run of wrk takes (default: 8)")
    parser.add_argument("--replay-rounds", type=int, default=100, help="of 100,000 samples to replay (default: 100)")
    parser.add_argument("--delay-records", type=int, default=60, help="one a second (default: 60)")
    options = parser.parse_args()
    if unknown := set(options.parts) - {*SIDE_BY_SIDE, *ALONE}:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    parts = options.parts or SIDE_BY_SIDE + ALONE
    report = Report(machine.description())
    neighbours = machine.Neighbours()
    with tempfile.TemporaryDirectory(prefix="promring-peers-") as name:
        folder = pathlib.Path(name)
        if set(parts) & set(SIDE_BY_SIDE):
            compare(parts, folder, options, report)
        if "replay" in parts:
            replay.measure(folder / "replay", now(), options.replay_rounds, 3, report)
        if "delay" in parts:
            delay.measure(folder / "delay", options.delay_records, report)
    report.note(f"Processor time meanwhile: {neighbours}")
    report.print_targets()
    report.print_table()
    report.print_results()
    return 0 if report.all_met else 1


if __name__ == "__main__":
    sys.exit(main())
