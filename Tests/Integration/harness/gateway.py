"""The program under test, as an operator starts it and a client asks it."""

import csv
import io
import json
import os
import pathlib
import re
import signal

import requests
import yaml
from prometheus_client.parser import text_string_to_metric_families

from .processes import Process
from .samples import Sample, label_key
from .waiting import eventually

ROOT = pathlib.Path(__file__).resolve().parents[3]
BINARY = pathlib.Path(os.environ.get("PROMRING_BINARY") or ROOT / ".build" / "release" / "promring")

# Nothing of the environment that the tests run in may configure the program.
_ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("PROMRING_")}


def command(*arguments):
    return [BINARY, *(str(argument) for argument in arguments)]


def environment(**settings):
    return {**_ENVIRONMENT, **settings}


class Gateway:
    """A running `promring serve` (or `demo`)."""

    def __init__(self, output, arguments, settings=None):
        self.process = Process(command(*arguments), output=output, environment=environment(**(settings or {})))
        self.session = requests.Session()
        self.session.trust_env = False
        self.address = eventually(self._listening_address, "the line that says where it listens", timeout=15)
        self.url = f"http://{self.address}"

    def _listening_address(self):
        assert self.process.running, f"it ended with {self.process.exit_code}: {self.process.text()}"
        return listening_address(self.process.text())

    # --- Asking ---

    def get(self, path, parameters=None, expect=200, timeout=30, **options):
        """One GET. `parameters` may be a dictionary or a list of pairs (for several `match[]`)."""
        answer = self.session.get(self.url + path, params=parameters, timeout=timeout, **options)
        if expect is not None:
            assert answer.status_code == expect, f"{answer.status_code} for {answer.url}: {answer.text[:1000]}"
        return answer

    def api(self, path, parameters=None):
        """The `data` of a successful answer below /api/v1."""
        answer = self.get(f"/api/v1/{path}", parameters)
        assert answer.headers["Content-Type"].split(";")[0] == "application/json", answer.headers
        body = answer.json()
        assert body["status"] == "success", body
        return body["data"]

    def samples(self, match=None, **parameters):
        """Raw samples of a selector, from /api/v1/samples as streamed NDJSON: everything unless told otherwise."""
        pairs = [("match[]", match or '{__name__=~".+"}'), ("format", "ndjson"), *parameters.items()]
        answer = self.get("/api/v1/samples", pairs, stream=True, timeout=120)
        return samples_of_ndjson(answer.iter_lines())

    def page(self, path="/metrics", parameters=None, accept=None):
        """An exposition page as text."""
        return self.get(path, parameters, headers={"Accept": accept} if accept else None).text

    def own_page(self, accept=None):
        """The page of promring's own metrics."""
        return self.page("/metrics", {"self": "only"}, accept)

    def own_metrics(self):
        """promring's own metrics: `{name: [(labels, value)]}`."""
        metrics = {}
        for family in text_string_to_metric_families(self.own_page()):
            for each in family.samples:
                metrics.setdefault(each.name, []).append((each.labels, each.value))
        return metrics

    def own(self, name, **labels):
        """The sum of one of promring's own metrics over the series that have these labels; 0 when there is none."""
        series = self.own_metrics().get(name, [])
        return sum(value for own, value in series if labels.items() <= own.items())

    def ready(self):
        """Whether /-/ready says 200; 503 is the only other answer that it may give."""
        answer = self.get("/-/ready", expect=None)
        assert answer.status_code in (200, 503), answer.text
        return answer.status_code == 200

    def wait_ready(self, timeout=60):
        def is_ready():
            assert self.process.running, f"it ended with {self.process.exit_code}: {self.process.text()[-2000:]}"
            answer = self.get("/-/ready", expect=None)
            assert answer.status_code == 200, answer.text
            return True

        eventually(is_ready, "/-/ready", timeout)
        return self

    def wait_samples(self, count, match=None, timeout=30, **parameters):
        """Waits until a selector has exactly `count` samples and returns them."""

        def all_there():
            found = self.samples(match, **parameters)
            assert len(found) == count, f"{len(found)} samples of {count}"
            return found

        return eventually(all_there, f"{count} samples of {match or 'everything'}", timeout) if count else []

    def dropped(self, reason):
        """Samples that the buffer refused for this reason."""
        return self.own("promring_samples_dropped_total", reason=reason)

    def dead_letters(self):
        """The list at /api/v1/status/dead_letters."""
        return self.api("status/dead_letters")["dead_letters"]

    # --- Ending ---

    def kill9(self):
        self.process.kill()

    def terminate(self, within=10):
        """SIGTERM; the program has to exit with 0 in time."""
        self.process.signal(signal.SIGTERM)
        code = self.process.wait(within)
        assert code == 0, f"exit code {code} after SIGTERM:\n{self.process.text()[-2000:]}"

    def close(self):
        self.session.close()
        self.process.stop()


def listening_address(log):
    """Where the program says it listens; it picks the port itself when told port 0."""
    for line in log.splitlines():
        found = re.search(r"\blistening\b.*?\b(127\.0\.0\.1:\d+)", line)
        if found:
            return found.group(1)
    return None


# --- The three forms of /api/v1/samples --------------------------------------------------------------------------------


def samples_of_json(body):
    """The matrix shape of the Prometheus API."""
    assert body["status"] == "success", body
    assert body["data"]["resultType"] == "matrix", body["data"]["resultType"]
    return [
        Sample(label_key(series["metric"]), round(at * 1000), float(value))
        for series in body["data"]["result"]
        for at, value in series["values"]
    ]


def samples_of_ndjson(lines):
    """One sample a line, with the members of a vector element."""
    found, known = [], {}
    for line in lines:
        # `{"metric":{…},"value":[…]}`: the first half is the same in every line of a series, and read once.
        metric, value = line.rsplit(b',"value":', 1)
        if metric not in known:
            known[metric] = label_key(json.loads(metric + b"}")["metric"])
        at, text = json.loads(value[:-1])
        found.append(Sample(known[metric], round(at * 1000), float(text)))
    return found


def samples_of_csv(text):
    """One sample a row: the time in seconds, the value, the series as a selector."""
    known = {}

    def labels(series):
        if series not in known:
            ((only,),) = [family.samples for family in text_string_to_metric_families(f"{series} 1\n")]
            known[series] = label_key({"__name__": only.name, **only.labels})
        return known[series]

    rows = csv.DictReader(io.StringIO(text))
    return [Sample(labels(row["series"]), round(float(row["timestamp"]) * 1000), float(row["value"])) for row in rows]


# --- What the program is described to be -------------------------------------------------------------------------------


def readme_yaml(heading):
    """The YAML files that the README shows below a heading, in their order."""
    text = (ROOT / "README.md").read_text()
    section = re.split(r"(?m)^##+ ", text.split(f"# {heading}\n", 1)[1], maxsplit=1)[0]
    return [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)]


def openapi():
    return yaml.safe_load((ROOT / "openapi.yaml").read_text())
