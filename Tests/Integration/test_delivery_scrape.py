"""Delivery tasks that scrape."""

import signal

import pytest
import yaml

from delivery import reading
from delivery.pages import OPENMETRICS, Pages, basic
from delivery.tasks import task
from harness.samples import label_key
from harness.waiting import eventually

INTERVAL = {"interval": "500ms", "timeout": "500ms"}


@pytest.fixture
def pages():
    server = Pages()
    yield server
    server.close()


def source(*urls, **more):
    return {"kind": "scrape", "urls": list(urls), "job": "test", **INTERVAL, **more}


def targets(deliverer):
    return [each for source in deliverer.status()["sources"] for each in source["scraping"]["targets"]]


def wait_scraped(deliverer, times=2):
    """Until every target has been scraped, and everything is acknowledged."""

    def scraped():
        found = targets(deliverer)
        assert found and all(each["scrapes"] >= times for each in found), found
        status = deliverer.status()
        passed = sum(each["samples_passed"] for each in status["sources"])
        # A source whose lines have changed counts anew, its target does not.
        assert status["delivered"]["samples"] >= passed and not status["in_flight"]["records"], status
        return found

    return eventually(scraped, "scrapes")


def series_of(messages):
    """`{labels: [text of the value, …]}` in the order of the records."""
    found = {}
    for message in messages:
        for each in reading.objects(message):
            value = each.pop("value")
            each.pop("timestamp")
            found.setdefault(label_key(each), []).append(value)
    return found


def named(found, name):
    return {labels: values for labels, values in found.items() if dict(labels)["__name__"] == name}


_TEXT = """# HELP requests_total Requests.
# TYPE requests_total counter
requests_total{code="200",job="own",le="a \\"b\\" \\\\ \\n"} 3
requests_total{code="500",instance="there",empty=""} 0.5
# TYPE took histogram
took_bucket{le="0.1"} 1
took_bucket{le="+Inf"} 2
took_sum 1e-7
took_count 2
nan NaN
minus_inf -Inf
"""


@pytest.mark.parametrize("honor", [False, True])
def test_prometheus_scrapes_the_same_series(broker, deliver, prometheus, pages, honor):
    pages["/metrics"] = _TEXT
    pages.kinds["/om"] = OPENMETRICS
    urls = [f"{pages.url}/metrics", f"{pages.url}/om"]
    pages["/om"] = '# TYPE a counter\na_total{x="ü"} 1 # {trace_id="1"} 2\n# TYPE b gauge\nb 1e9\n# EOF\n'
    topic = broker.topic()
    deliverer = deliver(
        topic, task(topic, sources=[source(url, job=job, honor_labels=honor) for job, url in zip("mo", urls)])
    )
    wait_scraped(deliverer)
    found = series_of(topic.read())
    theirs = prometheus(
        *(
            {
                "job_name": job, "metrics_path": f"/{path}", "honor_labels": honor,
                "static_configs": [{"targets": [pages.address]}],
            }
            for job, path in (("m", "metrics"), ("o", "om"))
        ),
        interval="500ms",
    )
    eventually(lambda: len(theirs.query("up == 1")) == 2, "both scrapes of Prometheus")
    expected = {
        label_key(each["metric"]): float(each["value"][1])
        for each in theirs.query('{__name__=~".+"}')
    }
    assert found.keys() == expected.keys()
    for labels, values in found.items():
        if not dict(labels)["__name__"].startswith("scrape_"):
            value = float(values[-1])
            assert value == expected[labels] or value != value and expected[labels] != expected[labels], labels
    assert all(headers["Accept-Encoding"] == "gzip" for path, headers in pages.requests if path in ("/metrics", "/om"))
    # What the page says of its metrics is known here.
    described = eventually(lambda: deliverer.gateway.api("metadata").get("requests_total"), "metadata")
    assert described[0]["help"] == "Requests."


