"""What all peers are given: 100,000 series as a Kubernetes cluster has them, 20 samples each, 15 seconds apart."""

import collections
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
    """Labels in order, and the value at each time."""

    def __init__(self, labels, values):
        self.labels = sorted(labels.items())
        self.values = values


class Workload:
    """`counters` × HTTP requests, `buckets` × their durations, the rest what containers measure of themselves."""

    def __init__(self, end, seed=7):
        self.start = end - (SAMPLES - 1) * STEP
        self.end = end
        self.series, self.offsets = [], []
        for pod in range(PODS):
            own = list(_series_of_pod(pod, random.Random(seed * PODS + pod)))
            self.series += own
            self.offsets += [pod * 29 % 700] * len(own)
        self.names = collections.Counter(dict(series.labels)["__name__"] for series in self.series)

    def timestamp(self, index, round_number):
        """Targets are scraped at different moments, the series of one target at the same."""
        return self.start + round_number * STEP + self.offsets[index]

    # --- As Kafka records ---

    def records(self, samples_per_record=500):
        """Values of records in the delivered format, in the order of time, each with the newest timestamp in it."""
        heads = ["{" + "".join(f'"{name}":"{value}",' for name, value in series.labels) for series in self.series]
        for number in range(SAMPLES):
            for first in range(0, len(heads), samples_per_record):
                span = range(first, min(first + samples_per_record, len(heads)))
                objects = [
                    f'{heads[i]}"value":"{self.series[i].values[number]!r}","timestamp":"{self.timestamp(i, number)}"}}'
                    for i in span
                ]
                newest = max(self.timestamp(i, number) for i in span)
                yield snappy.compress(("[" + ",".join(objects) + "]").encode()), newest

    # --- As remote write requests ---

    def write_requests(self, series_per_request=2000):
        """Bodies of remote write 1.0 requests: `prompb.WriteRequest`, compressed with Snappy."""
        for first in range(0, len(self.series), series_per_request):
            body = bytearray()
            for i in range(first, min(first + series_per_request, len(self.series))):
                body += _field(1, self._time_series(i))
            yield snappy.compress(bytes(body))

    def _time_series(self, index):
        series = self.series[index]
        parts = [_field(1, _field(1, name.encode()) + _field(2, value.encode())) for name, value in series.labels]
        for number, value in enumerate(series.values):
            sample = b"\x09" + struct.pack("<d", value) + b"\x10" + _varint(self.timestamp(index, number))
            parts.append(_field(2, sample))
        return b"".join(parts)


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
            yield Series(labels, _counter(rng, 300))
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
        yield Series({"__name__": "http_request_duration_seconds_bucket", "le": bound, **labels}, column)


# --- Protocol buffers --------------------------------------------------------------------------------------------------


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
