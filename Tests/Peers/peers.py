"""The programs that are compared, each started on loopback, given the same samples, and asked over HTTP."""

import http.client
import json
import math
import shutil
import socket
import sys
import time
import urllib.parse
from pathlib import Path
from typing import NamedTuple

import requests
from harness.gateway import BINARY, environment, listening_address
from harness.processes import Process, free_port
from harness.waiting import eventually
from processes import cpu_seconds, resident_bytes
from workload import STEP

#: Seconds between the last sample and reading CPU time and memory: what is still to do after an answer (VictoriaMetrics
#: makes samples visible after a second, Go collects garbage) belongs to taking them in.
SETTLE = 3


class Taken(NamedTuple):
    """What it cost a program to take in samples."""

    samples: int
    series: int
    cpu_seconds: float
    wall_seconds: float
    #: Growth of the resident memory over that of the same program with nothing in it.
    grown_bytes: int


class Peer:
    """A server with the Prometheus HTTP API."""

    name = ""
    program = ""
    #: Parameters that keep it from answering out of a cache of results.
    parameters = {}

    @classmethod
    def is_missing(cls):
        return shutil.which(cls.program) is None

    def __init__(self, process, address):
        self.process = process
        self.address = address
        self._connection = http.client.HTTPConnection(address, timeout=300)

    def cpu_seconds(self):
        return cpu_seconds(self.process.pid)

    def resident_bytes(self, field="VmRSS"):
        return resident_bytes(self.process.pid, field)

    # --- Asking ---

    def url(self, path, parameters):
        return f"http://{self.address}{self.target(path, parameters)}"

    def target(self, path, parameters):
        query = urllib.parse.urlencode({**parameters, **self.parameters})
        return f"{path}?{query}" if query else path

    def ask(self, path, parameters):
        """The body of the answer, uncompressed, over a connection that is kept as long as the server keeps it."""
        try:
            answer = self._answer(path, parameters)
        except http.client.RemoteDisconnected:  # it was idle for longer than the server waits
            self._connection.close()
            answer = self._answer(path, parameters)
        body = answer.read()
        assert answer.status == 200, f"{self.name}: {answer.status} {body[:500]}"
        return body

    def _answer(self, path, parameters):
        self._connection.request("GET", self.target(path, parameters))
        return self._connection.getresponse()

    def drain(self, path, parameters):
        """Asks over a connection of its own, throws away what comes, and returns how many bytes it was."""
        host, port = self.address.split(":")
        request = f"GET {self.target(path, parameters)} HTTP/1.1\r\nHost: {self.address}\r\nConnection: close\r\n\r\n"
        size, buffer = 0, memoryview(bytearray(1 << 20))
        with socket.create_connection((host, int(port)), timeout=300) as connection:
            connection.sendall(request.encode())
            while read := connection.recv_into(buffer):
                assert size or bytes(buffer[:12]) == b"HTTP/1.1 200", f"{self.name}: {bytes(buffer[:read])[:500]}"
                size += read
        return size

    def query(self, query, at):
        return json.loads(self.ask("/api/v1/query", {"query": query, "time": at / 1000}))["data"]["result"]

    # --- Checking ---

    def check(self, samples):
        """Waits until every name has all its series and samples, then compares the sum of all values."""
        at = samples.end + STEP // 2
        window = f"[{samples.rounds * STEP // 1000 + 60}s]"

        def has(count, query):
            found = self.query(query, at)
            assert found and float(found[0]["value"][1]) == count, f"{self.name}: {query} is not {count}: {found}"

        def is_complete():
            for name, count in samples.names.items():
                has(count, f"count(count_over_time({name}{window}))")
                has(count * samples.rounds, f"sum(count_over_time({name}{window}))")
            return True

        eventually(is_complete, f"all samples in {self.name}", timeout=120)
        sums = (self.query(f"sum(sum_over_time({name}{window}))", at)[0]["value"][1] for name in samples.names)
        found, wanted = math.fsum(map(float, sums)), samples.sum()
        assert math.isclose(found, wanted, rel_tol=1e-9), f"{self.name}: values add up to {found}, not {wanted}"

    def close(self):
        self._connection.close()
        self.process.stop()


class Promring(Peer):
    """Reads what is in Kafka already when it starts, so that its work is not spread over the producer's."""

    name = "promring"

    @classmethod
    def is_missing(cls):
        return False

    def __init__(self, folder, feed, topic=None):
        command = [BINARY, "serve", "--kafka-brokers", feed.broker.bootstrap]
        command += ["--kafka-topic", (topic or feed.topic).name]
        command += ["--web-listen-address", "127.0.0.1:0", "--buffer-max-bytes", "2GiB", "--ready-grace", "24h"]
        # noida-db answers a fetch with all that the partitions have, whatever fetch.max.bytes says; librdkafka refuses
        # answers of more than 100 MB otherwise.
        command += ["--kafka-property", "receive.message.max.bytes=2000000000"]
        process = Process(command, output=_log(folder, self.name), environment=environment())
        super().__init__(process, eventually(lambda: listening_address(process.text()), "its address", timeout=15))

    def is_ready(self):
        self._connection.request("GET", "/-/ready")
        answer = self._connection.getresponse()
        body = answer.read()
        assert self.process.running, self.process.text()
        assert answer.status == 200, f"{answer.status}: {body.decode()}"
        return True

    @classmethod
    def filled(cls, folder, feed, samples):
        """A promring that has read what is in the topic, and what that cost, the start of the program included."""
        empty = cls(folder, feed, feed.broker.topic(feed.topic.partitions))
        try:
            eventually(empty.is_ready, "promring without samples to be ready")
            nothing = empty.resident_bytes()
        finally:
            empty.close()
        began = time.perf_counter()
        peer = cls(folder, feed)
        try:
            eventually(peer.is_ready, "promring to have read all samples", timeout=120)
            wall, cpu = time.perf_counter() - began, peer.cpu_seconds()
            feed.pause()
            time.sleep(SETTLE)
            taken = Taken(samples.count, len(samples.series), cpu, wall, peer.resident_bytes() - nothing)
            feed.resume()
        except BaseException:
            peer.close()
            raise
        return peer, taken


