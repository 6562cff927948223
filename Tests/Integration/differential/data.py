"""The samples that both sides hold.

They lie 137 ms after whole seconds, and no query looks at a window that ends there: windows are closed on the left in
Prometheus 2 and open since 3, so a sample on an edge would be seen by one side only. Nearly all values are multiples of
1/8 that are small enough for sums to be exact in any order.
"""

import random

from harness.samples import STALE, Sample, label_key

# The evening of a leap day and the first minutes of March: the calendar functions shall have something to do.
START = 1709249400  # 2024-02-29T23:30:00Z
END = START + 2700
STEP = 15
OFFSET_MS = 137

BOUNDS = ["0.125", "0.5", "1", "2.5", "+Inf"]


def samples(seed=1):
    """All samples, series by series in the order of their labels."""
    rng = random.Random(seed)
    series = {}
    for name, labels, values in _series(rng):
        key = label_key({"__name__": name, **labels})
        assert key not in series, key
        series[key] = values
    return [
        Sample(labels, (START + index * STEP) * 1000 + OFFSET_MS, value)
        for labels in sorted(series)
        for index, value in enumerate(series[labels])
        if value is not None
    ]


COUNT = (END - START) // STEP


def _series(rng):
    yield from _gauges(rng)
    yield from _counters(rng)
    yield from _histograms(rng)
    yield from _odd_ones(rng)
    yield from _information(rng)


# --- Shapes of values ---------------------------------------------------------------------------------------------------


def _wander(rng, start, step, count=COUNT):
    """A random walk in eighths."""
    value, values = start, []
    for _ in range(count):
        values.append(value)
        value += rng.randrange(-step, step + 1) / 8
    return values


def _grow(rng, start, step, reset=0.0, count=COUNT):
    """A counter; `reset` is how likely it starts again."""
    value, values = float(start), []
    for _ in range(count):
        values.append(value)
        value = float(rng.randrange(4)) if rng.random() < reset else value + rng.randrange(step + 1)
    return values


def _holes(rng, values, share):
    return [None if rng.random() < share else value for value in values]


def _between(values, first, last):
    """Only from sample `first` to before sample `last`."""
    return [value if first <= index < last else None for index, value in enumerate(values)]


# --- Series -------------------------------------------------------------------------------------------------------------


def _gauges(rng):
    for room in ["attic", "cellar", "küche", "居間"]:
        for floor in ["1", "2"]:
            yield "temperature", {"room": room, "floor": floor}, _wander(rng, rng.randrange(-40, 160) / 8, 12)
    for instance in ["a:9100", "b:9100", "c:9100"]:
        yield "memory_bytes", {"instance": instance, "job": "node"}, _wander(rng, float(rng.randrange(1 << 30, 1 << 33)), 1 << 26)
        yield "memory_limit_bytes", {"instance": instance}, [float(1 << 33)] * COUNT
        ups = [float(rng.random() > 0.1) for _ in range(COUNT)]
        yield "up", {"instance": instance, "job": "node"}, ups
    yield "up", {"instance": "d:80", "job": "web"}, [1.0] * COUNT
    yield "job:load:avg5m", {"job": "node"}, _wander(rng, 3.5, 8)
    yield "job:load:avg5m", {"job": "web"}, _wander(rng, 1.25, 8)
    # Whole numbers from a small set: something for count_values, and for filters that find equals.
    for instance in ["a:9100", "b:9100", "c:9100", "d:80"]:
        yield "level", {"instance": instance}, [float(rng.randrange(4)) for _ in range(COUNT)]
    yield "alone", {}, _wander(rng, 100.0, 30)
    yield "steady", {"kind": "same"}, [7.0] * COUNT


def _counters(rng):
    for instance in ["a:9100", "b:9100", "c:9100"]:
        for cpu in ["0", "1"]:
            for mode in ["idle", "system", "user"]:
                labels = {"instance": instance, "job": "node", "cpu": cpu, "mode": mode}
                yield "cpu_seconds_total", labels, _holes(rng, _grow(rng, 5000 + rng.randrange(9000), 15), 0.02)
    paths = ["/", "/api/v1/query", "/käse/支付", "/with space", 'quo"ted', "back\\slash"]
    for instance in ["d:80", "e:80"]:
        for path in paths:
            for code in ["200", "404", "500"] if path == "/" else ["200"]:
                labels = {"instance": instance, "job": "web", "path": path, "code": code, "method": "GET"}
                yield "requests_total", labels, _grow(rng, 200 + rng.randrange(5000), 40, reset=0.02)
    yield "requests_total", {"instance": "d:80", "job": "web", "path": "/", "code": "200", "method": "POST"}, _grow(rng, 900, 9)
    for instance in ["d:80", "e:80"]:
        yield "errors_total", {"instance": instance, "job": "web", "code": "500"}, _grow(rng, 400, 3, reset=0.05)
    yield "stuck_total", {"job": "web"}, [500.0] * COUNT


