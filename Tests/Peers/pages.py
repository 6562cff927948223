"""Answers with 100,000 series or label values in them: pages to scrape, lists, and a regular expression over them."""

import json

from processes import forget_peak
from report import at_least, at_most
from turns import milliseconds, take_turns
from workload import STEP, Identities

#: The series of the workload, without the identities.
WORKLOAD = '{job="kubernetes-pods"}'
#: Megabytes that memory may grow by while a page of 30 is sent: it should be streamed.
FLAT = 8


def compare_expositions(peers, workload, repetitions, report):
    """The current value of every series: /federate of all, and promring's own /metrics."""
    report.begin("Pages of all series")
    count = len(workload.series)
    parameters = {"match[]": WORKLOAD}
    for name, path, asked in [("federate", "/federate", peers), ("metrics", "/metrics", peers[:1])]:
        for peer in asked:
            found = count_samples(peer.ask(path, parameters))
            assert found == count, f"{path} of {peer.name} has {found} series, not {count}"
        sizes, grown = {}, {peer.name: 0 for peer in asked}

        def ask(peer, _):
            forget_peak(peer.process.pid)
            before = peer.resident_bytes()
            sizes[peer.name] = peer.drain(path, parameters)
            # The first time tells most: some allocators keep what they had.
            grown[peer.name] = max(grown[peer.name], peer.resident_bytes("VmHWM") - before)

        timings = take_turns(asked, ask, repetitions, warm_up=1)
        report.add(f"{name}.cpu", f"{path}, CPU time", "ms", milliseconds(timings, "cpu"), at_most(60, "ms"))
        report.add(f"{name}.wall", f"{path} by the clock", "ms", milliseconds(timings, "wall"))
        speed = {peer: sizes[peer] / timing.wall / 1e6 for peer, timing in timings.items()}
        report.add(f"{name}.speed", f"{path}, size by time", "MB/s", speed, at_least(500, "MB/s"))
        peaks = {peer: size / 1e6 for peer, size in grown.items()}
        report.add(f"{name}.memory", f"{path}, peak above the memory before", "MB", peaks, at_most(FLAT, "MB"))


def count_samples(page):
    return sum(1 for line in page.splitlines() if b'job="kubernetes-pods"' in line)


def compare_lists(peers, workload, identities, repetitions, report):
    report.begin("Lists")
    around = {"start": (workload.start - STEP) / 1000, "end": (workload.end + STEP) / 1000}
    lists = [
        ("series", "/api/v1/series of 100,000", {"match[]": WORKLOAD, **around}, "/api/v1/series", 50),
        ("label_values", "100,000 values of a label", around, "/api/v1/label/uid/values", 10),
    ]
    for name, what, parameters, path, limit in lists:
        for peer in peers:
            found = json.loads(peer.ask(path, parameters))["data"]
            assert len(found) == 100_000, f"{path} of {peer.name} has {len(found)} entries"
        timings = take_turns(peers, lambda peer, _: peer.drain(path, parameters), repetitions, warm_up=1)
        report_times(name, what, limit, report, timings)

    def count_matching(peer, pattern):
        found = peer.query(f'count({Identities.NAME}{{uid=~"{pattern}"}})', identities.end + STEP)
        return float(found[0]["value"][1]) if found else 0.0

    for repetition in range(3):
        counts = {peer.name: count_matching(peer, pattern(repetition)) for peer in peers}
        assert len(set(counts.values())) == 1, f"{pattern(repetition)}: {counts}"
    timings = take_turns(peers, lambda peer, repetition: count_matching(peer, pattern(repetition)), repetitions)
    report_times("regex", "Regex matcher over 100,000 values, count", 25, report, timings)


def pattern(repetition):
    """About 1,500 of 100,000 UUIDs; another one each time, as servers remember what a matcher selected."""
    return f".*{repetition % 16:x}-4[0-9a-f]{{3}}-[89ab].*[{repetition // 16 % 10}a-c]"


def report_times(name, what, limit, report, timings):
    report.add(f"{name}.wall", f"{what}, by the clock", "ms", milliseconds(timings, "wall"), at_most(limit, "ms"))
    report.add(f"{name}.cpu", f"{what}, CPU time", "ms", milliseconds(timings, "cpu"))
