"""What goes in and what is asked, each part in a thread with a steady rhythm of its own."""

import http.client
import threading
import time
import urllib.parse

from fleet import BOUNDS, NAMES, Fleet

POD_SERIES_EVERY = 10  # seconds between two samples of a series, as between two scrapes
WRITE_HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}
QUERIES = [
    ("query", {"query": f"sum by (job) (rate({NAMES[0]}[1m]))"}),
    ("query", {"query": f"topk(5, {NAMES[1]})"}),
    ("query", {"query": 'count({namespace="soak"})'}),
    ("query", {"query": f'{NAMES[2]}{{job="job-3"}}'}),
    ("query", {"query": "histogram_quantile(0.9, sum by (le) (rate(soak_duration_seconds_bucket[1m])))"}),
    ("query", {"query": f'{{pod=~"kafka-.*7", __name__="{NAMES[3]}"}} / 2'}),
    ("query_range", {"query": f"sum(rate({NAMES[4]}[30s]))", "window": "60", "step": "5"}),
    ("query_range", {"query": f"max by (job) ({NAMES[5]})", "window": "60", "step": "5"}),
    ("query_range", {"query": f'sum by (le) (rate(soak_duration_seconds_bucket{{le="{BOUNDS[-1]}"}}[1m]))', "window": "60", "step": "10"}),
    ("series", {"match[]": f'{NAMES[6]}{{job="job-1"}}'}),
    ("labels", {}),
    ("label/pod/values", {"match[]": NAMES[7]}),
    ("samples", {"match[]": f'{NAMES[8]}{{job="job-2"}}', "since": "30s"}),
]
PAGES = [
    "/metrics?match[]=" + urllib.parse.quote(f'{{__name__="{NAMES[9]}"}}'),
    "/federate?match[]=" + urllib.parse.quote('{job="job-4"}'),
    "/metrics",
    "/api/v1/samples?format=ndjson&match[]=" + urllib.parse.quote(NAMES[10]),
    "/api/v1/status/tsdb",
    "/api/v1/status/kafka",
]


class Load:
    """Runs until `stop`. Every failure is counted with what was wrong; the first ones are kept."""

    def __init__(self, topic, address, pods):
        self.topic, self.address = topic, address
        self.kafka, self.remote = Fleet(pods, "kafka"), Fleet(max(pods // 5, 10), "write")
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.latencies, self.failures, self.samples = [], [], 0
        self.failed = 0
        parts = [self._produce, self._write, self._query, self._query, self._pages, self._strangers]
        self.threads = [threading.Thread(target=self._guarded, args=(part,), daemon=True) for part in parts]

    def start(self):
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(60)

    def take(self):
        """What happened since the last call: (seconds that each query took, samples sent, failures)."""
        with self.lock:
            taken = self.latencies, self.samples, self.failed
            self.latencies, self.samples, self.failed = [], 0, 0
        return taken

    def _fail(self, what):
        with self.lock:
            self.failed += 1
            if len(self.failures) < 20:
                self.failures.append(what)

    def _guarded(self, part):
        try:
            part()
        except Exception as error:
            self._fail(f"{part.__name__} ended: {error!r}")

    def _rhythm(self, seconds):
        """Yields every so often until the end; what took too long is not made up for."""
        due = time.monotonic()
        while not self.stopping.wait(max(0, due - time.monotonic())):
            due = max(due + seconds, time.monotonic() - seconds)
            yield

    # --- In ---

    def _produce(self):
        for _ in self._rhythm(POD_SERIES_EVERY):
            self._churn(self.kafka)
            now = int(time.time() * 1000)
            with self.topic.producer() as producer:
                for number, (key, value, count) in enumerate(self.kafka.records(now)):
                    if self.stopping.is_set():
                        return
                    producer.send(self.topic.name, value, number % self.topic.partitions, now, key=key.encode())
                    self._sent(count)
                    # Spread over most of the interval, as scrapes are.
                    self.stopping.wait(0.7 * POD_SERIES_EVERY * 10 / len(self.kafka.pods))

    def _write(self):
        connection = http.client.HTTPConnection(self.address, timeout=60)
        for _ in self._rhythm(POD_SERIES_EVERY):
            self._churn(self.remote)
            for body, count in self.remote.writes(int(time.time() * 1000)):
                connection.request("POST", "/api/v1/write", body, WRITE_HEADERS)
                answer = connection.getresponse()
                text = answer.read()
                if answer.status // 100 != 2:
                    self._fail(f"write: {answer.status} {text[:200]!r}")
                self._sent(count)
        connection.close()

    def _churn(self, fleet):
        """A tenth of the series each minute."""
        fleet.churn(max(1, round(len(fleet.pods) * 0.1 * POD_SERIES_EVERY / 60)))

    def _sent(self, count):
        with self.lock:
            self.samples += count

    # --- Out ---

    def _query(self):
        connection = http.client.HTTPConnection(self.address, timeout=60)
        turn = 0
        for _ in self._rhythm(0.2):
            path, parameters = QUERIES[turn % len(QUERIES)]
            turn += 1
            parameters = dict(parameters)
            if window := parameters.pop("window", None):
                end = time.time()
                parameters.update(start=f"{end - float(window):.3f}", end=f"{end:.3f}")
            began = time.monotonic()
            self._ask(connection, f"/api/v1/{path}?{urllib.parse.urlencode(parameters)}")
            with self.lock:
                self.latencies.append(time.monotonic() - began)
        connection.close()

    def _pages(self):
        connection = http.client.HTTPConnection(self.address, timeout=60)
        turn = 0
        for _ in self._rhythm(2):
            self._ask(connection, PAGES[turn % len(PAGES)], {"Accept-Encoding": "gzip"} if turn % 2 else {})
            turn += 1
        connection.close()

    def _strangers(self):
        """Clients that come once, some of which leave before they have their answer or ask what is wrong."""
        turn = 0
        for _ in self._rhythm(1):
            connection = http.client.HTTPConnection(self.address, timeout=60)
            turn += 1
            match turn % 4:
                case 0:
                    connection.request("GET", "/api/v1/samples?format=ndjson&match[]=%7B__name__%3D~%22.%2B%22%7D")
                    connection.getresponse().read(1000)
                case 1:
                    self._ask(connection, "/api/v1/query?query=sum(", status=400)
                case 2:
                    self._ask(connection, "/-/ready")
                case 3:
                    connection.connect()
                    connection.sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: half")
            connection.close()

    def _ask(self, connection, target, headers={}, status=200):
        connection.request("GET", target, headers=headers)
        answer = connection.getresponse()
        while answer.read(1 << 20):
            pass
        if answer.status != status:
            self._fail(f"{target}: {answer.status}")
