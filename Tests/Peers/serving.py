"""Many requests at once, sent by `wrk`: queries for one series, and probes while every query slot is busy."""

import http.client
import re
import statistics
import subprocess
import threading
import time

from queries import ONE
from report import at_most, times_more
from workload import STEP

HEAVY = "max(max_over_time(rate(http_request_duration_seconds_bucket[5m])[10m:2s]))"


def wrk(url, connections, seconds):
    """Requests per second and the 99th percentile in milliseconds."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", url]
    text = subprocess.run(command, check=True, capture_output=True, text=True, timeout=seconds + 60).stdout
    assert "Non-2xx" not in text and "Socket errors" not in text, text
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])
    number, unit = re.search(r"\b99%\s+([\d.]+)(us|ms|s)\b", text).groups()
    return rate, float(number) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit]


def compare_requests(peers, workload, seconds, report):
    report.begin("One-series instant query, wrk with 16 connections that are kept, median of three runs")
    parameters = {"query": ONE, "time": (workload.end + STEP // 2) / 1000}
    found = {peer.name: [] for peer in peers}
    cpu = {peer.name: 0.0 for peer in peers}
    for _ in range(3):
        for peer in peers:
            before = peer.cpu_seconds()
            found[peer.name].append(wrk(peer.url("/api/v1/query", parameters), 16, seconds))
            requests = found[peer.name][-1][0] * seconds
            cpu[peer.name] += (peer.cpu_seconds() - before) / requests * 1e6 / 3
    rates = {name: statistics.median(rate for rate, _ in each) for name, each in found.items()}
    slowest = {name: statistics.median(p99 for _, p99 in each) for name, each in found.items()}
    what = "One series, 16 connections"
    report.add("requests.rate", what, "requests/s", rates, times_more(3, "prometheus"))
    report.add("requests.p99", f"{what}, p99", "ms", slowest, at_most(10, "ms"))
    report.add("requests.cpu", f"{what}, CPU time of each", "µs", cpu)


def compare_probes(peers, workload, seconds, report):
    report.begin("Probes while every query slot is busy (24 clients with heavy queries), wrk with 1 connection")
    slowest = {"/-/ready": {}, "/-/healthy": {}}
    for peer in peers:
        stop = threading.Event()
        parameters = {"query": HEAVY, "time": (workload.end + STEP // 2) / 1000}
        clients = [threading.Thread(target=keep_asking, args=(peer, parameters, stop)) for _ in range(24)]
        for client in clients:
            client.start()
        time.sleep(2)
        for path, found in slowest.items():
            _, found[peer.name] = wrk(f"http://{peer.address}{path}", 1, seconds)
        stop.set()
        for client in clients:
            client.join()
    for path, found in slowest.items():
        report.add(f"probes.{path.rpartition('/')[2]}", f"{path} under load, p99", "ms", found, at_most(5, "ms"))


def keep_asking(peer, parameters, stop):
    connection = http.client.HTTPConnection(peer.address, timeout=300)
    while not stop.is_set():
        connection.request("GET", peer.target("/api/v1/query", parameters))
        connection.getresponse().read()
    connection.close()