def _histograms(rng):
    def histogram(labels, bounds, start=100):
        counts = [float(start)] * len(BOUNDS)
        columns = [[] for _ in BOUNDS]
        total = []
        for _ in range(COUNT):
            for _ in range(rng.randrange(5)):
                lowest = rng.randrange(len(BOUNDS))
                for index in range(lowest, len(BOUNDS)):
                    counts[index] += 1
            for column, count in zip(columns, counts):
                column.append(count)
            total.append(counts[-1] * 1.5)
        for bound, column in zip(BOUNDS, columns):
            if bound in bounds:
                yield "latency_seconds_bucket", {**labels, "le": bounds[bound]}, column
        yield "latency_seconds_sum", labels, total
        yield "latency_seconds_count", labels, columns[-1]

    whole = {bound: bound for bound in BOUNDS}
    yield from histogram({"instance": "d:80", "job": "web"}, whole)
    yield from histogram({"instance": "e:80", "job": "web"}, whole, start=0)
    yield from histogram({"instance": "f:80", "job": "web"}, {"0.5": "5e-1", "2.5": "2.5", "+Inf": "Inf"})
    yield from histogram({"instance": "no-inf", "job": "web"}, {"0.125": "0.125", "1": "1", "2.5": "2.5"})
    # Buckets that fall, a bound that is none, one that is written in two ways, bounds below zero, nothing observed.
    for le, value in [("1", 10.0), ("2", 8.0), ("3", 12.0), ("4", 11.0), ("+Inf", 12.0)]:
        yield "falling_bucket", {"le": le}, [value + index for index in range(COUNT)]
    for le, value in [("1", 5.0), ("many", 6.0), ("+Inf", 9.0)]:
        yield "misspelt_bucket", {"le": le}, [value] * COUNT
    for le, value in [("1", 2.0), ("1.0", 3.0), ("2", 8.0), ("+Inf", 9.0)]:
        yield "twice_bucket", {"le": le}, [value] * COUNT
    for le, value in [("-5", 2.0), ("-1", 4.0), ("0", 5.0), ("3", 8.0), ("+Inf", 9.0)]:
        yield "negative_bucket", {"le": le}, [value] * COUNT
    for le in ["1", "2", "+Inf"]:
        yield "nothing_bucket", {"le": le}, [0.0] * COUNT
    yield "single_bucket", {"le": "+Inf"}, [3.0] * COUNT


def _odd_ones(rng):
    nan, infinite = float("nan"), float("inf")
    odd = [nan, infinite, -infinite, 0.0, -0.0, 1.0, -1.0, 2.2250738585072014e-308, 1.7976931348623157e308, 1e-7, 1e21, 0.1]
    yield "odd", {"kind": "nan"}, [nan] * COUNT
    yield "odd", {"kind": "inf"}, [infinite] * COUNT
    yield "odd", {"kind": "-inf"}, [-infinite] * COUNT
    yield "odd", {"kind": "-0"}, [-0.0] * COUNT
    yield "odd", {"kind": "some"}, [rng.choice([nan, 1.0, 2.0, 3.0]) for _ in range(COUNT)]
    yield "odd", {"kind": "infinities"}, [rng.choice([infinite, -infinite, 4.0]) for _ in range(COUNT)]
    yield "extreme", {"kind": "mixed"}, [odd[index % len(odd)] for index in range(COUNT)]
    # Gaps shorter and longer than the lookback, with and without a stale marker.
    values = _wander(rng, 50.0, 20)
    yield "gappy", {"gap": "short"}, [None if index % 12 < 8 else value for index, value in enumerate(values)]
    yield "gappy", {"gap": "long"}, [None if index % 60 < 35 else value for index, value in enumerate(values)]
    yield "gappy", {"gap": "stale"}, [
        STALE if index % 40 == 20 else None if index % 40 > 20 else value for index, value in enumerate(values)
    ]
    yield "gappy", {"gap": "random"}, _holes(rng, values, 0.4)
    yield "late", {"job": "node"}, _between(_wander(rng, 10.0, 8), 90, COUNT)
    yield "late_total", {"job": "node"}, _between(_grow(rng, 70000, 9), 90, COUNT)
    yield "early", {"job": "node"}, _between(_wander(rng, 20.0, 8), 0, 80)
    ended = _between(_wander(rng, 30.0, 8), 0, 81)
    ended[80] = STALE
    yield "ended", {"job": "node"}, ended
    yield "once", {}, _between([42.0] * COUNT, 100, 101)
    yield "restarted_total", {"job": "node"}, _between(_grow(rng, 0, 9), 40, 60)
    # Two names with the same labels: taking the names away makes them one.
    yield "twin_a", {"job": "node"}, _wander(rng, 1.0, 8)
    yield "twin_b", {"job": "node"}, _wander(rng, 2.0, 8)
    yield "lines", {"text": "two\nlines"}, [1.0] * COUNT


def _information(rng):
    versions = {"a:9100": "1.0", "b:9100": "1.1", "c:9100": "1.1"}
    for instance, version in versions.items():
        yield "target_info", {"instance": instance, "job": "node", "version": version, "env": "prod"}, [1.0] * COUNT
    half = COUNT // 2
    yield "build_info", {"job": "web", "version": "2.0"}, _between([1.0] * COUNT, 0, half)
    yield "build_info", {"job": "web", "version": "2.1"}, _between([1.0] * COUNT, half, COUNT)
    for instance, role in [("a:9100", "db"), ("b:9100", "cache"), ("d:80", "front")]:
        yield "machine_role", {"instance": instance, "role": role}, [1.0] * COUNT
