"""The series that the soak feeds: always as many, but not always the same ones."""

import random
import struct

import snappy

NAMES = [f"soak_requests_{number}_total" for number in range(20)]
BOUNDS = ["0.01", "0.05", "0.1", "0.5", "1", "5", "+Inf"]
JOBS = 10
SERIES_OF_POD = len(NAMES) + len(BOUNDS)


class Fleet:
    """Pods with counters and a histogram each; a pod that leaves is followed by one that never was there before."""

    def __init__(self, pods, origin):
        self.origin, self.made = origin, 0
        self.rng = random.Random(7)
        self.pods = [self._pod() for _ in range(pods)]

    @property
    def series(self):
        return len(self.pods) * SERIES_OF_POD

    def churn(self, count):
        """Replaces the oldest `count` pods."""
        self.pods = self.pods[count:] + [self._pod() for _ in range(count)]

    def records(self, timestamp, per_record=10):
        """Values of records with one sample of each series, some pods in each record: (key, value, samples)."""
        for start in range(0, len(self.pods), per_record):
            pods = self.pods[start : start + per_record]
            objects = [
                f'{head}"value":"{value}","timestamp":"{timestamp}"}}' for pod in pods for head, _, value in pod.grown()
            ]
            yield pods[0].name, snappy.compress(("[" + ",".join(objects) + "]").encode()), len(objects)

    def writes(self, timestamp, per_request=40):
        """Bodies of remote write 1.0 with one sample of each series: (body, samples)."""
        for start in range(0, len(self.pods), per_request):
            body, count = bytearray(), 0
            for pod in self.pods[start : start + per_request]:
                for _, labels, value in pod.grown():
                    sample = b"\x09" + struct.pack("<d", value) + b"\x10" + _varint(timestamp)
                    body += _field(1, labels + _field(2, sample))
                    count += 1
            yield snappy.compress(bytes(body)), count

    def _pod(self):
        self.made += 1
        return _Pod(f"{self.origin}-{self.made}", self.origin, f"job-{self.made % JOBS}", self.rng.randrange(1, 9))


class _Pod:
    def __init__(self, name, origin, job, speed):
        self.name, self.speed, self.value = name, speed, 0
        place = {"instance": f"{name}:8080", "job": job, "namespace": "soak", "origin": origin, "pod": name}
        labels = [{"__name__": metric, **place} for metric in NAMES]
        labels += [{"__name__": "soak_duration_seconds_bucket", "le": bound, **place} for bound in BOUNDS]
        self.heads = []
        for each in labels:
            pairs = sorted(each.items())
            head = "{" + "".join(f'"{label}":"{text}",' for label, text in pairs)
            encoded = b"".join(_field(1, _field(1, label.encode()) + _field(2, text.encode())) for label, text in pairs)
            self.heads.append((head, encoded))

    def grown(self):
        """(JSON begun, protobuf labels, value) of each series, a step further than last time."""
        self.value += self.speed
        for index, (head, labels) in enumerate(self.heads):
            yield head, labels, self.value * (index + 1)


def _field(number, payload):
    return bytes([number << 3 | 2]) + _varint(len(payload)) + payload


def _varint(number):
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
