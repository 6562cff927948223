"""What Grafana's Prometheus data source asks, one request after the other, and what it needs in each answer.

Grafana's server makes every request: panels, alerting and the health check on its query path, everything that editors
and variables need on its resource path, which relays a browser's request as it is.
"""

import concurrent.futures
import math
import re

import pytest

from harness.samples import now, sample

STEP = 15
POINTS = 120
JOBS = ("api", "web")
METHODS = ("POST", "GET")  # the data source's httpMethod, the default first
# What the resource path asks by GET whatever the setting says.
ALWAYS_GET = re.compile(
    r"api/v1/(label/.*|metadata|targets(/metadata)?|rules|alerts|alertmanagers|notifications"
    r"|status/(config|flags|runtimeinfo|buildinfo|tsdb|walreplay))$"
)


def made_samples(end):
    """Half an hour of what dashboards are about: counters, gauges, a histogram, names that only UTF-8 has."""
    for point in range(POINTS):
        at = end - (POINTS - 1 - point) * STEP * 1000
        for job in JOBS:
            place = {"job": job, "instance": f"{job}-0:9100"}
            yield sample("up", place, at, 1)
            yield sample("node_load1", place, at, 0.25 * (point % 7))
            for code in ("200", "500"):
                yield sample("http_requests_total", {**place, "code": code}, at, point * 30)
            for bound in ("0.1", "1", "+Inf"):
                yield sample("request_seconds_bucket", {**place, "le": bound}, at, point * 10)
            yield sample("request_seconds_sum", place, at, point)
            yield sample("request_seconds_count", place, at, point * 10)
            yield sample("http.server.duration", {**place, "http.status_code": "200"}, at, point)
        yield sample("deployed", {"job": "api"}, at, 1 if point in (40, 41, 42, 80) else 0)


class DataSource:
    """Sends requests as Grafana's server does."""

    def __init__(self, gateway, method="POST", prefix="", custom=""):
        self.gateway = gateway
        self.method = method
        self.url = f"{gateway.url}{prefix}/"
        self.custom = [tuple(each.split("=")) for each in custom.split("&") if each]

    def send(self, method, path, parameters):
        pairs = list(parameters.items() if isinstance(parameters, dict) else parameters)
        # Go asks for gzip by itself; custom parameters go to every URL.
        options = {"headers": {"Accept-Encoding": "gzip", "Accept": None}, "timeout": 60}
        if method == "POST":
            return self.gateway.session.post(self.url + path, params=self.custom, data=pairs, **options)
        return self.gateway.session.get(self.url + path, params=pairs + self.custom, **options)

    def query(self, path, parameters):
        """The query path: everything in the body of a POST, nothing in its URL."""
        return self.send(self.method, path, parameters)

    def resource(self, path, parameters=()):
        """The resource path, with its second try by GET."""
        method = "GET" if ALWAYS_GET.match(path) else self.method
        answer = self.send(method, path, parameters)
        if method == "POST" and answer.status_code in (400, 405):
            answer = self.send("GET", path, parameters)
        return answer

    def frames(self, path, parameters):
        answer = self.query(path, parameters)
        assert answer.status_code == 200, answer.text
        return parsed(answer)

    def list(self, path, parameters=()):
        """Labels, values or series: anything but an array would count as nothing."""
        answer = self.resource(path, parameters)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert body["status"] == "success"
        assert isinstance(body["data"], list)
        return body["data"]


def parsed(answer):
    """Reads an answer as strictly as Grafana's streaming parser does: its `data`, and the notices."""
    assert answer.headers["Content-Type"].split(";")[0] == "application/json"
    body = answer.json()
    assert body["status"] == "success", body
    for name in ("warnings", "infos"):
        assert all(isinstance(text, str) for text in body.get(name, []))
    data = body["data"]
    kind, result = data["resultType"], data["result"]
    assert kind in ("vector", "matrix", "scalar", "string")
    if kind in ("scalar", "string"):
        check_point(result, isinstance(result[1], str) if kind == "string" else None)
        return data
    assert isinstance(result, list)
    for series in result:
        assert all(isinstance(each, str) for pair in series["metric"].items() for each in pair)
        assert list(series["metric"]) == sorted(series["metric"])
        points = [series["value"]] if kind == "vector" else series["values"]
        assert points
        for point in points:
            check_point(point)
    return data


def check_point(point, is_text=None):
    at, value = point
    assert isinstance(at, (int, float)) and not isinstance(at, bool)
    assert isinstance(value, str)
    if is_text is None:
        float(value.replace("Inf", "inf"))


