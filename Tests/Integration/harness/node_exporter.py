"""Debian's node_exporter, looking at the machine that the tests run on."""

import requests

from .processes import Process, free_port
from .waiting import eventually


class NodeExporter:
    def __init__(self, folder):
        self.address = f"127.0.0.1:{free_port()}"
        self.process = Process(
            ["prometheus-node-exporter", f"--web.listen-address={self.address}", "--log.level=error"],
            output=folder / "node_exporter.log",
        )
        eventually(self._answers, "node_exporter to answer")

    def _answers(self):
        assert self.process.running, f"node_exporter ended: {self.process.text()}"
        try:
            return requests.get(f"http://{self.address}/metrics", timeout=5).status_code == 200
        except requests.ConnectionError:
            return False

    def close(self):
        self.process.stop()
