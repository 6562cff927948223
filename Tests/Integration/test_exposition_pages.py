"""The pages with which the parser of promring is tested, read by others: a real Prometheus and Python's client.

Tests/WireTests/pages/pages.json says what is on each page. `PROMRING_TEST_REGENERATE=1` writes it anew from what the two
say; look at the difference before you commit it.
"""

import http.server
import json
import math
import os
import pathlib
import struct
import threading

import pytest
from prometheus_client import parser as text_parser
from prometheus_client.openmetrics import parser as openmetrics_parser

from exposition import pages
from harness.prometheus import scrape
from harness.samples import now
from harness.waiting import eventually

FILE = pathlib.Path(__file__).parent.parent / "WireTests" / "pages" / "pages.json"
CONTENT_TYPES = {
    "text": "text/plain; version=0.0.4; charset=utf-8",
    "openmetrics": "application/openmetrics-text; version=1.0.0; charset=utf-8",
}


def hand_written():
    """Every page that is not a client's: `(name, format, bytes)`."""
    for name, page in pages.TEXT.items():
        yield name, "text", page if isinstance(page, bytes) else page.encode()
    for value in pages.VALUES:
        yield f"value {value}", "text", f"a {value}\n".encode()
        yield f"value {value}", "openmetrics", f"a {value}\n# EOF\n".encode()
    for name, page in pages.OPENMETRICS.items():
        yield name, "openmetrics", page.encode()


def entry(name, format, page, samples):
    """As the file has it: the page as text, or in hex if it is none; samples `None` if it is refused."""
    try:
        body = {"page": page.decode()}
    except UnicodeDecodeError:
        body = {"hex": page.hex()}
    found = None if samples is None else sorted(samples, key=json.dumps)
    return {"name": name, "format": format, **body, "samples": found}


def sample(labels, value, timestamp):
    bits = struct.unpack(">Q", struct.pack(">d", value))[0]
    shown = "NaN" if math.isnan(value) else f"{bits:016x}"
    return [{name: text for name, text in sorted(labels.items()) if text}, shown, timestamp]


def canonical_bounds(samples):
    """What Prometheus 3 makes of the bounds of histograms and summaries; older ones leave them as they are."""
    for labels, *_ in samples or []:
        for name in ("le", "quantile"):
            if name in labels:
                labels[name] = canonical(labels[name])
    return samples


def canonical(bound):
    try:
        value = float(bound) + 0.0
    except ValueError:
        return bound
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    text = repr(value)
    if value == int(value) and abs(value) >= 1e6:
        digits, _, exponent = f"{value:.17e}".partition("e")
        text = f"{float(digits):g}e{exponent}"
    return text


def read_by_client(format, page):
    parser = text_parser if format == "text" else openmetrics_parser
    samples = []
    for family in parser.text_string_to_metric_families(page.decode()):
        for each in family.samples:
            timestamp = None if each.timestamp is None else round(float(each.timestamp) * 1000)
            samples.append(sample({"__name__": each.name, **each.labels}, each.value, timestamp))
    return canonical_bounds(samples)


class Pages:
    """Serves pages at /0, /1, …"""

    def __init__(self, served):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                format, page = served[int(self.path[1:])]
                self.send_response(200)
                self.send_header("Content-Type", CONTENT_TYPES[format])
                self.send_header("Content-Length", str(len(page)))
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def serve_pages():
    started = []

    def start(served):
        started.append(Pages(served))
        return started[-1]

    yield start
    for each in started:
        each.close()


OWN = {
    "up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
}  # fmt: skip


def read_by_prometheus(served, serve_pages, prometheus):
    """What a Prometheus takes of each page."""
    began = now()
    moment = began // 10_000 * 10_000 - 60_000
    server = serve_pages([(format, pages.at_moment(page, moment)) for _, format, page in served])
    configurations = [scrape(f"page-{i}", server.address, path=f"/{i}") for i in range(len(served))]
    reader = prometheus(*configurations, interval="5s")

    def read():
        health = {each["labels"]["job"]: each["health"] for each in reader.targets()}
        return health if len(health) == len(served) and "unknown" not in health.values() else None

    health = eventually(read, "all pages to be read")
    found = {job: {} for job in health}
    for each in reader.samples('{job=~"page-.+"}'):
        labels = dict(each.labels)
        job = labels.pop("job")
        del labels["instance"]
        if labels["__name__"] in OWN:
            continue
        # Times of a page lie before the first scrape. A series comes once with its own, and at every scrape without.
        timestamp = each.timestamp - moment + pages.MOMENT if each.timestamp < began else None
        found[job][tuple(sorted(labels.items())), timestamp] = sample(labels, each.value, timestamp)
    return [
        canonical_bounds(list(found[f"page-{i}"].values())) if health[f"page-{i}"] == "up" else None
        for i in range(len(served))
    ]


def test_other_implementations_read_the_pages_as_the_parser_is_tested_to(serve_pages, prometheus):
    found = []
    for name, format, page in pages.clients():
        found.append(entry(name, format, page, read_by_client(format, page)))
    written = list(hand_written())
    for (name, format, page), samples in zip(written, read_by_prometheus(written, serve_pages, prometheus)):
        found.append(entry(name, format, page, samples))
    text = "[\n" + ",\n".join(json.dumps(each, ensure_ascii=False) for each in found) + "\n]\n"
    if os.environ.get("PROMRING_TEST_REGENERATE"):
        FILE.write_text(text)
    for each, expected in zip(found, json.loads(FILE.read_text())):
        assert each == expected
    assert text == FILE.read_text(), "PROMRING_TEST_REGENERATE=1 writes it anew"
