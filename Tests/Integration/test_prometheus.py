"""What Prometheus, promtool and prometheus_client make of the pages."""

import math
import time

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from harness.prometheus import promtool, scrape
from harness.samples import Sample, assert_same, kubernetes_samples, label_key, now, sample
from harness.waiting import eventually

OPENMETRICS = "application/openmetrics-text;version=1.0.0"


def newest(samples):
    """The newest sample of each series: what a page may show."""
    last = {}
    for each in samples:
        if each.labels not in last or each.timestamp > last[each.labels].timestamp:
            last[each.labels] = each
    return list(last.values())


def samples_of_page(families):
    """What an exposition page says, promring's own metrics (and its process_…) left out; timestamps as prometheus_client has them, in
    seconds."""
    return [
        Sample(
            label_key({"__name__": each.name, **each.labels}),
            round(float(each.timestamp) * 1000) if each.timestamp is not None else None,
            each.value,
        )
        for family in families
        for each in family.samples
        if not each.name.startswith(("promring_", "process_"))
    ]


@pytest.fixture
def filled(broker, serve):
    """A gateway with known samples of the last minute."""
    topic = broker.topic(partitions=2)
    made = list(kubernetes_samples(series=300, points=10))
    topic.produce(made)
    gateway = serve(topic)
    gateway.wait_samples(len(made))
    return gateway, made


def test_prometheus_scrapes_metrics_and_holds_the_same_values_and_times(broker, serve, prometheus):
    topic = broker.topic(partitions=2)
    gateway = serve(topic)
    scraper = prometheus(scrape("promring", gateway.address))
    eventually(lambda: scraper.query('up{job="promring"}'), "the first scrape")
    made = []
    for round in range(4):
        made.append([Sample(labels, at, float(round)) for labels, at, _ in kubernetes_samples(series=200, points=1)])
        topic.produce(made[-1])

        def scraped():
            held = {(labels, at): value for labels, at, value in scraper.samples('{namespace=~".+"}')}
            missing = [each for each in made[-1] if held.get(each[:2]) != each.value]
            assert not missing, f"{len(missing)} missing, such as {missing[0]}"
            return True

        eventually(scraped, f"round {round} to be scraped")
    assert_same(scraper.samples('{namespace=~".+"}'), [each for some in made for each in some])
    (target,) = scraper.targets()
    assert target["health"] == "up" and target["lastError"] == ""


def test_prometheus_federates_and_holds_the_same_values_and_times(filled, prometheus):
    gateway, made = filled
    scraper = prometheus(
        scrape("federate", gateway.address, "/federate", params={"match[]": ['{namespace=~".+"}', "nothing"]})
    )
    expected = newest(made)

    def held():
        found = scraper.samples('{namespace=~".+"}')
        assert len(found) >= len(expected), f"{len(found)} of {len(expected)}"
        return found

    assert_same(eventually(held, "the federated samples"), expected)
    (target,) = scraper.targets()
    assert target["health"] == "up" and target["lastError"] == ""


def test_labels_of_the_target_do_not_replace_those_of_the_samples(broker, serve, prometheus):
    topic = broker.topic()
    made = [sample("tagged", {"job": "original", "instance": "there:1"}), sample("bare")]
    topic.produce(made)
    gateway = serve(topic)
    gateway.wait_samples(2)
    scraper = prometheus(scrape("federate", gateway.address, "/federate", params={"match[]": ['{__name__=~".+"}']}))
    eventually(lambda: len(scraper.samples('{__name__=~"tagged|bare"}')) == 2, "both samples")
    assert_same(scraper.samples("tagged"), made[:1])
    # A series without an instance stays without one; its job is the one that it was scraped by.
    (bare,) = scraper.samples("bare")
    assert bare.labels == (("__name__", "bare"), ("job", "federate"))


def test_without_timestamps_prometheus_stamps_the_samples_itself(broker, serve, prometheus):
    topic = broker.topic()
    old = sample("stamped", {}, now() - 120_000, 3)
    topic.produce([old])
    gateway = serve(topic)
    scraper = prometheus(scrape("promring", gateway.address, params={"timestamps": ["false"]}))
    began = time.time()
    eventually(lambda: len(scraper.samples("stamped")) >= 2, "two scrapes")
    assert all(each.timestamp >= (began - 5) * 1000 and each.value == 3 for each in scraper.samples("stamped"))


# --- Pages and their parsers --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/metrics", '/federate?match[]={__name__=~".%2B"}'])
def test_promtool_accepts_the_page(filled, path):
    gateway, _ = filled
    checked = promtool("check", "metrics", stdin=gateway.page(path))
    # Exit code 3 says that names are against custom, which is the business of whoever named them; 1 says that the page
    # cannot be parsed.
    assert checked.returncode in (0, 3), checked.stderr[:2000]


