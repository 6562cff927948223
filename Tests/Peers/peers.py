"""The programs that are compared, each started on loopback, filled with the same samples, and asked over HTTP."""

import http.client
import json
import time
import urllib.parse

import requests
from harness.broker import Broker
from harness.gateway import BINARY, environment, listening_address
from harness.processes import Process, free_port
from harness.waiting import eventually
from workload import SAMPLES, STEP


class Peer:
    """A server with the Prometheus HTTP API."""

    name = ""
    #: Parameters that keep it from answering out of a cache of results.
    parameters = {}

    def __init__(self, process, address):
        self.process = process
        self.address = address
        self._connection = http.client.HTTPConnection(address, timeout=300)

    def cpu_seconds(self):
        """CPU time of the process so far: Linux' clock of another process, exact to the nanosecond."""
        return time.clock_gettime(~self.process.pid << 3 | 2)

    def url(self, path, parameters):
        return f"http://{self.address}{self.target(path, parameters)}"

    def target(self, path, parameters):
        return f"{path}?{urllib.parse.urlencode({**parameters, **self.parameters})}"

    def ask(self, path, parameters):
        """The body of the answer, uncompressed, over a connection that is kept."""
        self._connection.request("GET", self.target(path, parameters))
        answer = self._connection.getresponse()
        body = answer.read()
        assert answer.status == 200, f"{self.name}: {answer.status} {body[:500]}"
        return body

    def query(self, query, at):
        return json.loads(self.ask("/api/v1/query", {"query": query, "time": at / 1000}))["data"]["result"]

    def wait_for(self, workload):
        """Waits until every series has all its samples."""
        at = workload.end + STEP // 2

        def is_complete():
            for name, count in workload.names.items():
                found = self.query(f"sum(count_over_time({name}[10m]))", at)
                assert found and float(found[0]["value"][1]) == count * SAMPLES, f"{name}: {found}"
            return True

        eventually(is_complete, f"all samples in {self.name}", timeout=120)

    def close(self):
        self._connection.close()
        self.process.stop()


class Promring(Peer):
    name = "promring"

    def __init__(self, folder, workload):
        self.broker = Broker(folder)
        topic = self.broker.topic(partitions=4)
        with topic._producer() as producer:
            for number, (value, newest) in enumerate(workload.records()):
                producer.send(topic.name, value, number % topic.partitions, newest)
        arguments = ["serve", "--kafka-brokers", self.broker.bootstrap, "--kafka-topic", topic.name]
        arguments += ["--web-listen-address", "127.0.0.1:0", "--buffer-max-bytes", "2GiB", "--ready-grace", "24h"]
        process = Process([BINARY, *arguments], output=folder / "promring.log", environment=environment())
        super().__init__(process, eventually(lambda: listening_address(process.text()), "its address", timeout=15))
        self.wait_for(workload)
        # Nothing more comes in, here as in the others. The broker goes because it answers fetches that find nothing at
        # once, not after fetch.wait.max.ms as Kafka does: asking it again and again takes up a whole processor.
        self.broker.stop()

    def close(self):
        super().close()
        self.broker.close()


class _RemoteWritten(Peer):
    def __init__(self, folder, workload, command, path, ready):
        port = free_port()
        process = Process([word.format(port=port, folder=folder) for word in command], output=folder / f"{self.name}.log")
        super().__init__(process, f"127.0.0.1:{port}")

        def is_ready():
            assert process.running, process.text()
            try:
                return requests.get(f"http://{self.address}{ready}", timeout=2).ok
            except requests.ConnectionError:
                return False

        eventually(is_ready, self.name)
        headers = {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf"}
        headers["X-Prometheus-Remote-Write-Version"] = "0.1.0"
        for body in workload.write_requests():
            answer = requests.post(f"http://{self.address}{path}", data=body, headers=headers, timeout=60)
            assert answer.ok, f"{self.name}: {answer.status_code} {answer.text}"
        self.wait_for(workload)


class Prometheus(_RemoteWritten):
    """As it comes, with the receiver for remote write switched on."""

    name = "prometheus"

    def __init__(self, folder, workload):
        (folder / "prometheus.yml").write_text("{}\n")
        command = ["prometheus", "--config.file={folder}/prometheus.yml", "--storage.tsdb.path={folder}/prometheus"]
        command += ["--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver", "--log.level=warn"]
        super().__init__(folder, workload, command, "/api/v1/write", "/-/ready")


class VictoriaMetrics(_RemoteWritten):
    """Without its cache of results, and with the newest samples visible at once."""

    name = "victoria-metrics"
    parameters = {"nocache": "1"}

    def __init__(self, folder, workload):
        command = ["victoria-metrics", "-storageDataPath={folder}/victoria", "-httpListenAddr=127.0.0.1:{port}"]
        command += ["-search.latencyOffset=0s", "-search.disableCache", "-loggerLevel=WARN", "-retentionPeriod=1d"]
        super().__init__(folder, workload, command, "/api/v1/write", "/health")
