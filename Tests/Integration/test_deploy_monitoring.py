"""deploy/prometheus and deploy/grafana against the running program: every expression parses, every metric is there, and
samples flow as the files say."""

import json
import re

import pytest
import yaml

from harness.gateway import ROOT
from harness.prometheus import Prometheus, promtool
from harness.samples import label_key, now, sample
from harness.waiting import eventually

DEPLOY = ROOT / "deploy"
RULES = DEPLOY / "prometheus" / "promring.rules.yml"
DASHBOARDS = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
CONFIGURATIONS = [*sorted((DEPLOY / "prometheus").glob("*.yml")), DEPLOY / "compose" / "prometheus.yml"]
CONFIGURATIONS = [path for path in CONFIGURATIONS if ".rules" not in path.name]
# Metrics that the starting dashboard shows and that somebody else measures: the demo has those of a node exporter.
FOREIGN = re.compile(r"node_|up$")
# Reasons' and errors' metrics come with the first of them.
OCCASIONAL = {
    "promring_delivery_refused_samples_total", "promring_tls_certificate_end_seconds",
    "promring_web_config_last_reload_successful",
}  # fmt: skip


def understood(text):
    """A configuration as this Prometheus understands it: settings that came later are left out of an older one's."""
    version = re.search(r"version (\d+)\.(\d+)", "".join(promtool("--version").stdout)).groups()
    newer = [] if tuple(map(int, version)) >= (2, 48) else ["track_timestamps_staleness"]
    return "\n".join(line for line in text.splitlines() if not any(f" {name}:" in line for name in newer))


def rules():
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels(dashboard):
    return [panel for panel in json.loads(dashboard.read_text())["panels"] if panel["type"] != "row"]


def expressions(dashboard):
    """What a dashboard asks, with values in place of Grafana's variables."""
    values = {"$__rate_interval": "1m0s", "$instance": ".*", "$job": ".*"}
    for panel in panels(dashboard):
        for target in panel["targets"]:
            yield re.sub(r"\$\w+", lambda found: values[found.group()], target["expr"])


def selected(tree):
    """The names of the metrics in a syntax tree of /api/v1/parse_query."""
    if isinstance(tree, list):
        return {name for each in tree for name in selected(each)}
    if not isinstance(tree, dict):
        return set()
    own = {tree["name"]} if tree.get("type") in ("vectorSelector", "matrixSelector") and tree.get("name") else set()
    return own.union(*(selected(part) for part in tree.values()))


@pytest.fixture(scope="module")
def running(broker, binary, tmp_path_factory):
    """A promring that shows all that it can: it reads and delivers, scrapes itself, has met a bad record and a query."""
    from conftest import Serve

    topic = broker.topic()
    topic.produce([sample("up", {"job": "node", "instance": "a"}, now(), 1)])
    topic.produce_raw(b"poison")
    folder = tmp_path_factory.mktemp("monitoring")
    task = {
        "name": "edge",
        "sources": [
            {"kind": "remote_write", "name": "write"},
            {"kind": "scrape", "name": "pages", "urls": ["http://127.0.0.1:1/metrics"], "job": "nobody", "interval": "1s",
             "timeout": "1s"},
        ],
        "target": {"topic": topic.name},
    }  # fmt: skip
    (folder / "promring.yaml").write_text(yaml.safe_dump({"delivery": {"tasks": [task]}}))
    serve = Serve(folder)
    gateway = serve(topic, arguments=["--config-file", folder / "promring.yaml"])
    gateway.wait_samples(1, 'up{job="node"}')
    gateway.api("query", {"query": "up"})
    eventually(lambda: gateway.own("promring_delivery_scrapes_total", result="failure"), "a scrape")
    eventually(lambda: "promring_kafka_broker_rtt_seconds" in gateway.own_metrics(), "librdkafka's statistics")
    yield gateway
    serve.close()


@pytest.fixture(scope="module")
def known(running):
    """The names of the metrics that promring's own page has."""
    running.own_page()  # counts the request for itself
    return set(running.own_metrics())


def parsed(gateway, expression):
    return gateway.api("parse_query", {"query": expression})


