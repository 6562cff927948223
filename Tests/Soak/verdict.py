"""Is it flat? The second half of a run, looked at column by column."""

import itertools
import statistics

# (column, what grows at most over the second half, as a share of its median and as a number: the larger one counts).
TOLERANCES = [
    ("resident_bytes", 0.05, 4 << 20),
    ("reported_bytes", 0.05, 4 << 20),
    ("heap_bytes", 0.10, 4 << 20),
    ("file_descriptors", 0.05, 3),
    ("threads", 0.05, 2),
    ("series", 0.05, 100),
    ("p50_ms", 0.50, 20),
    ("p99_ms", 1.00, 250),
]


def slope(times, values):
    """The median of the slopes between all pairs of points (Theil and Sen): a few outliers do not move it."""
    pairs = itertools.combinations(range(len(times)), 2)
    return statistics.median([(values[b] - values[a]) / (times[b] - times[a]) for a, b in pairs] or [0.0])


def judge(rows, begin):
    """One line for each column, of the rows from the second half of the time after `begin`: (text, is it flat)."""
    half = (begin + rows[-1]["seconds"]) / 2
    rows = [row for row in rows if row["seconds"] >= half]
    times = [row["seconds"] for row in rows]
    lines = []
    for column, share, least in TOLERANCES:
        values = [row[column] for row in rows]
        median = statistics.median(values)
        growth = slope(times, values) * (times[-1] - times[0])
        allowed = max(abs(median) * share, least)
        # What shrinks is no leak.
        flat = growth <= allowed
        text = f"{column:18} median {median:15,.1f}   growth {growth:+14,.1f}   allowed {allowed:14,.1f}"
        lines.append((f"{text}   {'flat' if flat else 'GROWS'}", flat))
    return lines
