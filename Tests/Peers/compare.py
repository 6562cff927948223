"""Asks promring, Prometheus and VictoriaMetrics the same things side by side, and prints who took how long.

Run it through `Tests/Peers/run`, which sees to what has to be installed.
"""

import argparse
import json
import math
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "Integration"))

from harness.samples import now  # noqa: E402
from peers import Prometheus, Promring, VictoriaMetrics  # noqa: E402
from workload import STEP, Workload  # noqa: E402

SUM = "sum by (service) (rate(http_requests_total[5m]))"
QUANTILE = "histogram_quantile(0.99, sum by (le, service) (rate(http_request_duration_seconds_bucket[5m])))"
QUANTILE_EACH = "histogram_quantile(0.99, rate(http_request_duration_seconds_bucket[5m]))"
ONE = (
    'http_requests_total{pod="service-7-7d4b9c6f5-57",handler="/api/v1/resource-3",method="GET",code="200"}'
)
#: name, query, and how many times faster than Prometheus it has to be.
QUERIES = [
    ("sum by (rate), 20,000 series", SUM, 10),
    ("histogram_quantile of sum, 63,000 series", QUANTILE, 10),
    ("histogram_quantile, 63,000 series", QUANTILE_EACH, 10),
    ("rate, 20,000 series in the answer", "rate(http_requests_total[5m])", None),
    ("regex selector, count of 400", 'count(http_requests_total{pod=~"service-7-.*"})', None),
    ("one series", ONE, None),
]
HEAVY = "max(max_over_time(rate(http_request_duration_seconds_bucket[5m])[10m:2s]))"


class Report:
    def __init__(self):
        self.targets = []

    def target(self, what, value, met):
        self.targets.append((what, value, met))

    def print_targets(self):
        print("\nTargets")
        for what, value, met in self.targets:
            print(f"  {'met   ' if met else 'MISSED'}  {what}: {value}")

    @property
    def all_met(self):
        return all(met for _, _, met in self.targets)


# --- Queries -----------------------------------------------------------------------------------------------------------


def compare_queries(peers, workload, repetitions, report):
    end = workload.end + STEP // 2
    frames = {
        "instant": ("/api/v1/query", {"time": end / 1000}),
        # The ten minutes from the first sample on, in steps of 15 s, which are 41.
        "range": (
            "/api/v1/query_range",
            {"start": (end - 300_000) / 1000, "end": (end + 300_000) / 1000, "step": STEP / 1000},
        ),
    }
    print("\nMilliseconds until the whole answer is there, median (CPU milliseconds of the server in brackets)")
    print(f"  {'':52}" + "".join(f"{peer.name:>22}" for peer in peers) + f"{'ratio':>8}{'CPU':>8}")
    for name, query, wanted in QUERIES:
        for kind, (path, parameters) in frames.items():
            parameters = {"query": query, **parameters}
            check_answers(peers, path, parameters)
            wall, cpu = time_queries(peers, path, parameters, repetitions)
            ratio, cpu_ratio = wall[1] / wall[0], cpu[1] / cpu[0]
            cells = "".join(f"{w * 1e3:12.2f} ({c * 1e3:6.1f}) " for w, c in zip(wall, cpu))
            print(f"  {name + ', ' + kind:52}{cells}{ratio:8.1f}{cpu_ratio:8.1f}", flush=True)
            if wanted:
                text = f"{ratio:.1f} times as fast as Prometheus, {wanted} wanted"
                report.target(f"{name}, {kind}", text, ratio >= wanted)


def time_queries(peers, path, parameters, repetitions):
    """Median seconds by the clock and mean CPU seconds for each peer; they take turns."""
    wall, cpu = [[] for _ in peers], [0.0 for _ in peers]
    for repetition in range(repetitions + 2):
        for i, peer in enumerate(peers):
            cpu_before, before = peer.cpu_seconds(), time.perf_counter()
            peer.ask(path, parameters)
            after, cpu_after = time.perf_counter(), peer.cpu_seconds()
            if repetition >= 2:
                wall[i].append(after - before)
                cpu[i] += (cpu_after - cpu_before) / repetitions
    return [statistics.median(each) for each in wall], cpu


def check_answers(peers, path, parameters):
    """promring and Prometheus have to agree; VictoriaMetrics extrapolates otherwise and is only asked for as much."""
    answers = [values_of(json.loads(peer.ask(path, parameters))) for peer in peers]
    ours, theirs = answers[:2]
    assert ours.keys() == theirs.keys(), f"{parameters}: {len(ours)} values here, {len(theirs)} there"
    for key, value in ours.items():
        close = math.isclose(value, theirs[key], rel_tol=1e-9) or math.isnan(value) and math.isnan(theirs[key])
        assert close, f"{parameters}: {key} is {value} here, {theirs[key]} there"
    for peer, answer in zip(peers[2:], answers[2:]):
        assert answer, f"{peer.name} has no answer to {parameters}"


