"""The same PromQL queries to all, and whether promring and Prometheus agree on the answers."""

import json
import math

from report import times_faster
from turns import milliseconds, take_turns
from workload import STEP

SUM = "sum by (service) (rate(http_requests_total[5m]))"
QUANTILE = "histogram_quantile(0.99, sum by (le, service) (rate(http_request_duration_seconds_bucket[5m])))"
QUANTILE_EACH = "histogram_quantile(0.99, rate(http_request_duration_seconds_bucket[5m]))"
ONE = (
    'http_requests_total{pod="service-7-7d4b9c6f5-57",handler="/api/v1/resource-3",method="GET",code="200"}'
)
#: name, what, query, and how many times faster than Prometheus it has to be.
QUERIES = [
    ("sum_rate", "sum by (rate), 20,000 series", SUM, 10),
    ("quantile_sum", "histogram_quantile of sum, 63,000 series", QUANTILE, 10),
    ("quantile", "histogram_quantile, 63,000 series", QUANTILE_EACH, 10),
    ("rate", "rate, 20,000 series in the answer", "rate(http_requests_total[5m])", None),
    ("selector", "regex selector, count of 400", 'count(http_requests_total{pod=~"service-7-.*"})', None),
    ("one", "one series", ONE, None),
]


def compare(peers, workload, repetitions, report):
    report.begin("Queries, time until the whole answer is there")
    end = workload.end + STEP // 2
    frames = {
        "instant": ("/api/v1/query", {"time": end / 1000}),
        # The ten minutes from the first sample on, in steps of 15 s, which are 41.
        "range": (
            "/api/v1/query_range",
            {"start": (end - 300_000) / 1000, "end": (end + 300_000) / 1000, "step": STEP / 1000},
        ),
    }
    for name, what, query, wanted in QUERIES:
        for kind, (path, parameters) in frames.items():
            parameters = {"query": query, **parameters}
            check_answers(peers, path, parameters)
            timings = take_turns(peers, lambda peer, _: peer.ask(path, parameters), repetitions)
            target = times_faster(wanted, "prometheus") if wanted else None
            report.add(f"query.{name}.{kind}.wall", f"{what}, {kind}", "ms", milliseconds(timings, "wall"), target)
            report.add(f"query.{name}.{kind}.cpu", f"{what}, {kind}, CPU time", "ms", milliseconds(timings, "cpu"))


def check_answers(peers, path, parameters):
    """promring and Prometheus have to agree; VictoriaMetrics extrapolates otherwise and is only asked for as much."""
    answers = {peer.name: values_of(json.loads(peer.ask(path, parameters))) for peer in peers}
    assert all(answers.values()), f"no answer to {parameters}: {[name for name, found in answers.items() if not found]}"
    if "prometheus" not in answers:
        return
    ours, theirs = answers["promring"], answers["prometheus"]
    assert ours.keys() == theirs.keys(), f"{parameters}: {len(ours)} values here, {len(theirs)} there"
    for key, value in ours.items():
        close = math.isclose(value, theirs[key], rel_tol=1e-9) or math.isnan(value) and math.isnan(theirs[key])
        assert close, f"{parameters}: {key} is {value} here, {theirs[key]} there"


def values_of(body):
    found = {}
    for series in body["data"]["result"]:
        labels = tuple(sorted(series["metric"].items()))
        for at, value in series.get("values") or [series["value"]]:
            found[labels, at] = float(value)
    return found
