"""What all programs are given: 100,000 series as a Kubernetes cluster has them, one sample every 15 seconds."""

import collections
import math
import random
import struct

import snappy

PODS = 500
NAMESPACES = 40
SERVICES = 50
HANDLERS = 10
BOUNDS = ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "30", "60", "+Inf"]
CODES = [("GET", "200"), ("GET", "404"), ("POST", "200"), ("POST", "500")]
GAUGES = 34
SAMPLES = 20
STEP = 15_000


class Series:
    """Labels in order, and the values of the first rounds; later ones repeat them, higher where the series grows."""

    def __init__(self, labels, values, grows=False):
        self.labels = sorted(labels.items())
        self.values = values
        self.growth = values[-1] - values[0] + 1 if grows else 0.0

    def value(self, round_number):
        return self.values[round_number % len(self.values)] + round_number // len(self.values) * self.growth


class Samples:
    """Series, and when they have samples: a number of rounds that ends at about `end`."""

    def __init__(self, series, end, rounds):
        self.series, self.rounds = series, rounds
        self.start = end - (rounds - 1) * STEP
        self.end = end
        self.names = collections.Counter(dict(each.labels)["__name__"] for each in series)

    @property
    def count(self):
        return len(self.series) * self.rounds

    def timestamp(self, index, round_number):
        return self.start + round_number * STEP

    def sum(self):
        return math.fsum(series.value(number) for series in self.series for number in range(self.rounds))

    def _batches(self, size):
        """What is sent at once: a round and a range of series, in the order of time."""
        for number in range(self.rounds):
            for first in range(0, len(self.series), size):
                yield number, range(first, min(first + size, len(self.series)))

    # --- As Kafka records ---

    def records(self, samples_per_record=500):
        """Values of records in the delivered format, each with the newest timestamp in it."""
        heads = ["{" + "".join(f'"{name}":"{value}",' for name, value in series.labels) for series in self.series]
        for number, span in self._batches(samples_per_record):
            times = [self.timestamp(i, number) for i in span]
            values = (self.series[i].value(number) for i in span)
            objects = [
                f'{heads[i]}"value":"{value!r}","timestamp":"{at}"}}' for i, value, at in zip(span, values, times)
            ]
            yield snappy.compress(("[" + ",".join(objects) + "]").encode()), max(times)

    # --- As remote write requests ---

    def write_requests(self, samples_per_request=2000):
        """Bodies of remote write 1.0 requests: `prompb.WriteRequest`, compressed with Snappy."""
        heads = [
            b"".join(_field(1, _field(1, name.encode()) + _field(2, value.encode())) for name, value in series.labels)
            for series in self.series
        ]
        for number, span in self._batches(samples_per_request):
            body = bytearray()
            for i in span:
                value = struct.pack("<d", self.series[i].value(number))
                body += _field(1, heads[i] + _field(2, b"\x09" + value + b"\x10" + _varint(self.timestamp(i, number))))
            yield snappy.compress(bytes(body))


class Workload(Samples):
    """20,000 counters of HTTP requests, 63,000 buckets of their durations, 17,000 gauges of what containers measure."""

    def __init__(self, end, rounds=SAMPLES, seed=7):
        series, self.offsets = [], []
        for pod in range(PODS):
            own = list(_series_of_pod(pod, random.Random(seed * PODS + pod)))
            series += own
            self.offsets += [pod * 29 % 700] * len(own)
        super().__init__(series, end, rounds)

    def timestamp(self, index, round_number):
        """Targets are scraped at different moments, the series of one target at the same."""
        return self.start + round_number * STEP + self.offsets[index]


class Identities(Samples):
    """100,000 series of one name that differ in a label with as many values: the `uid` of pods, version 4 UUIDs."""

    NAME = "kube_pod_info"

    def __init__(self, end, count=100_000, seed=11):
        rng = random.Random(seed)
        labels = {"__name__": self.NAME, "job": "kube-state-metrics", "instance": "10.0.99.1:8080"}
        super().__init__([Series({**labels, "uid": _uuid(rng)}, [1.0]) for _ in range(count)], end, rounds=1)


def _series_of_pod(pod, rng):
    service = f"service-{pod % SERVICES}"
    place = {
        "cluster": "production-eu-1",
        "container": "app",
        "endpoint": "metrics",
        "instance": f"10.0.{pod // 25}.{pod % 250}:8080",
        "job": "kubernetes-pods",
        "namespace": f"team-{pod % SERVICES % NAMESPACES}",
        "node": f"ip-10-0-{pod // 25}-17.internal",
        "pod": f"{service}-7d4b9c6f5-{pod}",
        "service": service,
    }
    for handler in range(HANDLERS):
        path = f"/api/v1/resource-{handler}"
        for method, code in CODES:
            labels = {"__name__": "http_requests_total", "handler": path, "method": method, "code": code, **place}
            yield Series(labels, _counter(rng, 300), grows=True)
    for handler in range(HANDLERS):
        # Nine of ten pods measure durations, so that these are 63,000 series.
        yield from _histogram(rng, {"handler": f"/api/v1/resource-{handler}", **place}) if pod % 10 else ()
    for gauge in range(GAUGES):
        labels = {"__name__": f"container_measure_{gauge}_bytes", **place}
        start = float(rng.randrange(1 << 30))
        yield Series(labels, [start if gauge % 2 else start + rng.randrange(1 << 20) for _ in range(SAMPLES)])


def _counter(rng, most):
    # Far from zero, near which Prometheus 2 and 3 extrapolate differently.
    value, values = float(100_000 + rng.randrange(10_000)), []
    for _ in range(SAMPLES):
        value += rng.randrange(most)
        values.append(value)
    return values


def _histogram(rng, labels):
    """Buckets that grow as a real histogram's do: each observation counts in its bucket and all above it."""
    counts = [1000.0 * (i + 1) for i in range(len(BOUNDS))]
    columns = [[] for _ in BOUNDS]
    for _ in range(SAMPLES):
        for _ in range(rng.randrange(8)):
            lowest = min(int(rng.gammavariate(4, 1.2)), len(BOUNDS) - 1)
            for i in range(lowest, len(BOUNDS)):
                counts[i] += 1
        for column, count in zip(columns, counts):
            column.append(count)
    for bound, column in zip(BOUNDS, columns):
        yield Series({"__name__": "http_request_duration_seconds_bucket", "le": bound, **labels}, column, grows=True)


def _uuid(rng):
    text = f"{rng.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{'89ab'[int(text[16], 16) % 4]}{text[17:20]}-{text[20:]}"


# --- Protocol buffers ------------------------------------------------------------------------------------------------


def _field(number, payload):
    """A length-delimited field."""
    return bytes([number << 3 | 2]) + _varint(len(payload)) + payload


def _varint(number):
    if number < 0x80:
        return bytes([number])
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
