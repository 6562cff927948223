"""Questions, and how both sides are asked them."""

import http.client
import json
import threading
import urllib.parse
from typing import NamedTuple


class Question(NamedTuple):
    """A query at one moment, or over a span when there is a `step`; times in seconds."""

    query: str
    start: float
    end: float = 0.0
    step: float = 0.0
    origin: str = "written by hand"
    old: str = ""  # how Prometheus 2 has to be asked, if differently

    @property
    def is_range(self):
        return self.step > 0

    def request(self):
        """The path and the parameters but for the query."""
        if self.is_range:
            return "/api/v1/query_range", {"start": self.start, "end": self.end, "step": self.step}
        return "/api/v1/query", {"time": self.start}

    def __str__(self):
        path, times = self.request()
        text = f"{self.query}\n  there: {self.old}" if self.old else self.query
        return f"{text}\n  {path} {' '.join(f'{name}={value}' for name, value in times.items())} ({self.origin})"


class Answer(NamedTuple):
    code: int
    body: dict

    @property
    def ok(self):
        return self.code == 200

    @property
    def error(self):
        return self.body.get("error", "")

    @property
    def error_type(self):
        return self.body.get("errorType", "")

    @property
    def type(self):
        return self.body["data"]["resultType"]

    @property
    def result(self):
        return self.body["data"]["result"]

    def __str__(self):
        if not self.ok:
            return f"{self.code} {self.error_type}: {self.error}"
        if not isinstance(self.result, list) or self.type in ("scalar", "string"):
            return f"{self.type} {self.result}"
        lines = [f"{element['metric']} {element.get('value') or element.get('values')}" for element in self.result]
        return f"{self.type} of {len(lines)}" + "".join(f"\n      {line[:400]}" for line in lines[:6])


class Peer:
    """One side, asked over a connection that each thread keeps for itself."""

    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        self.host, self.port = parts.hostname, parts.port
        self._local = threading.local()

    def ask(self, question, query):
        path, times = question.request()
        body = urllib.parse.urlencode({"query": query, **times})
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = http.client.HTTPConnection(self.host, self.port, timeout=120)
        connection.request("POST", path, body, {"Content-Type": "application/x-www-form-urlencoded"})
        answer = connection.getresponse()
        return Answer(answer.status, json.loads(answer.read()))