# --- Rules -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_prometheus_understands_the_configuration(path, tmp_path):
    file = tmp_path / "prometheus.yml"
    file.write_text(understood(path.read_text()))
    (tmp_path / RULES.name).write_text(RULES.read_text())
    done = promtool("check", "config", str(file))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_pass_their_own_tests():
    for arguments in ("check", "rules", str(RULES)), ("test", "rules", str(RULES.with_suffix(".test.yml"))):
        done = promtool(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tested_and_explained():
    tests = yaml.safe_load(RULES.with_suffix(".test.yml").read_text())["tests"]
    fired = {each["alertname"] for test in tests for each in test.get("alert_rule_test", []) if each["exp_alerts"]}
    silent = {each["alertname"] for test in tests for each in test.get("alert_rule_test", []) if not each["exp_alerts"]}
    alerts = {rule["alert"] for rule in rules() if "alert" in rule}
    assert fired == silent == alerts
    explained = set(re.findall(r"\| `(Promring\w+)` \|", (DEPLOY / "README.md").read_text()))
    assert explained == alerts


def test_the_rules_are_about_metrics_that_promring_has(running, known):
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    for rule in rules():
        missing = selected(parsed(running, rule["expr"])) - known - recorded - OCCASIONAL - {"up"}
        assert not missing, f"{rule.get('alert') or rule['record']}: no such metric: {missing}"


def test_a_promring_that_is_well_alerts_nobody(broker, serve, prometheus, tmp_path):
    """The rules in a real Prometheus that scrapes a real promring as they want it scraped."""
    topic = broker.topic()
    topic.produce([sample("up", {"job": "node", "instance": "a"}, now(), 1)])
    gateway = serve(topic)
    scrape = {"job_name": "promring", "params": {"self": ["only"]}, "static_configs": [{"targets": [gateway.address]}]}
    text = re.sub(r"(?m)^(  - name: .*)", r"\1\n    interval: 1s", RULES.read_text())
    (tmp_path / RULES.name).write_text(text)
    started = prometheus(scrape, rule_files=[str(tmp_path / RULES.name)])
    for rule in rules():
        if rule.get("record", "").startswith("instance:promring_buffer"):
            eventually(lambda: started.query(rule["record"]), rule["record"])
    assert started.answer("alerts")["data"]["alerts"] == []
    groups = started.answer("rules")["data"]["groups"]
    assert all(rule["health"] == "ok" for group in groups for rule in group["rules"]), groups


# --- Dashboards --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.stem)
def test_dashboard_asks_for_what_is_there(running, known, dashboard):
    asked = set()
    for expression in expressions(dashboard):
        names = selected(parsed(running, expression))
        missing = {name for name in names - known - OCCASIONAL if not FOREIGN.match(name)}
        assert not missing, f"{expression}: no such metric: {missing}"
        assert running.get("/api/v1/query", {"query": expression}).json()["status"] == "success"
        asked |= names
    assert len(asked) >= 10


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.stem)
def test_dashboard_is_whole(dashboard):
    document = json.loads(dashboard.read_text())
    ids = [panel["id"] for panel in document["panels"]]
    assert len(set(ids)) == len(ids) and document["uid"] and "id" not in document
    taken = set()
    for panel in document["panels"]:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert max(x for x, _ in cells) < 24 and not cells & taken, panel["title"]
        taken |= cells
    variables = {each["name"] for each in document["templating"]["list"]}
    text = dashboard.read_text()
    assert set(re.findall(r"\$\{?([a-z]\w*)", text)) == variables
    for panel in panels(dashboard):
        assert panel["datasource"]["uid"] == "${datasource}" and panel["title"]
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


def test_dashboard_of_the_data_is_filled_by_the_demo(serve):
    gateway = serve.run(["demo", "--web-listen-address", "127.0.0.1:0", "--interval", "200ms"])
    (dashboard,) = [path for path in DASHBOARDS if path.stem == "data"]

    def all_filled():
        empty = [each for each in expressions(dashboard) if not gateway.api("query", {"query": each})["result"]]
        assert not empty, empty[0]
        return True

    eventually(all_filled, "every panel to have data")