def values_of(body):
    found = {}
    for series in body["data"]["result"]:
        labels = tuple(sorted(series["metric"].items()))
        for at, value in series.get("values") or [series["value"]]:
            found[labels, at] = float(value)
    return found


# --- Requests ----------------------------------------------------------------------------------------------------------


def wrk(url, connections, seconds, threads=1, prefix=()):
    """Requests per second and the 99th percentile in milliseconds."""
    command = [*prefix, "wrk", f"-t{threads}", f"-c{connections}", f"-d{seconds}s", "--latency", url]
    text = subprocess.run(command, check=True, capture_output=True, text=True, timeout=seconds + 60).stdout
    assert "Non-2xx" not in text and "Socket errors" not in text, text
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])
    number, unit = re.search(r"\b99%\s+([\d.]+)(us|ms|s)\b", text).groups()
    return rate, float(number) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit]


def compare_requests(peers, workload, seconds, report):
    parameters = {"query": ONE, "time": (workload.end + STEP // 2) / 1000}
    found = [[] for _ in peers]
    cpu = [0.0 for _ in peers]
    for _ in range(3):
        for i, peer in enumerate(peers):
            before = peer.cpu_seconds()
            found[i].append(wrk(peer.url("/api/v1/query", parameters), 16, seconds))
            cpu[i] += (peer.cpu_seconds() - before) / found[i][-1][0] / seconds / 3
    rates = [statistics.median(rate for rate, _ in each) for each in found]
    slowest = [statistics.median(p99 for _, p99 in each) for each in found]
    print("\nOne-series instant query, wrk with 16 connections that are kept, median of three runs")
    for peer, rate, p99, each in zip(peers, rates, slowest, cpu):
        print(f"  {peer.name:20}{rate:10.0f} requests/s   p99 {p99:7.2f} ms   {each * 1e6:7.1f} µs CPU each", flush=True)
    ratio = rates[0] / rates[1]
    report.target("requests/s on one series", f"{ratio:.1f} times those of Prometheus, 3 wanted", ratio >= 3)
    report.target("p99 on one series", f"{slowest[0]:.2f} ms, below 10 ms wanted", slowest[0] < 10)


# --- Probes ------------------------------------------------------------------------------------------------------------


def compare_probes(peers, workload, seconds, report):
    print("\nProbes while every query slot is busy (24 clients with heavy queries), wrk with 1 connection")
    for peer in peers:
        stop = threading.Event()
        parameters = {"query": HEAVY, "time": (workload.end + STEP // 2) / 1000}
        clients = [threading.Thread(target=keep_asking, args=(peer, parameters, stop)) for _ in range(24)]
        for client in clients:
            client.start()
        time.sleep(2)
        for path in ["/-/ready", "/-/healthy"]:
            rate, p99 = wrk(f"http://{peer.address}{path}", 1, seconds)
            print(f"  {peer.name:20}{path:12} p99 {p99:8.2f} ms   {rate:8.0f} requests/s", flush=True)
            if peer is peers[0]:
                report.target(f"p99 of {path} under load", f"{p99:.2f} ms, at most 5 ms wanted", p99 <= 5)
        stop.set()
        for client in clients:
            client.join()


def keep_asking(peer, parameters, stop):
    import http.client

    connection = http.client.HTTPConnection(peer.address, timeout=300)
    while not stop.is_set():
        connection.request("GET", peer.target("/api/v1/query", parameters))
        connection.getresponse().read()
    connection.close()


# --- All of it ---------------------------------------------------------------------------------------------------------


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), "unknown")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return f"{os.cpu_count()} × {model}, {memory:.0f} GiB"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=15, help="of each query for each peer (default: 15)")
    parser.add_argument("--seconds", type=int, default=8, help="that each run of wrk takes (default: 8)")
    parser.add_argument("--only", choices=["queries", "requests", "probes"], help="one part of it")
    parser.add_argument("--without-victoria-metrics", action="store_true")
    options = parser.parse_args()
    print(f"Machine: {machine()}")
    report = Report()
    workload = Workload(now() - 60_000)
    print(f"{len(workload.series)} series, most of them {workload.names.most_common(2)}", flush=True)
    peers = []
    with tempfile.TemporaryDirectory(prefix="promring-peers-") as folder:
        try:
            for kind in [Promring, Prometheus] + ([] if options.without_victoria_metrics else [VictoriaMetrics]):
                peers.append(kind(pathlib.Path(folder), workload))
                print(f"{kind.name} has them all", flush=True)
            if options.only in (None, "queries"):
                compare_queries(peers, workload, options.repetitions, report)
            if options.only in (None, "requests"):
                compare_requests(peers, workload, options.seconds, report)
            if options.only in (None, "probes"):
                compare_probes(peers[:2], workload, options.seconds, report)
        finally:
            for peer in peers:
                peer.close()
    report.print_targets()
    return 0 if report.all_met else 1


if __name__ == "__main__":
    sys.exit(main())