class _RemoteWritten(Peer):
    path = "/api/v1/write"
    ready = ""

    def __init__(self, folder, command):
        port = free_port()
        process = Process([word.format(port=port, folder=folder) for word in command], output=_log(folder, self.name))
        super().__init__(process, f"127.0.0.1:{port}")

        def is_ready():
            assert process.running, process.text()
            try:
                return requests.get(f"http://{self.address}{self.ready}", timeout=2).ok
            except requests.ConnectionError:
                return False

        eventually(is_ready, self.name)

    def write(self, samples):
        """Sends the samples, and returns what they cost it."""
        headers = {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf"}
        headers["X-Prometheus-Remote-Write-Version"] = "0.1.0"
        cpu, nothing, wall = self.cpu_seconds(), self.resident_bytes(), 0.0
        with requests.Session() as session:
            for body in samples.write_requests():
                began = time.perf_counter()
                answer = session.post(f"http://{self.address}{self.path}", data=body, headers=headers, timeout=60)
                wall += time.perf_counter() - began
                assert answer.ok, f"{self.name}: {answer.status_code} {answer.text}"
        time.sleep(SETTLE)
        cpu, grown = self.cpu_seconds() - cpu, self.resident_bytes() - nothing
        return Taken(samples.count, len(samples.series), cpu, wall, grown)


class Prometheus(_RemoteWritten):
    """As it comes, with the receiver for remote write switched on."""

    name = program = "prometheus"
    ready = "/-/ready"

    def __init__(self, folder):
        (folder / "prometheus.yml").write_text("{}\n")
        command = ["prometheus", "--config.file={folder}/prometheus.yml", "--storage.tsdb.path={folder}/prometheus"]
        command += ["--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver", "--log.level=warn"]
        super().__init__(folder, command)


class VictoriaMetrics(_RemoteWritten):
    """Without its cache of results, with the newest samples visible at once, and lists of more than 30,000 series."""

    name = program = "victoria-metrics"
    parameters = {"nocache": "1"}
    ready = "/health"

    def __init__(self, folder):
        command = ["victoria-metrics", "-storageDataPath={folder}/victoria", "-httpListenAddr=127.0.0.1:{port}"]
        command += ["-search.latencyOffset=0s", "-search.disableCache", "-loggerLevel=WARN", "-retentionPeriod=1d"]
        command += ["-search.maxSeries=1000000", "-search.maxTagValues=1000000"]
        super().__init__(folder, command)


class PlainConsumer:
    """A Python program with confluent-kafka, python-snappy and json. It takes samples in and answers nothing."""

    name = "plain-consumer"

    def __init__(self, folder, feed, topic=None):
        command = [sys.executable, Path(__file__).with_name("plain_consumer.py"), feed.broker.bootstrap]
        self.process = Process([*command, (topic or feed.topic).name], output=_log(folder, self.name))

    @classmethod
    def taken(cls, folder, feed, samples):
        """What reading the topic cost it, the start of the program included; what it has read is compared."""
        empty = cls(folder, feed, feed.broker.topic(feed.topic.partitions))
        try:
            eventually(lambda: empty.says("0 samples"), "the plain consumer to have begun")
            nothing = resident_bytes(empty.process.pid)
        finally:
            empty.process.stop()
        began = time.perf_counter()
        consumer = cls(folder, feed)
        try:
            eventually(lambda: consumer.says(f"{samples.count} samples"), "the plain consumer", timeout=300)
            wall, cpu = time.perf_counter() - began, cpu_seconds(consumer.process.pid)
            grown = resident_bytes(consumer.process.pid) - nothing
            consumer.check(samples)
        finally:
            consumer.process.stop()
        return Taken(samples.count, len(samples.series), cpu, wall, grown)

    def says(self, line):
        assert self.process.running, self.process.text()
        return line in self.process.text().splitlines()

    def check(self, samples):
        self.process.signal(15)
        self.process.wait(60)
        has = json.loads(self.process.text().splitlines()[-1])
        assert (has["series"], has["samples"]) == (len(samples.series), samples.count), has
        assert math.isclose(has["sum"], samples.sum(), rel_tol=1e-9), has


def _log(folder, name):
    """A new file for each process: promring's tells its address, and is started more than once."""
    number = sum(1 for _ in folder.glob(f"{name}-*.log"))
    return folder / f"{name}-{number}.log"
