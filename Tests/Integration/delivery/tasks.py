"""Delivery tasks as the configuration file has them, and the promring that runs them."""

import yaml

from harness.processes import free_port

REMOTE_WRITE = {"kind": "remote_write"}


def task(topic, name="all", sources=(REMOTE_WRITE,), target=None, **more):
    """A task that delivers to a topic."""
    return {"name": name, "sources": list(sources), "target": {"topic": topic.name, **(target or {})}, **more}


class Deliverer:
    """A promring with delivery tasks, always at the same port, so that it can come again after its end."""

    def __init__(self, serve, folder, topic, *tasks, arguments=(), ready=True):
        """It reads `topic`, too, as every gateway reads one."""
        self.serve = serve
        self.file = folder / "delivery.yaml"
        self.file.write_text(yaml.safe_dump({"delivery": {"tasks": list(tasks) or [task(topic)]}}))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.arguments = [
            "serve", "--kafka-brokers", topic.broker.bootstrap, "--kafka-topic", topic.name,
            "--web-listen-address", f"127.0.0.1:{self.port}", "--config-file", self.file, *arguments,
        ]
        self.gateway = None
        self.start(ready)

    def start(self, ready=True):
        self.gateway = self.serve.run(self.arguments, ready=ready)

    def kill9(self):
        self.gateway.kill9()

    def status(self, name="all"):
        return self.gateway.api(f"delivery/tasks/{name}")
