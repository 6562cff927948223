"""A real Prometheus, Debian's, that scrapes what a test tells it to."""

import subprocess

import requests
import yaml

from .processes import Process, free_port
from .samples import Sample, label_key
from .waiting import eventually


class Prometheus:
    def __init__(self, folder, scrape_configs, interval="1s", arguments=(), port=None, **sections):
        """Starts with these scrape configurations and options and waits until it is ready. `sections` are other parts of
        its file."""
        config = {
            "global": {"scrape_interval": interval, "scrape_timeout": interval},
            "scrape_configs": scrape_configs,
            **sections,
        }
        file = folder / "prometheus.yml"
        file.write_text(yaml.safe_dump(config))
        port = port or free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.process = Process(
            [
                "prometheus",
                f"--config.file={file}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--log.level=warn",
                *arguments,
            ],
            output=folder / "prometheus.log",
        )
        eventually(self._ready, "Prometheus to be ready")

    def _ready(self):
        assert self.process.running, f"Prometheus ended: {self.process.text()}"
        try:
            return requests.get(f"{self.url}/-/ready", timeout=2).status_code == 200
        except requests.ConnectionError:
            return False

    def answer(self, path, parameters=None):
        """The whole answer of a path below /api/v1, warnings too."""
        answer = requests.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def query(self, query, **parameters):
        return self.answer("query", {"query": query, **parameters})["data"]["result"]

    def samples(self, selector, window="1h"):
        """The raw samples that Prometheus holds of a selector, with their own timestamps."""
        return [
            Sample(label_key(series["metric"]), round(at * 1000), float(value))
            for series in self.query(f"{selector}[{window}]")
            for at, value in series["values"]
        ]

    def targets(self):
        return requests.get(f"{self.url}/api/v1/targets", timeout=10).json()["data"]["activeTargets"]

    def close(self):
        self.process.stop()


def scrape(name, address, path="/metrics", **more):
    """A scrape configuration as promring's documentation tells people to write it."""
    return {
        "job_name": name,
        "honor_labels": True,
        "honor_timestamps": True,
        "metrics_path": path,
        "static_configs": [{"targets": [address]}],
        **more,
    }


def promtool(*arguments, stdin=None):
    return subprocess.run(
        ["promtool", *arguments], input=stdin, capture_output=True, text=True, timeout=60, check=False
    )