def test_promtool_finds_nothing_wrong_with_promrings_own_metrics(filled):
    gateway, _ = filled
    checked = promtool("check", "metrics", stdin=gateway.own_page())
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_prometheus_client_parses_the_text_format(filled):
    gateway, made = filled
    answer = gateway.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    # prometheus_client divides the milliseconds itself.
    assert_same(samples_of_page(parse_text(answer.text)), newest(made))


def test_prometheus_client_parses_openmetrics(filled):
    gateway, made = filled
    answer = gateway.get("/metrics", headers={"Accept": OPENMETRICS})
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert answer.text.endswith("# EOF\n")
    found = samples_of_page(parse_openmetrics(answer.text))
    assert_same(found, newest(made))


def test_promrings_own_metrics_are_openmetrics_too(filled):
    gateway, _ = filled
    text = gateway.own_page(OPENMETRICS)
    families = {family.name: family for family in parse_openmetrics(text)}
    assert families and all(name.startswith(("promring", "process", "kafka")) for name in families), families.keys()
    assert all(family.documentation for family in families.values())


@pytest.mark.parametrize(
    "accept, kind",
    [
        (None, "text/plain"),
        ("*/*", "text/plain"),
        ("text/html", "text/plain"),
        ("application/openmetrics-text", "application/openmetrics-text"),
        ("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.6", "text/plain"),
        # Prometheus 2.49.1 and 3.4.
        (
            "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
            "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            "application/openmetrics-text",
        ),
        (
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
            "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
            "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
            "application/openmetrics-text",
        ),
    ],
)
def test_the_format_follows_accept(filled, accept, kind):
    gateway, _ = filled
    headers = {"Accept": accept}  # None takes the header out that requests would add
    answer = gateway.get("/metrics", headers=headers)
    assert answer.headers["Content-Type"].split(";")[0] == kind


def test_families_are_grouped_and_declared_once(filled):
    gateway, _ = filled
    lines = gateway.page("/metrics").splitlines()
    declared = [line.split()[2] for line in lines if line.startswith("# TYPE ")]
    assert len(declared) == len(set(declared))
    seen, family = set(), None
    for line in lines:
        if line.startswith("# "):
            if line.split()[2] != family:
                family = line.split()[2]
                assert family not in seen, f"{family} comes twice"
                seen.add(family)
        else:
            assert line.startswith(family), f"{line} below {family}"


def test_types_are_inferred(broker, serve):
    topic = broker.topic()
    at = now()
    topic.produce(
        [sample(name, {}, at) for name in ("requests_total", "temperature", "took_seconds_sum", "took_seconds_count")]
        + [sample("took_seconds_bucket", {"le": le}, at) for le in ("0.1", "+Inf")]
    )
    gateway = serve(topic)
    types = {family.name: family.type for family in parse_openmetrics(gateway.page(accept=OPENMETRICS))}
    assert types["requests"] == "counter"
    assert types["took_seconds"] == "histogram"
    assert types["temperature"] in ("gauge", "unknown")


def test_one_odd_series_does_not_spoil_the_page(broker, serve, prometheus):
    topic = broker.topic()
    at = now()
    odd = [
        sample("took_seconds_bucket", {}, at),  # no le
        sample("took_seconds_bucket", {"le": "nonsense"}, at),
        sample("took_seconds_bucket", {"le": "1"}, at, math.nan),
        sample("took_seconds_sum", {"quantile": "0.5"}, at, -math.inf),
        sample("broken_total", {"le": "1"}, at, -1),
        sample("broken_total", {}, at, math.nan),
        sample("broken", {}, at),  # the same family as broken_total in OpenMetrics
        sample("took_seconds", {}, at),
        sample("took_seconds_created", {}, at, math.inf),
        sample("info_info", {"a": "\\\n\""}, at),
        sample("dots.and spaces", {"label.with dots": "ü"}, at),
        sample("1digit", {}, at),
        sample("promring_build_info", {"from": "outside"}, at),
        sample("negative_time", {}, -5),
    ]
    good = sample("good", {"namespace": "x"}, at, 42)
    topic.produce([*odd, good])
    gateway = serve(topic, arguments=["--buffer-retention", "0"])
    gateway.wait_samples(1, "good")
    assert promtool("check", "metrics", stdin=gateway.page("/metrics")).returncode in (0, 3)
    list(parse_text(gateway.page("/metrics")))
    list(parse_openmetrics(gateway.page("/metrics", accept=OPENMETRICS)))
    scraper = prometheus(scrape("promring", gateway.address))
    eventually(lambda: scraper.samples("good"), "the good sample")
    assert_same(scraper.samples("good"), [Sample(label_key({**dict(good.labels), "job": "promring",
                                          "instance": gateway.address}), at, 42.0)])
    (target,) = scraper.targets()
    assert target["health"] == "up", target["lastError"]


