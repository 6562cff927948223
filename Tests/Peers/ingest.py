"""What taking in the samples costs: CPU time of the server alone, and how much larger it becomes."""

from report import at_most


def compare(taken, report):
    report.begin("Taking in samples")
    per_million = {name: each.cpu_seconds / each.samples * 1e6 for name, each in taken.items()}
    report.add("ingest.cpu", "CPU time per million samples", "s", per_million)
    report.add("ingest.rate", "Samples per second of CPU time", "million/s", {n: 1 / s for n, s in per_million.items()})
    # How long it takes by the clock depends on who sends, so that it says little about who receives.
    wall = {name: each.wall_seconds / each.samples * 1e6 for name, each in taken.items()}
    report.add("ingest.wall", "Seconds per million samples by the clock", "s", wall)
    grown = {name: each.grown_bytes / each.series for name, each in taken.items()}
    rounds = next(iter(taken.values())).samples // next(iter(taken.values())).series
    what = f"Growth of resident memory per series of {rounds} samples"
    report.add("ingest.bytes_per_series", what, "bytes", grown, at_most(500, "bytes"))
