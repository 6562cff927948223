"""Samples as the tests know them: made here, compared here."""

import math
import random
import struct
import time
from typing import NamedTuple


# The value of a sample that says that its series ends: the eight bytes of Prometheus' stale marker. As a `float` it would
# become another NaN with the first conversion.
STALE = struct.pack("<Q", 0x7FF0000000000002)


class Sample(NamedTuple):
    labels: tuple  # of (name, value), sorted by name, "__name__" among them
    timestamp: int  # milliseconds since the Unix epoch
    value: float  # or STALE

    @property
    def name(self):
        return dict(self.labels)["__name__"]


def sample(name, labels=None, timestamp=None, value=1.0):
    """One sample; the timestamp is now unless given."""
    return Sample(
        label_key({"__name__": name, **(labels or {})}), now() if timestamp is None else int(timestamp), float(value)
    )


def label_key(labels):
    """Labels in the one order that makes equal sets equal."""
    return tuple(sorted(labels.items()))


def now():
    return int(time.time() * 1000)


def bits(value):
    """The double's bits with all NaNs alike: what "the same value" means here."""
    return struct.pack(">d", math.nan if math.isnan(value) else value)


def as_set(samples):
    """Samples as a set, in which a NaN is itself."""
    return {(labels, timestamp, bits(value)) for labels, timestamp, value in samples}


def by_series(samples):
    """`{labels: {timestamp: bits of the value}}`, as which two sets of samples are compared."""
    series = {}
    for labels, timestamp, value in samples:
        series.setdefault(labels, {})[timestamp] = bits(value)
    return series


def assert_same(found, expected):
    """Fails with the first differences when the two sets of samples are not the same."""
    found, expected = by_series(found), by_series(expected)
    if found == expected:
        return
    lines = []
    for labels in [labels for labels in expected if found.get(labels) != expected[labels]][:3]:
        there, wanted = found.get(labels, {}), expected[labels]
        wrong = {at: (there.get(at), wanted.get(at)) for at in there.keys() | wanted if there.get(at) != wanted.get(at)}
        lines.append(f"{dict(labels)}: {len(wrong)} of {len(wanted)} differ (found, expected): {list(wrong.items())[:3]}")
    lines += [f"not expected: {dict(labels)}" for labels in list(found.keys() - expected.keys())[:3]]
    counts = f"{len(found)} series with {sum(map(len, found.values()))} samples found, " \
        f"{len(expected)} with {sum(map(len, expected.values()))} expected"
    raise AssertionError("\n".join([counts, *lines]))


# --- Series as a Kubernetes cluster has them ---------------------------------------------------------------------------

_BUCKETS = ["0.005", "0.025", "0.1", "0.5", "1", "2.5", "10", "+Inf"]
_NAMESPACES = ["default", "kube-system", "monitoring", "shop-ü", "支付"]


def kubernetes_labels(count, seed=1):
    """`count` different label sets: pods, nodes, the API server's histograms, and what makes parsers stumble."""
    rng = random.Random(seed)
    made = 0
    while made < count:
        pod = f"web-{made // 16:05d}-{rng.randrange(16**5):05x}"
        place = {
            "instance": f"10.{made // 65536 % 256}.{made // 256 % 256}.{made % 256}:9100",
            "job": rng.choice(["apiserver", "kubelet", "node-exporter"]),
            "namespace": rng.choice(_NAMESPACES),
            "pod": pod,
        }
        family = [{"__name__": "up"}, {"__name__": "container_cpu_usage_seconds_total", "cpu": "total", "image": ""}]
        family += [{"__name__": "apiserver_request_duration_seconds_bucket", "le": le, "verb": "GET"} for le in _BUCKETS]
        family += [
            {"__name__": "apiserver_request_duration_seconds_sum", "verb": "GET"},
            {"__name__": "apiserver_request_duration_seconds_count", "verb": "GET"},
            # The documented example has labels of these names; none of them is reserved.
            {"__name__": "apiserver_admission_total", "name": "a\\b", "type": 'say "hi"', "operation": "CREATE\nx"},
            {"__name__": "node:memory_utilisation:ratio", "rejected": "false"},
        ]
        for own in family[: count - made]:
            yield label_key({name: text for name, text in {**place, **own}.items() if text != ""})
        made += len(family[: count - made])


_ODD_VALUES = [0.0, -0.0, math.nan, math.inf, -math.inf, 5e-324, 1.7976931348623157e308, 1e21, 1e-7, 0.1, 2**53 + 0.0]


def kubernetes_samples(series, points, end=None, step=1000, seed=1):
    """`series` × `points` samples, time by time, the newest at `end` (now unless given) and `step` milliseconds apart.

    Counters grow, gauges wander, and every hundredth value is one of those that text formats get wrong.
    """
    rng = random.Random(seed)
    end = now() if end is None else end
    labels = list(kubernetes_labels(series, seed))
    values = [float(rng.randrange(1000)) for _ in labels]
    for point in range(points):
        timestamp = end - (points - 1 - point) * step
        for index, own in enumerate(labels):
            values[index] += rng.choice([0, 0, 1, 15, 0.25])
            odd = rng.random() < 0.01
            yield Sample(own, timestamp, rng.choice(_ODD_VALUES) if odd else values[index])