def test_prometheus_tells_the_same_of_its_targets(broker, deliver, prometheus, pages):
    pages["/metrics"] = "page 1\n"
    pages["/gone"] = (404, "")
    topic = broker.topic()
    named_source = source(f"{pages.url}/metrics", name="m", basic_auth={"username": "ann", "password": "s3cret"})
    deliverer = deliver(topic, task(topic, sources=[named_source, source(f"{pages.url}/gone")]))
    wait_scraped(deliverer)
    theirs = prometheus(
        *(
            {"job_name": path, "metrics_path": f"/{path}", "static_configs": [{"targets": [pages.address]}]}
            for path in ("metrics", "gone")
        ),
        interval="500ms",
    )
    eventually(lambda: {each["health"] for each in theirs.targets()} == {"up", "down"}, "both scrapes of Prometheus")
    pools = {"metrics": "all/m", "gone": "all/1"}

    def told(targets):
        """What has to be the same: all but the jobs' names, times, and the words of an error."""
        return {
            each["scrapeUrl"]: {
                **each, "labels": {**each["labels"], "job": ""},
                "discoveredLabels": {**each["discoveredLabels"], "job": ""},
                "scrapePool": pools.get(each["scrapePool"], each["scrapePool"]), "lastError": bool(each["lastError"]),
                "lastScrape": "", "lastScrapeDuration": "", "globalUrl": "",
            }
            for each in targets
        }  # fmt: skip

    gateway = deliverer.gateway
    found = gateway.api("targets")
    assert told(found["activeTargets"]) == told(theirs.targets()) and len(found["activeTargets"]) == 2
    assert found["droppedTargets"] == [] and found["droppedTargetCounts"] == dict.fromkeys(pools.values(), 0)
    assert [each["health"] for each in gateway.api("targets", {"scrapePool": "all/1"})["activeTargets"]] == ["down"]
    assert gateway.api("targets", {"state": "dropped"})["activeTargets"] == []
    assert gateway.api("scrape_pools") == {"scrapePools": list(pools.values())}
    assert gateway.api("targets/relabel_steps", {"scrapePool": "all/1", "labels": "{}"}) == {"steps": []}
    text = gateway.api("scrape_pools/config", {"scrapePool": "all/m"})["yaml"]
    assert yaml.safe_load(text)["urls"] == [f"{pages.url}/metrics"] and "s3cret" not in text


def test_filter_and_labels_are_the_tasks(broker, deliver, pages):
    pages["/metrics"] = _TEXT
    topic = broker.topic()
    here = source(f"{pages.url}/metrics", instance="box", filter=["__name__=up|requests_total"], labels=["job=mine"])
    deliverer = deliver(topic, task(topic, sources=[here]))
    wait_scraped(deliverer)
    found = series_of(topic.read())
    assert {dict(labels)["__name__"] for labels in found} == {"up", "requests_total"}
    (up,) = named(found, "up")
    assert dict(up) == {"__name__": "up", "job": "mine", "exported_job": "test", "instance": "box"}
    (line,) = deliverer.status()["sources"][0]["samples_filtered"]
    assert line["samples"] > 0


def test_secrets_and_certificates(broker, deliver, pages, tmp_path):
    (tmp_path / "token").write_text("s3cret-token\n")
    secure = Pages(tmp_path)
    try:
        secure["/metrics"] = "page 1\n"
        pages.locked("/bearer", "Bearer s3cret-token", "page 1\n")
        pages.locked("/basic", basic("ann", "s3cret:word"), "page 1\n")
        topic = broker.topic()
        sources = {
            "bearer": source(f"{pages.url}/bearer", authorization={"credentials_file": str(tmp_path / "token")}),
            "basic": source(f"{pages.url}/basic", basic_auth={"username": "ann", "password": "s3cret:word"}),
            "wrong": source(f"{pages.url}/basic", basic_auth={"username": "ann", "password": "0ther-w0rd"}),
            "tls": source(f"{secure.url}/metrics", tls={"ca_file": str(secure.authority)}),
            "insecure": source(f"{secure.url}/metrics", tls={"insecure_skip_verify": True}),
            "unknown": source(f"{secure.url}/metrics"),
        }
        deliverer = deliver(topic, task(topic, sources=[{**each, "job": job} for job, each in sources.items()]))
        found = {each["labels"]["job"]: each for each in wait_scraped(deliverer)}
        health = {job: each["health"] for job, each in found.items()}
        assert health == {
            "bearer": "up", "basic": "up", "wrong": "down", "tls": "up", "insecure": "up", "unknown": "down"
        }
        assert "401" in found["wrong"]["lastError"] and "certificate" in found["unknown"]["lastError"].lower()
        delivered = {dict(labels)["job"] for labels in named(series_of(topic.read()), "page")}
        assert delivered == {"bearer", "basic", "tls", "insecure"}
        shown = deliverer.gateway.get("/api/v1/delivery/tasks").text + deliverer.gateway.process.text()
        assert "s3cret" not in shown and "0ther" not in shown
        # A token that changes is read again.
        (tmp_path / "token").write_text("new")
        eventually(lambda: "down" in [each["health"] for each in targets(deliverer) if "bearer" in each["scrapeUrl"]],
                   "the new token to be used")
    finally:
        secure.close()


