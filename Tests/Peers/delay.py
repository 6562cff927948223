"""How long after a sample was produced a query returns it, with one record a second and nothing else going on.

The broker has a topic of four partitions; promring runs with its own settings for fetching (fetch.min.bytes=1,
fetch.wait.max.ms=100), the producer with linger.ms=0. After each record the query is repeated over one kept connection
with a millisecond's pause until it returns the value: so the figure is up to a millisecond and a query too large, and
promring answers less than a thousand queries for each record.
"""

import time

import snappy
from feed import Feed
from harness.samples import now
from harness.waiting import eventually
from peers import Promring
from report import at_most

PAUSE = 0.001


def measure(folder, count, report):
    report.begin(f"Delay from producing a sample until a query returns it, {count} times")
    feed = Feed(folder)
    try:
        promring = Promring(folder, feed)
        try:
            eventually(promring.is_ready, "promring to be ready")
            delays, cpu = probe(feed, promring, count)
        finally:
            promring.close()
    finally:
        feed.close()
    report.note(f"least {delays[0]:.2f} ms, most {delays[-1]:.2f} ms, {cpu:.2f} s CPU of promring each second")
    report.add("delay.p50", "Produced until visible, p50", "ms", {Promring.name: delays[len(delays) // 2]})
    # Of fewer than a hundred delays this is the largest.
    p99 = delays[min(len(delays) * 99 // 100, len(delays) - 1)]
    report.add("delay.p99", "Produced until visible, p99", "ms", {Promring.name: p99}, at_most(20, "ms"))


def probe(feed, promring, count):
    """Delays in milliseconds, sorted, and promring's CPU time per second."""
    delays = []
    partitions = feed.topic.partitions
    with feed.producer(**{"linger.ms": 0}) as producer:
        # The first ones make connections, on both sides.
        for number in range(-partitions, count):
            if number == 0:
                cpu, began = promring.cpu_seconds(), time.perf_counter()
            at = now()
            record = snappy.compress(b'[{"__name__":"delay_probe","value":"%d","timestamp":"%d"}]' % (number, at))
            produced = time.perf_counter()
            producer.send(feed.topic.name, record, number % partitions, at)
            while newest(promring, at) != number:
                assert time.perf_counter() - produced < 30, f"sample {number} is not visible after 30 s"
                time.sleep(PAUSE)
            if number >= 0:
                delays.append((time.perf_counter() - produced) * 1e3)
            time.sleep(max(0, produced + 1 - time.perf_counter()))
        cpu = (promring.cpu_seconds() - cpu) / (time.perf_counter() - began)
    return sorted(delays), cpu


def newest(promring, at):
    found = promring.query("delay_probe", at + 1)
    return float(found[0]["value"][1]) if found else None