@pytest.fixture(scope="module")
def filled(broker, binary, tmp_path_factory):
    from conftest import Serve

    topic = broker.topic(partitions=3)
    end = now() - 1000
    made = list(made_samples(end))
    topic.produce(made)
    serve = Serve(tmp_path_factory.mktemp("grafana"))
    gateway = serve(topic)
    gateway.wait_samples(len(made))
    yield gateway, end
    serve.close()


@pytest.fixture(params=METHODS)
def source(request, filled):
    return DataSource(filled[0], request.param)


@pytest.fixture
def end(filled):
    """The dashboard's "to", in seconds with a fraction."""
    return filled[1] / 1000


def whole(seconds):
    """Times on the resource path: whole seconds, rounded up."""
    return str(math.ceil(seconds))


def window(end):
    return {"start": whole(end - 1800), "end": whole(end)}


# --- Save & test, and what kind of server this is -------------------------------------------------------------------


def test_save_and_test(source):
    # Four seconds after 1970, far outside of anything that is held.
    data = source.frames("api/v1/query", {"query": "1+1", "time": "4"})
    assert data["resultType"] == "scalar"
    assert data["result"] == [4, "2"]


def test_version_and_flavour(source):
    answer = source.resource("api/v1/status/buildinfo")
    assert answer.status_code == 200
    data = answer.json()["data"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", data["version"]), "compared as semver"
    assert not data.get("features"), "Grafana would take this for a Mimir"


# --- Panels and Explore ---------------------------------------------------------------------------------------------


def aligned(end, step, offset=0):
    """start and end as Grafana floors them to the step, with the dashboard's offset from UTC."""
    return [math.floor((at + offset) / step) * step - offset for at in (end - 1200, end)]


@pytest.mark.parametrize("interval", ["1m0s", "5m0s", "1m", "15s30ms", "0h2m0s"])
def test_range_query_of_a_panel(source, end, interval):
    start, stop = aligned(end, STEP, offset=19_800)
    query = f"sum by (job) (rate(http_requests_total[{interval}]))"
    data = source.frames("api/v1/query_range", {"query": query, "start": start, "end": stop, "step": STEP})
    assert data["resultType"] == "matrix"
    if interval == "15s30ms":
        return  # too short for two samples everywhere: only that it is understood
    assert [series["metric"] for series in data["result"]] == [{"job": job} for job in JOBS]
    for series in data["result"]:
        assert [at for at, _ in series["values"]] == list(range(start, stop + 1, STEP))
        assert all(float(value) == pytest.approx(4) for _, value in series["values"])


def test_range_query_with_the_longest_interval_and_a_fraction_of_a_second(source, end):
    data = source.frames(
        "api/v1/query_range",
        {"query": "max_over_time(node_load1[1h0m0s])", "start": f"{end - 2:.3f}", "end": f"{end:.3f}", "step": "0.2"},
    )
    assert {len(series["values"]) for series in data["result"]} == {11}


def test_instant_query_of_a_table(source, end):
    data = source.frames("api/v1/query", {"query": "up", "time": f"{end:.3f}"})
    assert data["resultType"] == "vector"
    assert [series["metric"]["job"] for series in data["result"]] == list(JOBS)
    assert {at for at, _ in (series["value"] for series in data["result"])} == {round(end, 3)}


def test_explore_runs_both_and_a_raw_range(source, end):
    start, stop = aligned(end, STEP)
    source.frames("api/v1/query_range", {"query": "up", "start": start, "end": stop, "step": STEP})
    source.frames("api/v1/query", {"query": "up", "time": f"{end:.3f}"})
    data = source.frames("api/v1/query", {"query": "up[1m]", "time": f"{end:.3f}"})
    assert data["resultType"] == "matrix"
    assert {len(series["values"]) for series in data["result"]} == {4}


@pytest.mark.parametrize("query, kind", [('"text"', "string"), ("time()", "scalar"), ("absent_metric", "vector")])
def test_other_results(source, end, query, kind):
    assert source.frames("api/v1/query", {"query": query, "time": f"{end:.3f}"})["resultType"] == kind


def test_a_heatmap_and_a_quantile(source, end):
    start, stop = aligned(end, 60)
    span = {"start": start, "end": stop, "step": 60}
    buckets = source.frames(
        "api/v1/query_range", {"query": "sum by (le) (rate(request_seconds_bucket[1m0s]))", **span}
    )
    assert {series["metric"]["le"] for series in buckets["result"]} == {"0.1", "1", "+Inf"}
    quantile = "histogram_quantile(0.95, sum by (le) (rate(request_seconds_bucket[1m0s])))"
    assert len(source.frames("api/v1/query_range", {"query": quantile, **span})["result"]) == 1


def test_values_that_are_no_numbers_in_json(source, end):
    data = source.frames("api/v1/query", {"query": "node_load1 / 0 or -up / 0", "time": f"{end:.3f}"})
    assert {value for _, value in (series["value"] for series in data["result"])} <= {"NaN", "+Inf", "-Inf"}


def test_incremental_querying_gets_the_same_times_and_labels_again(source, end):
    start, stop = aligned(end, STEP)

    def points(first):
        data = source.frames(
            "api/v1/query_range", {"query": "http_requests_total", "start": first, "end": stop, "step": STEP}
        )
        return {tuple(series["metric"].items()): series["values"] for series in data["result"]}

    before, again = points(start), points(stop - 600)
    assert before.keys() == again.keys()
    for metric, values in again.items():
        assert values == [point for point in before[metric] if point[0] >= stop - 600]


def test_custom_parameters_and_a_timeout_do_not_disturb(filled, end):
    for method in METHODS:
        source = DataSource(filled[0], method, custom="max_source_resolution=5m&tenant=a")
        source.frames("api/v1/query", {"query": "up", "time": f"{end:.3f}", "timeout": "60s"})
        source.list("api/v1/labels", window(end))


def test_an_error_is_told_in_json(source, end):
    answer = source.query("api/v1/query", {"query": "sum(", "time": f"{end:.3f}"})
    assert answer.status_code == 400
    body = answer.json()
    assert body["status"] == "error" and body["errorType"] == "bad_data" and "parse error" in body["error"]
    answer = source.query("api/v1/query", {"query": "up * on (job) http_requests_total", "time": f"{end:.3f}"})
    assert answer.status_code == 422
    assert answer.json()["errorType"] == "execution"
    start, stop = 0, 11_001 * STEP
    answer = source.query("api/v1/query_range", {"query": "up", "start": start, "end": stop, "step": STEP})
    assert answer.status_code == 400 and "11,000" in answer.json()["error"]


def test_answers_are_packed_as_go_asks(source, end):
    start, stop = aligned(end, STEP)
    answer = source.query("api/v1/query_range", {"query": "up", "start": start, "end": stop, "step": STEP})
    assert answer.headers["Content-Encoding"] == "gzip"


def test_below_a_path(broker, serve, end):
    topic = broker.topic()
    topic.produce([sample("up", {"job": "a"})])
    source = DataSource(serve(topic, arguments=["--web-path-prefix", "/prom/a"], ready=False), prefix="/prom/a")
    from harness.waiting import eventually

    eventually(lambda: source.gateway.get("/prom/a/-/ready", expect=None).status_code == 200, "being ready")
    assert source.frames("api/v1/query", {"query": "up"})["result"]
    assert source.list("api/v1/label/job/values") == ["a"]


def test_a_dashboard_asks_for_all_its_panels_at_once(source, end):
    start, stop = aligned(end, STEP)

    def panel(number):
        query = f"sum by (job) (rate(http_requests_total[1m0s])) + {number}"
        return len(source.frames("api/v1/query_range", {"query": query, "start": start, "end": stop, "step": STEP})["result"])

    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        assert set(pool.map(panel, range(60))) == {2}


# --- Exemplars ------------------------------------------------------------------------------------------------------


def test_the_exemplar_probe_sends_milliseconds(filled):
    to = now()
    source = DataSource(filled[0], "GET")
    answer = source.resource("api/v1/query_exemplars", {"query": "test", "start": to - 1_800_000, "end": to})
    assert answer.status_code == 200
    assert answer.json() == {"status": "success", "data": []}


def test_exemplars_of_a_panel(source, end):
    start, stop = aligned(end, STEP)
    answer = source.query("api/v1/query_exemplars", {"query": "rate(request_seconds_bucket[1m0s])", "start": start, "end": stop})
    assert answer.json() == {"status": "success", "data": []}


# --- The editor, the metrics browser and completion --------------------------------------------------------------------


def test_start_up_of_the_editor(source, end):
    # Snapped outward to a minute, so the end lies in the future.
    span = {"start": str(math.floor((end - 1800) / 60) * 60), "end": str(math.ceil(end / 60) * 60 + 60)}
    names = source.list("api/v1/label/__name__/values", {**span, "limit": "40000"})
    assert {"up", "http_requests_total", "request_seconds_bucket", "http.server.duration"} <= set(names)
    assert names == sorted(names)
    labels = source.list("api/v1/labels", {**span, "limit": "40000"})
    assert {"__name__", "code", "http.status_code", "instance", "job", "le"} == set(labels)
    assert source.list("api/v1/labels", {**span, "limit": "0"}) == labels
    assert len(source.list("api/v1/labels", {**span, "limit": "2"})) == 2


@pytest.mark.parametrize("parameters", [{}, {"limit": "40000"}])
def test_metadata_has_no_empty_arrays(source, parameters):
    answer = source.resource("api/v1/metadata", parameters)
    metadata = answer.json()["data"]
    assert metadata
    for name, entries in metadata.items():
        assert entries, f"an empty array for {name} would break the loading of all"
        assert isinstance(entries[0]["type"], str) and isinstance(entries[0]["help"], str)
    assert metadata["request_seconds"][0]["type"] == "histogram"
    assert metadata["http_requests_total"][0]["type"] == "counter"
    assert source.resource("api/v1/metadata", {"metric": "absent"}).json()["data"] == {}


@pytest.mark.parametrize(
    "selector, names",
    [
        ('{job="api"}', {"up", "deployed", "http.server.duration"}),
        ("up", {"up"}),
        ('{"http.server.duration"}', {"http.server.duration"}),
        ('{__name__=~".*requests.*"}', {"http_requests_total"}),
        ('{"http.status_code"="200"}', {"http.server.duration"}),
        ('{job="nobody"}', set()),
    ],
)
def test_completion_below_a_selector(source, end, selector, names):
    span = window(end)
    found = source.list("api/v1/label/__name__/values", {**span, "match[]": selector})
    assert names <= set(found) if selector == '{job="api"}' else names == set(found)
    labels = source.list("api/v1/labels", {**span, "match[]": selector})
    assert bool(labels) == bool(names)
    both = source.list("api/v1/labels", [*span.items(), ("match[]", selector), ("match[]", "deployed")])
    assert set(both) == set(labels) | {"__name__", "job"}


@pytest.mark.parametrize("path, values", [("U__http_2e_status__code", ["200"]), ("job", list(JOBS)), ("absent", [])])
def test_values_of_labels_whatever_their_names(source, end, path, values):
    assert source.list(f"api/v1/label/{path}/values", window(end)) == values


@pytest.mark.parametrize("selector, everything", [('{__name__!=""}', True), ('{code!=""}', False)])
def test_the_series_that_old_clients_list(source, end, selector, everything):
    found = source.list("api/v1/series", {**window(end), "match[]": selector, "limit": "40000"})
    assert all("__name__" in labels and all(isinstance(value, str) for value in labels.values()) for labels in found)
    assert len(found) == (9 * len(JOBS) + 1 if everything else 4)
    assert len(source.list("api/v1/series", {"match[]": selector, "limit": "3"})) == 3


# --- Variables ---------------------------------------------------------------------------------------------------------


def test_variables_of_labels(source, end):
    span = window(end)
    assert "job" in source.list("api/v1/labels", span)  # label_names()
    assert "code" in source.list("api/v1/labels", {**span, "match[]": '{__name__=~".*requests.*"}'})  # label_names(requests)
    assert source.list("api/v1/label/code/values", span) == ["200", "500"]  # label_values(code)
    for selector in ("http_requests_total", 'http_requests_total{job=~"(api|web)"}', '{job="api"}'):
        # label_values(selector, code)
        assert source.list("api/v1/label/code/values", {**span, "match[]": selector}) == ["200", "500"]
    # label_values(selector, code) of a server that knows no match[], and any other text
    series = source.list("api/v1/series", {**span, "match[]": "http_requests_total"})
    assert {labels["code"] for labels in series} == {"200", "500"}
    names = source.list("api/v1/label/__name__/values", span)  # metrics(node.*)
    assert [name for name in names if re.search("node.*", name)] == ["node_load1"]


@pytest.mark.parametrize(
    "expression, rows",
    [
        ("sum by (job) (up)", ['{job="api"} 1', '{job="web"} 1']),
        ('up{job="api"}', ['up{instance="api-0:9100",job="api"} 1']),
        ("scalar(sum(up))", ["2"]),
        ('"a"', ["a"]),
    ],
)
def test_variables_of_queries(source, end, expression, rows):
    answer = source.resource("api/v1/query", {"query": expression, "time": whole(end)})
    data = parsed(answer)
    assert data["resultType"] != "matrix", "Grafana throws at a matrix"
    if data["resultType"] in ("scalar", "string"):
        found = [data["result"][1]]
    else:
        found = []
        for series in data["result"]:
            labels = ",".join(f'{name}="{text}"' for name, text in series["metric"].items() if name != "__name__")
            found.append(f"{series['metric'].get('__name__', '')}{{{labels}}} {series['value'][1]}")
    assert found == rows


# --- Ad-hoc filters ------------------------------------------------------------------------------------------------------


def test_ad_hoc_filters(source, end):
    span = window(end)
    assert "code" in source.list("api/v1/labels", span)
    keys = source.list("api/v1/labels", {**span, "match[]": '{job="api"}'})
    assert "code" in keys
    assert source.list("api/v1/label/code/values", {**span, "match[]": '{job="api"}'}) == ["200", "500"]
    several = [*span.items(), ("match[]", 'http_requests_total{job="api"}'), ("match[]", 'up{job="web"}')]
    assert source.list("api/v1/label/job/values", several) == ["api", "web"]
    assert source.list("api/v1/label/instance/values", {**span, "match[]": '{job="api",code!="200"}'}) == ["api-0:9100"]


# --- Annotations -------------------------------------------------------------------------------------------------------------


def test_annotations(source, end):
    start, stop = aligned(end, 60)
    query = {"query": "max_over_time(deployed[1m])", "start": start - 600, "end": stop, "step": 60}
    (series,) = source.frames("api/v1/query_range", query)["result"]
    assert series["metric"] == {"job": "api"}
    marks = [at for at, value in series["values"] if float(value) > 0]
    # Adjacent marks become a region: the deployment of three samples is one, that of one sample another.
    regions = sum(1 for before, at in zip([0, *marks], marks) if at - before > 60)
    assert regions == 2


# --- Alerting --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"type": "alert"},
        [("type", "record"), ("rule_name[]", "a"), ("rule_group[]", "b"), ("file[]", "c")],
        {"exclude_alerts": "true", "limit_alerts": "16", "group_limit": "40"},
    ],
)
def test_rule_lists(source, parameters):
    answer = source.resource("api/v1/rules", parameters)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"status": "success", "data": {"groups": []}}