def test_targets_that_fail_are_down_and_their_series_end(broker, deliver, pages):
    pages["/metrics"] = "stays 1\ngoes 2\n"
    topic = broker.topic()
    deliverer = deliver(topic, task(topic, sources=[source(f"{pages.url}/metrics")], stale_markers="StaleNaN"))
    (target,) = wait_scraped(deliverer)
    assert target["health"] == "up" and target["lastError"] == "" and target["samples"] == 2
    pages["/metrics"] = "stays 1\n"
    eventually(lambda: ["StaleNaN"] == list(named(series_of(topic.read()), "goes").values())[0][-1:], "the series' end")
    for page, reason in [((500, "broken"), "500"), ("stays 1\nno metric {\n", "line"), ((404, ""), "404")]:
        pages["/metrics"] = page
        before = targets(deliverer)[0]["failed"]
        eventually(lambda: targets(deliverer)[0]["failed"] > before + 1, "failures")
        (target,) = targets(deliverer)
        assert target["health"] == "down" and reason in target["lastError"], target

    def ended():
        found = series_of(topic.read())
        (stays,), (up,) = named(found, "stays").values(), named(found, "up").values()
        assert stays[-1] == "StaleNaN" and up[-1] == "0", (stays, up)
        # Once is enough.
        assert stays.count("StaleNaN") == 1 and up.count("StaleNaN") == 0
        return True

    eventually(ended, "the end of the page's series")
    gateway = deliverer.gateway
    assert gateway.own("promring_delivery_scrape_target_up") == 0
    assert gateway.own("promring_delivery_scrapes_total", result="failure") >= 3
    # Whoever reads it here sees the same.
    result = eventually(lambda: gateway.api("query", {"query": "up"})["result"], "up")
    assert result[0]["value"][1] == "0" and gateway.api("query", {"query": "stays"})["result"] == []


def test_what_is_scraped_while_the_broker_is_away_arrives_later(own_broker, deliver, pages):
    pages["/metrics"] = "page 1\n"
    topic = own_broker.topic()
    deliverer = deliver(
        topic, task(topic, sources=[source(f"{pages.url}/metrics")]), arguments=["--delivery-request-timeout", "1s"]
    )
    wait_scraped(deliverer)
    own_broker.stop()
    eventually(lambda: deliverer.status()["sources"][0]["scraping"]["samples_waiting"] > 20, "scrapes to wait")
    (target,) = targets(deliverer)
    assert target["health"] == "up", "Kafka's trouble is not the target's"
    own_broker.start()
    (scraping,) = [each["scraping"] for each in deliverer.status()["sources"]]
    count = scraping["targets"][0]["scrapes"]

    def arrived():
        times = {
            each["timestamp"] for message in topic.read() for each in reading.objects(message)
            if each["__name__"] == "page"
        }
        assert len(times) >= count, f"{len(times)} of {count}"
        return True

    eventually(arrived, "every scrape")
    (scraping,) = [each["scraping"] for each in deliverer.status()["sources"]]
    assert scraping["samples_lost"] == 0 and scraping["scrapes_lost"] == 0


def test_a_reload_changes_what_is_scraped(broker, deliver, pages):
    for name in "abc":
        pages[f"/{name}"] = f"{name} 1\n"
    topic = broker.topic()
    deliverer = deliver(
        topic, task(topic, sources=[source(f"{pages.url}/a", f"{pages.url}/b")], stale_markers="StaleNaN")
    )
    wait_scraped(deliverer)
    before = {each["scrapeUrl"]: each["scrapes"] for each in targets(deliverer)}

    def reload(changed):
        file = yaml.safe_load(deliverer.file.read_text())
        file["delivery"]["tasks"][0]["sources"] = [changed]
        deliverer.file.write_text(yaml.safe_dump(file))
        deliverer.gateway.process.signal(signal.SIGHUP)

    def ended(name):
        (values,) = named(series_of(topic.read()), name).values()
        return values[-1] == "StaleNaN"

    reload(source(f"{pages.url}/a", f"{pages.url}/c"))
    eventually(lambda: any(each["scrapeUrl"].endswith("/c") for each in targets(deliverer)), "the new page")
    found = {each["scrapeUrl"][-1]: each for each in wait_scraped(deliverer)}
    assert found.keys() == {"a", "c"}
    assert found["a"]["scrapes"] >= before[f"{pages.url}/a"], "a target that stays goes on"
    eventually(lambda: ended("b"), "the end of the page that is gone")
    series = series_of(topic.read())
    assert all("StaleNaN" not in values for values in named(series, "a").values())
    # With other labels they are other series.
    reload(source(f"{pages.url}/a", f"{pages.url}/c", labels=["x=y"]))
    eventually(lambda: len(named(series_of(topic.read()), "a")) == 2, "the series with its label")
    found = {dict(labels).get("x"): values for labels, values in named(series_of(topic.read()), "a").items()}
    assert found.keys() == {None, "y"} and found[None][-1] == "StaleNaN", found
    (values,) = named(series_of(topic.read()), "b").values()
    assert values.count("StaleNaN") == 1
