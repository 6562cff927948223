#!/usr/bin/env python3
"""What a window costs: the numbers of docs/how-to/sizing.md.

    .build-venv/bin/python Tests/Integration/measure_memory.py [SERIESxSAMPLES[r] ...]

For each size a broker gets that many series with that many samples each, 15 seconds apart, and a fresh promring reads
them. With an `r` values are random doubles; without it they grow and stay as counters and gauges do. Prints one line
each.
"""

import json
import pathlib
import random
import re
import sys
import tempfile
import time

import snappy

from conftest import Serve
from harness.broker import Broker
from harness.samples import kubernetes_labels, now
from harness.waiting import eventually

SIZES = ["10000x4", "10000x60", "10000x240", "50000x4", "50000x60", "100000x20", "10000x240r"]
STEP = 15_000
BATCH = 500


def feed(topic, series, points, random_values):
    """Writes the samples, time by time; returns how many bytes of records that made."""
    rng = random.Random(1)
    heads = [json.dumps(dict(labels))[:-1] for labels in kubernetes_labels(series)]
    values = [float(rng.randrange(1000)) for _ in heads]
    end, size = now(), 0
    with topic.producer() as producer:
        for point in range(points):
            at = end - (points - 1 - point) * STEP
            for first in range(0, series, BATCH):
                members = []
                for index in range(first, min(first + BATCH, series)):
                    values[index] = rng.random() if random_values else values[index] + rng.choice((0, 0, 1, 15, 0.25))
                    members.append(f'{heads[index]}, "value": "{values[index]!r}", "timestamp": "{at + index % 1000}"}}')
                record = snappy.compress(f"[{','.join(members)}]".encode())
                size += len(record)
                producer.send(topic.name, record, first // BATCH % topic.partitions, at)
    return size


def measure(broker, serve, size):
    series, points, random_values = re.fullmatch(r"(\d+)x(\d+)(r?)", size).groups()
    topic = broker.topic(partitions=4)
    in_kafka = feed(topic, int(series), int(points), bool(random_values))
    began = time.monotonic()
    gateway = serve(topic, ready=False)
    eventually(gateway.ready, "the window to be read", 300)
    took = time.monotonic() - began
    samples, held = gateway.own("promring_buffer_samples"), gateway.own("promring_buffer_bytes")
    resident, cpu = gateway.own("process_resident_memory_bytes"), gateway.own("process_cpu_seconds_total")
    print(f"{size:>12}: {samples / 1e6:.2f} million samples, {in_kafka / samples:.0f} bytes each in Kafka; buffer "
          f"{held / 1e6:.1f} MB, resident {resident / 1e6:.1f} MB; ready after {took:.1f} s, {cpu:.2f} s of processor",
          flush=True)  # fmt: skip
    gateway.close()
    broker.delete(topic)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        broker, serve = Broker(folder), Serve(folder)
        try:
            for size in sys.argv[1:] or SIZES:
                measure(broker, serve, size)
        finally:
            serve.close()
            broker.close()