def test_alert_lists(source):
    assert source.resource("api/v1/alerts").json() == {"status": "success", "data": {"alerts": []}}


def test_a_rule_of_grafana_is_an_instant_query(source, end):
    query = {"query": "sum(rate(http_requests_total{code=\"500\"}[5m0s])) > 1", "time": f"{end:.3f}"}
    (series,) = source.frames("api/v1/query", query)["result"]
    assert float(series["value"][1]) == pytest.approx(4)


# --- Methods ---------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["metadata", "targets", "targets/metadata", "rules", "alerts", "alertmanagers", "notifications",
             *(f"status/{name}" for name in ("config", "flags", "runtimeinfo", "buildinfo", "tsdb", "walreplay"))]
)  # fmt: skip
def test_what_is_always_asked_by_get(source, path):
    assert ALWAYS_GET.match(f"api/v1/{path}")
    answer = source.resource(f"api/v1/{path}")
    assert answer.status_code == 200 and answer.json()["status"] == "success"


def test_a_post_that_is_not_allowed_is_tried_again_by_get(filled, end):
    source = DataSource(filled[0], "POST")
    answer = source.send("POST", "api/v1/label/job/values", window(end))
    assert answer.status_code == 405 and "GET" in answer.headers["Allow"]
    assert source.send("GET", "api/v1/label/job/values", window(end)).json()["data"] == list(JOBS)


def test_a_bad_selector_costs_two_requests_that_say_the_same(filled, end):
    source = DataSource(filled[0], "POST")
    answers = [source.send(method, "api/v1/series", {**window(end), "match[]": "up{"}) for method in METHODS]
    assert [answer.status_code for answer in answers] == [400, 400]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["error"].startswith('invalid parameter "match[]": ')


def test_the_body_wins_over_the_url(filled, end):
    gateway, _ = filled
    answer = gateway.session.post(
        f"{gateway.url}/api/v1/query", params={"query": "1"}, data={"query": "2", "time": "4"}, timeout=10
    )
    assert answer.json()["data"]["result"] == [4, "2"]
