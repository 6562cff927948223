"""The sending side of Prometheus' remote write 1.0: Snappy around protobuf."""

import struct

import requests
import snappy

from .samples import STALE

_HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}


def write(url, samples, batch=2000):
    """Sends samples in order of their times: a receiver refuses what is older than a series' newest sample.

    The value of a sample may be `STALE`.
    """
    samples = sorted(samples, key=lambda sample: sample.timestamp)
    with requests.Session() as session:
        for start in range(0, len(samples), batch):
            body = snappy.compress(write_request(samples[start : start + batch]))
            answer = session.post(f"{url}/api/v1/write", data=body, headers=_HEADERS, timeout=30)
            assert answer.status_code // 100 == 2, f"{answer.status_code}: {answer.text}"


def write_request(samples):
    """`prometheus.WriteRequest` with one time series for each label set."""
    series = {}
    for sample in samples:
        series.setdefault(sample.labels, []).append(sample)
    return b"".join(_field(1, _time_series(labels, some)) for labels, some in series.items())


def _time_series(labels, samples):
    texts = (_field(1, name.encode()) + _field(2, text.encode()) for name, text in labels)
    return b"".join([_field(1, label) for label in texts] + [_field(2, _sample(sample)) for sample in samples])


def _sample(sample):
    value = STALE if sample.value == STALE else struct.pack("<d", sample.value)
    return b"\x09" + value + b"\x10" + _varint(sample.timestamp & 0xFFFF_FFFF_FFFF_FFFF)


def _field(number, data):
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(number):
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