def test_a_series_leaves_the_page_when_it_is_stale_and_stays_in_the_buffer(broker, serve):
    topic = broker.topic()
    made = [sample("old", {}, now() - 120_000), sample("fresh", {}, now() + 2000)]
    topic.produce(made)
    gateway = serve(topic, arguments=["--export-staleness", "1m"])
    assert_same(gateway.wait_samples(2), made)
    assert_same(samples_of_page(parse_text(gateway.page())), made[1:])


def test_staleness_goes_by_the_clock(broker, serve):
    topic = broker.topic()
    topic.produce([sample("short_lived")])
    gateway = serve(topic, arguments=["--export-staleness", "3s"])
    gateway.wait_samples(1)
    eventually(lambda: "short_lived" not in gateway.page(), "the series to leave the page", 15)


def test_a_stale_marker_takes_a_series_off_the_page(broker, serve):
    topic = broker.topic()
    at = now()
    topic.produce([sample("ends", {}, at - 1000), sample("goes_on", {}, at - 1000)])
    topic.produce_raw(b'[{"__name__":"ends","value":"StaleNaN","timestamp":"%d"}]' % at)
    gateway = serve(topic)
    eventually(lambda: "ends" not in gateway.page(), "the series to leave the page")
    assert "goes_on" in gateway.page()
    assert "ends" not in gateway.get("/federate", {"match[]": '{__name__=~".+"}'}).text


def test_selectors_filter_the_page(filled):
    gateway, made = filled
    answer = gateway.get("/metrics", [("match[]", 'up{job="kubelet"}'), ("match[]", "node:memory_utilisation:ratio")])
    expected = [
        each
        for each in newest(made)
        if each.name == "node:memory_utilisation:ratio" or (each.name == "up" and ("job", "kubelet") in each.labels)
    ]
    assert expected
    assert_same(samples_of_page(parse_text(answer.text)), expected)


def test_self_only_shows_promring_alone(filled):
    gateway, _ = filled
    assert samples_of_page(parse_text(gateway.own_page())) == []
    assert "promring_build_info" in gateway.own_page()
    assert "promring_build_info" in gateway.page(), "its own metrics are on the common page, too"


def test_timestamps_can_be_switched_off(filled, serve):
    gateway, made = filled
    found = samples_of_page(parse_text(gateway.page(parameters={"timestamps": "false"})))
    assert len(found) == len(newest(made))
    assert all(each.timestamp is None for each in found)


def test_federate_as_prometheus_does_it(broker, serve):
    topic = broker.topic()
    at = now()
    made = [sample("b", {"z": "1", "a": "2"}, at, 1.5), sample("a", {"instance": "i"}, at, 1e21), sample("b", {}, at, 2)]
    topic.produce(made)
    gateway = serve(topic)
    gateway.wait_samples(3)
    text = gateway.get("/federate", {"match[]": '{__name__=~"a|b"}'}).text
    assert sorted(text.splitlines()) == sorted(
        [
            "# TYPE a untyped",
            f'a{{instance="i"}} 1e+21 {at}',
            "# TYPE b untyped",
            f'b{{instance=""}} 2 {at}',
            f'b{{a="2",z="1",instance=""}} 1.5 {at}',
        ]
    )
    assert gateway.get("/federate").text == ""
    gateway.get("/federate", {"match[]": "{"}, expect=400)


def test_the_configuration_file_gives_types_and_help(broker, serve, tmp_path):
    topic = broker.topic()
    topic.produce([sample("queue_length"), sample("requests")])
    file = tmp_path / "promring.yaml"
    file.write_text("""
export:
  metrics:
    queue_length: {type: gauge, help: Messages that wait.}
    requests: {type: counter}
""")
    gateway = serve(topic, arguments=["--config-file", str(file)])
    gateway.wait_samples(2)
    page = gateway.page()
    assert "# HELP queue_length Messages that wait.\n# TYPE queue_length gauge\n" in page
    assert "# TYPE requests counter\n" in page
    assert gateway.api("metadata?metric=queue_length") == {
        "queue_length": [{"type": "gauge", "help": "Messages that wait.", "unit": ""}]
    }