def test_grafana_provisioning_fits_the_dashboards_and_the_compose_file():
    folder = DEPLOY / "grafana" / "provisioning"
    sources = yaml.safe_load((folder / "datasources" / "promring.yaml").read_text())["datasources"]
    (provider,) = yaml.safe_load((folder / "dashboards" / "promring.yaml").read_text())["providers"]
    grafana = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())["services"]["grafana"]
    assert {source["url"] for source in sources} == {"${PROMRING_URL}", "${PROMETHEUS_URL}"}
    assert {"PROMRING_URL", "PROMETHEUS_URL"} <= set(grafana["environment"])
    assert f"../grafana/dashboards:{provider['options']['path']}:ro" in grafana["volumes"]
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home.removeprefix(provider["options"]["path"] + "/") in {path.name for path in DASHBOARDS}
    names = {source["uid"] for source in sources}
    for dashboard in DASHBOARDS:
        (variable,) = [each for each in json.loads(dashboard.read_text())["templating"]["list"] if each["type"] == "datasource"]
        assert variable["current"]["value"] in names


# --- Samples flow as the files say -------------------------------------------------------------------------------------


def started(path, folder, addresses):
    """A Prometheus with one of the files, other addresses in place of those in it, and a second in place of its intervals."""
    text = understood(path.read_text())
    for name, address in addresses.items():
        text = text.replace(name, address)
    document = yaml.safe_load(text)
    document["global"]["scrape_interval"] = document["global"]["scrape_timeout"] = "1s"
    document.pop("rule_files", None)
    return Prometheus(folder, document.pop("scrape_configs"), **{**document, "global": document["global"]})


def test_scraped_as_the_file_says_samples_keep_their_labels_and_times(broker, serve, tmp_path):
    topic = broker.topic()
    made = [sample("node_load1", {"job": "node", "instance": f"host-{i}"}, now() - 5000, i) for i in range(3)]
    topic.produce(made)
    gateway = serve(topic)
    scraper = started(DEPLOY / "prometheus" / "scrape.yml", tmp_path, {"promring:9797": gateway.address})
    try:
        expected = {(each.labels, each.timestamp) for each in made}
        eventually(lambda: {each[:2] for each in scraper.samples('{job="node"}')} == expected, "the samples of the topic")
        eventually(lambda: scraper.query('promring_build_info{job="promring"}'), "promring's own metrics")
        # Of its own metrics promring's page says no job, so they would be taken twice.
        assert not scraper.query('{__name__=~"promring_.*|process_.*", job="kafka"}')
        assert scraper.query('up{job="kafka"} == 1')
    finally:
        scraper.close()


def test_federated_as_the_file_says_samples_keep_their_labels_and_times(broker, serve, tmp_path):
    topic = broker.topic()
    made = [sample("node_load1", {"job": "node", "instance": "a"}, now() - 5000, 1)]
    topic.produce([*made, sample("other", {"job": "else", "instance": "a"}, now(), 1)])
    gateway = serve(topic)
    scraper = started(DEPLOY / "prometheus" / "federate.yml", tmp_path, {"promring:9797": gateway.address})
    try:
        eventually(lambda: scraper.samples('{job="node"}'), "the samples that are asked for")
        assert [each[:2] for each in scraper.samples('{job="node"}')] == [(made[0].labels, made[0].timestamp)]
        assert not scraper.query("other")
    finally:
        scraper.close()


def test_the_compose_file_s_prometheus_writes_through_kafka(broker, serve, tmp_path, node_exporter):
    """The configurations of the compose file, on this machine: what Prometheus measures comes back out of Kafka."""
    topic = broker.topic()
    text = (DEPLOY / "compose" / "promring.yaml").read_text()
    text = text.replace("kafka:9092", broker.bootstrap).replace("[metrics]", f"[{topic.name}]")
    (tmp_path / "promring.yaml").write_text(text.replace("topic: metrics", f"topic: {topic.name}"))
    arguments = ["serve", "--config-file", tmp_path / "promring.yaml", "--web-listen-address", "127.0.0.1:0"]
    gateway = serve.run(arguments)
    addresses = {"promring:9797": gateway.address, "node-exporter:9100": node_exporter.address}
    writer = started(DEPLOY / "compose" / "prometheus.yml", tmp_path, addresses)
    try:

        def came(selector):
            found = eventually(lambda: gateway.api("query", {"query": selector})["result"], selector, timeout=60)
            assert all(each["metric"]["cluster"] == "compose" for each in found)
            return {label_key(each["metric"]) for each in found}

        came('node_load1{job="node"}')
        came('promring_delivery_samples_total{job="promring", task="everything"}')
        # The dashboard about promring finds its instance in promring itself, too.
        assert len(came("promring_build_info")) == 1
    finally:
        writer.close()
