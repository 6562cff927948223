"""The soak: `run` says what it does. Results are soak.csv, soak.svg and the last lines printed."""

import argparse
import csv
import os
import pathlib
import statistics
import sys
import tempfile
import time

import yaml

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Integration"))
sys.path.insert(0, str(HERE))

from harness.broker import Broker  # noqa: E402
from harness.gateway import Gateway  # noqa: E402

from load import Load  # noqa: E402
from plot import picture  # noqa: E402
from verdict import judge  # noqa: E402

COLUMNS = [
    "seconds", "resident_bytes", "reported_bytes", "buffer_bytes", "heap_bytes", "heap_free_bytes", "file_descriptors",
    "threads", "cpu_seconds", "series", "samples", "slabs", "lag_records", "sent_per_second", "queries", "p50_ms", "p99_ms",
    "failures", "ready", "broker_bytes",
]
BUDGET = 256 << 20
QUEUE = 32 << 20
# The program, what queries and pages hold for a moment, and records being decoded.
BESIDES = 192 << 20


def status(pid, field):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(next(line for line in file if line.startswith(field + ":")).split()[1])


def look(gateway, broker, load, began, before):
    """One row of the table."""
    own = gateway.own_metrics()
    total = lambda name, **labels: sum(v for own_labels, v in own.get(name, []) if labels.items() <= own_labels.items())
    latencies, sent, failures = load.take()
    seconds = time.monotonic() - began
    part = lambda name: total("promring_memory_bytes", part=name)
    percentile = statistics.quantiles(latencies, n=100) if len(latencies) > 1 else [0.0] * 99
    pid = gateway.process.pid
    return {
        "seconds": round(seconds, 1),
        "resident_bytes": status(pid, "VmRSS") * 1024,
        "reported_bytes": int(total("promring_memory_bytes")),
        "buffer_bytes": int(part("buffer")),
        "heap_bytes": int(part("heap")),
        "heap_free_bytes": int(part("heap_free")),
        "file_descriptors": len(os.listdir(f"/proc/{pid}/fd")),
        "threads": status(pid, "Threads"),
        "cpu_seconds": round(total("process_cpu_seconds_total"), 1),
        "series": int(total("promring_buffer_series")),
        "samples": int(total("promring_buffer_samples")),
        "slabs": int(total("promring_buffer_slabs")),
        "lag_records": int(total("promring_kafka_lag_records")),
        "sent_per_second": round(sent / max(seconds - before, 0.001)),
        "queries": len(latencies),
        "p50_ms": round(percentile[49] * 1000, 2),
        "p99_ms": round(percentile[98] * 1000, 2),
        "failures": failures,
        "ready": int(gateway.ready()),
        "broker_bytes": status(broker.process.pid, "VmRSS") * 1024 if broker.process else 0,
    }


def main():
    options = argparse.ArgumentParser(prog="Tests/Soak/run", description=__doc__)
    options.add_argument("minutes", nargs="?", type=float, default=60)
    options.add_argument("--out", type=pathlib.Path, default=HERE.parents[1] / ".build-soak", help="folder for the results")
    options.add_argument("--pods", type=int, default=500, help="pods in Kafka, of 27 series; a fifth of that by remote write")
    given = options.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "promring.log").unlink(missing_ok=True)  # a line of an earlier run would name a wrong address
    duration = given.minutes * 60
    # The window has to be full, and to lose its oldest part for a while, before the time that is judged.
    retention = max(10, min(600, round(duration / 6)))
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        broker = Broker(folder)
        gateway = None
        try:
            topic = broker.topic(partitions=4)
            configuration = folder / "promring.yaml"
            task = {"name": "soak", "sources": [{"kind": "remote_write"}], "target": {"topic": topic.name}}
            configuration.write_text(yaml.safe_dump({"delivery": {"tasks": [task]}}))
            gateway = Gateway(given.out / "promring.log", [
                "serve", "--kafka-brokers", broker.bootstrap, "--kafka-topic", topic.name, "--config-file", configuration,
                "--web-listen-address", "127.0.0.1:0", "--buffer-retention", f"{retention}s",
                "--buffer-max-bytes", str(BUDGET), "--kafka-queue-bytes", str(QUEUE), "--delivery-cache-bytes", "32MiB",
            ]).wait_ready()
            return soak(gateway, broker, topic, given, duration, retention)
        finally:
            if gateway:
                gateway.close()
            broker.close()


def soak(gateway, broker, topic, given, duration, retention):
    load = Load(topic, gateway.address, given.pods)
    print(f"{given.minutes:g} minutes with {load.kafka.series + load.remote.series:,} series, {retention} s of them kept")
    rows = []
    began = time.monotonic()
    load.start()
    with open(given.out / "soak.csv", "w", newline="", encoding="ascii") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        while gateway.process.running and time.monotonic() - began < duration:
            time.sleep(max(0, 10 * (len(rows) + 1) - (time.monotonic() - began)))
            rows.append(look(gateway, broker, load, began, rows[-1]["seconds"] if rows else 0))
            table.writerow(rows[-1])
            file.flush()
            if len(rows) % 6 == 0:
                row = rows[-1]
                print(
                    f"{row['seconds']:7.0f} s  resident {row['resident_bytes'] >> 20} MiB  buffer {row['buffer_bytes'] >> 20} MiB"
                    f"  descriptors {row['file_descriptors']}  series {row['series']:,}  p99 {row['p99_ms']:.0f} ms"
                    f"  failures {sum(each['failures'] for each in rows)}", flush=True,
                )
    load.stop()
    return report(gateway, load, given, rows, retention)


def report(gateway, load, given, rows, retention):
    begin = min(1.5 * retention, rows[-1]["seconds"] / 2)
    lines = judge(rows, begin)
    most = max(row["resident_bytes"] for row in rows)
    lost = gateway.own("promring_kafka_records_lost_total") + gateway.own("promring_delivery_failed_samples_total")
    failures = sum(row["failures"] for row in rows) + load.take()[2]
    alive = gateway.process.running
    gateway.process.signal(15)
    code = gateway.process.wait(15)
    lines += [
        (f"resident at most {most >> 20} MiB of {(BUDGET + QUEUE + BESIDES) >> 20}", most <= BUDGET + QUEUE + BESIDES),
        (f"{failures} requests failed{''.join('; ' + each for each in load.failures[:5])}", failures == 0),
        (f"{lost:g} records and samples lost", lost == 0),
        (f"ready at {sum(row['ready'] for row in rows)} of {len(rows)} looks", all(row["ready"] for row in rows)),
        (f"it lived to the end: {alive}, exit status {code}", alive and code == 0),
    ]
    title = f"promring, {rows[-1]['seconds'] / 60:.0f} minutes of steady load; what is grey is judged"
    (given.out / "soak.svg").write_text(picture(rows, begin, title), encoding="ascii")
    flat = all(good for _, good in lines)
    for text, good in lines:
        print(("  ok   " if good else "  NOT  ") + text)
    print(f"results: {given.out}/soak.csv, soak.svg, promring.log")
    print(f"verdict: {'flat' if flat else 'NOT flat'}")
    return 0 if flat else 1


if __name__ == "__main__":
    sys.exit(main())
