"""Delivery tasks as an operator manages them: over HTTP, in the file, in the state directory. What they deliver end to
end is the matter of test_delivery.py."""

import os
import signal
import subprocess
import threading
import time

import pytest
import snappy
import yaml

from harness.gateway import command, environment, openapi, readme_yaml
from harness.remote_write import write_request
from harness.samples import STALE, Sample, label_key
from harness.waiting import eventually
from test_openapi import check_answer

WRITE_HEADERS = {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy"}


def task(name="t", topic="samples", **more):
    return {"name": name, "sources": [{"kind": "remote_write"}], "target": {"topic": topic}, **more}


def sample(name="up", value=1.0, age=0.0, **labels):
    return Sample(label_key({"__name__": name, **labels}), round((time.time() - age) * 1000), value)


def send(gateway, samples, path="/api/v1/write", expect=204, **headers):
    body = snappy.compress(write_request(samples))
    answer = gateway.session.post(gateway.url + path, data=body, headers={**WRITE_HEADERS, **headers}, timeout=60)
    if expect is not None:
        assert answer.status_code == expect, f"{answer.status_code}: {answer.text}"
    return answer


class Tasks:
    """The tasks of a gateway over HTTP, each answer held against openapi.yaml."""

    PATH = "/api/v1/delivery/tasks"

    def __init__(self, gateway):
        self.gateway = gateway
        self.document = openapi()

    def ask(self, method, name=None, body=None, action="", expect=200, path=None, **options):
        described = path or self.PATH + ("/{name}" if name else "") + action
        answer = self.gateway.session.request(
            method, self.gateway.url + described.replace("{name}", name or ""), json=body, timeout=30, **options
        )
        assert answer.status_code == expect, f"{answer.status_code}: {answer.text}"
        check_answer(self.document, self.document["paths"][described][method.lower()], answer)
        return answer

    def get(self, name):
        return self.ask("GET", name).json()["data"]

    def names(self):
        return [each["name"] for each in self.ask("GET").json()["data"]["tasks"]]

    def create(self, body, expect=201):
        return self.ask("POST", body=body, expect=expect)

    def error(self, method, name=None, body=None, expect=400, **more):
        return self.ask(method, name, body, expect=expect, **more).json()["error"]

    def wait(self, name, state="running"):
        def is_there():
            found = self.get(name)
            assert found["state"] == state, found
            return found

        return eventually(is_there, f"task {name} {state}", 20)


@pytest.fixture
def state(tmp_path):
    return tmp_path / "state"


@pytest.fixture
def managed(broker, serve, state):
    """A gateway whose tasks may be changed, and the topic that it reads."""
    topic = broker.topic(partitions=2)
    arguments = ["--web-enable-delivery-api", "--delivery-state", state]
    return serve(topic, arguments=arguments), topic


def test_a_task_lives_from_post_to_delete(managed, state):
    gateway, topic = managed
    tasks = Tasks(gateway)
    assert tasks.names() == []
    assert send(gateway, [sample()], expect=404).text.startswith("no delivery task takes remote writes")

    made = tasks.create(task(topic=topic.name, description="everything"))
    assert made.headers["Location"] == "/api/v1/delivery/tasks/t"
    assert os.listdir(state) == ["t.json"] or sorted(os.listdir(state)) == [".lock", "t.json"]
    tasks.wait("t")
    samples = [sample(i=str(i)) for i in range(50)]
    answer = send(gateway, samples)
    assert answer.headers["X-Prometheus-Remote-Write-Samples-Written"] == "50"
    found = gateway.wait_samples(50)
    assert sorted(found) == sorted(samples)
    status = tasks.get("t")
    assert status["delivered"]["samples"] == 50 and status["sources"][0]["samples_passed"] == 50
    assert status["target"]["partitions"] == 2 and status["target"]["idempotent"] and status["origin"] == "api"
    assert gateway.own("promring_delivery_samples_total", task="t") == 50
    assert gateway.own("promring_delivery_source_samples_total", task="t", source="0", result="passed") == 50
    assert gateway.own("promring_delivery_requests_total") == 1
    assert gateway.own("promring_delivery_up", task="t") == 1

    filtered = task(topic=topic.name)
    filtered["sources"][0] |= {"filter": ["__name__=up", "i=1.*"], "labels": ["cluster=a"]}
    tasks.ask("PUT", "t", filtered)
    send(gateway, [sample(i=str(i), round="2") for i in range(50)], "/api/v1/write/t")
    gateway.wait_samples(11, '{round="2",cluster="a",i=~"1.*"}')
    assert tasks.get("t")["sources"][0]["samples_filtered"] == [
        {"line": "__name__=up", "samples": 0}, {"line": "i=1.*", "samples": 39},
    ]  # fmt: skip

    stopped = tasks.ask("POST", "t", action="/stop").json()["data"]
    assert stopped["state"] == "stopped"
    refused = send(gateway, [sample()], "/api/v1/write/t", expect=503)
    assert int(refused.headers["Retry-After"]) > 0 and "stopped" in refused.text
    tasks.ask("POST", "t", action="/start")
    tasks.wait("t")
    send(gateway, [sample(i="1", round="3")])
    gateway.wait_samples(1, '{round="3"}')

    tasks.ask("DELETE", "t", expect=204)
    assert tasks.names() == [] and "t.json" not in os.listdir(state)
    tasks.error("GET", "t", expect=404)
    send(gateway, [sample()], "/api/v1/write/t", expect=404)


def test_tasks_are_there_again_after_kill_9(managed, state, serve):
    gateway, topic = managed
    tasks = Tasks(gateway)
    tasks.create(task("a", topic.name))
    tasks.create(task("b", topic.name, started=False))
    gateway.kill9()
    again = serve(topic, arguments=["--delivery-state", state])
    tasks = Tasks(again)
    assert tasks.names() == ["a", "b"]
    assert tasks.get("b")["state"] == "stopped"
    tasks.wait("a")
    send(again, [sample()], "/api/v1/write/a")
    again.wait_samples(1)
    # They are shown, but not changed without permission.
    assert "--web-enable-delivery-api" in tasks.error("DELETE", "a", expect=500)


def test_what_is_wrong_is_refused_with_its_place(managed, state):
    gateway, topic = managed
    tasks = Tasks(gateway)
    wrong = task(topic=topic.name)
    wrong["sources"][0]["filter"] = ["job=a", "job=("]
    error = tasks.error("POST", body=wrong)
    assert 'line "job=(": "(" is no regular expression (RE2)' in error and error.startswith("request:1:")
    wrong["sources"][0] = {"kind": "remote_write", "labels": ["timestamp=1"]}
    assert 'line "timestamp=1": "timestamp" cannot be attached' in tasks.error("POST", body=wrong)
    bad_topic = tasks.error("POST", body=task(topic="a b"))
    assert 'target.topic: "a b" is no topic name' in bad_topic
    bad = task(topic=topic.name)
    bad["target"]["properties"] = {"sasl.mechanisn": "PLAIN"}
    assert "sasl.mechanisn" in tasks.error("POST", body=bad)
    bad["target"]["properties"] = {"sasl.password": {"file": "/etc/hostname"}}
    assert "in the configuration file only" in tasks.error("POST", body=bad)
    answer = gateway.session.post(gateway.url + tasks.PATH, data="{}", headers={"Content-Type": "text/plain"}, timeout=10)
    assert answer.status_code == 415
    tasks.create(task(topic=topic.name))
    tasks.error("POST", body=task(topic=topic.name), expect=409)
    assert tasks.names() == ["t"]


def test_a_full_disk_is_told_and_changes_nothing(managed, state):
    gateway, topic = managed
    tasks = Tasks(gateway)
    tasks.create(task(topic=topic.name, description="old"))
    before = (state / "t.json").read_text()
    # Wherever a new file would be written there is no space.
    for name in ("t", "u"):
        (state / f"{name}.json.new").symlink_to("/dev/full")
    assert "No space left on device" in tasks.error("PUT", "t", task(topic=topic.name), expect=500)
    assert "No space left on device" in tasks.error("POST", body=task("u", topic.name), expect=500)
    assert (state / "t.json").read_text() == before
    assert tasks.names() == ["t"] and tasks.get("t")["definition"]["description"] == "old"
    tasks.ask("PUT", "t", task(topic=topic.name))


def test_a_state_directory_has_one_user(managed, state, broker):
    arguments = ["serve", "--kafka-brokers", broker.bootstrap, "--kafka-topic", "t", "--delivery-state", state]
    second = subprocess.run(
        command(*arguments, "--web-listen-address", "127.0.0.1:0"), capture_output=True, text=True, timeout=20,
        env=environment(),
    )  # fmt: skip
    assert second.returncode == 2 and "another process uses it" in second.stderr, second.stderr


# --- Remote writes -----------------------------------------------------------------------------------------------------


def test_a_remote_write_that_cannot_be_is_answered_in_its_protocol(managed):
    gateway, topic = managed
    Tasks(gateway).create(task(topic=topic.name))
    Tasks(gateway).wait("t")

    def status(body=None, **headers):
        body = snappy.compress(write_request([sample()])) if body is None else body
        headers = {**WRITE_HEADERS, **headers}
        return gateway.session.post(gateway.url + "/api/v1/write", data=body, headers=headers, timeout=30).status_code

    assert status() == 204
    assert status(**{"Content-Type": "application/json"}) == 415
    assert status(**{"Content-Type": "application/x-protobuf;proto=some.Other"}) == 415
    assert status(**{"Content-Encoding": "gzip"}) == 415
    assert status(b"") == 400 and status(b"no snappy") == 400
    assert status(snappy.compress(b"\x0a\x05\x01")) == 400
    assert status(b"\xff\xff\xff\xff\x0f") == 413
    assert gateway.get("/api/v1/write", expect=None).status_code == 405
    # A request of nothing is no mistake: Prometheus sends some that hold metadata alone.
    assert status(snappy.compress(b"")) == 204


def test_stale_markers_end_series_when_the_task_says_so(managed):
    gateway, topic = managed
    tasks = Tasks(gateway)
    tasks.create(task("keep", topic.name, stale_markers="StaleNaN"))
    tasks.create(task("drop", topic.name))
    for name in ("keep", "drop"):
        tasks.wait(name)
        send(gateway, [sample(task=name, age=5), sample(value=STALE, task=name, age=1)], f"/api/v1/write/{name}")
    gateway.wait_samples(1, '{task="drop"}')
    eventually(lambda: gateway.own("promring_buffer_samples") == 3, "the marker")
    answer = gateway.get("/api/v1/query", {"query": "up"}).json()["data"]["result"]
    assert [each["metric"]["task"] for each in answer] == ["drop"]
    assert tasks.get("drop")["sources"][0]["stale_markers_dropped"] == 1


# --- The file ----------------------------------------------------------------------------------------------------------


class File:
    """A configuration file, and a gateway that runs on it."""

    def __init__(self, folder, broker, serve):
        self.path = folder / "promring.yaml"
        self.topic = broker.topic(partitions=2)
        self.write([])
        arguments = ["--config-file", self.path, "--web-enable-lifecycle"]
        self.gateway = serve(self.topic, arguments=arguments)

    def write(self, tasks):
        self.path.write_text(yaml.safe_dump({"delivery": {"tasks": tasks}}, sort_keys=False))

    def task(self, name="t", **source):
        made = task(name, self.topic.name)
        made["sources"][0] |= source
        return made

    def reload(self, expect=200):
        answer = self.gateway.session.post(self.gateway.url + "/-/reload", timeout=30)
        assert answer.status_code == expect, answer.text
        return answer.text


@pytest.fixture
def file(tmp_path, broker, serve):
    return File(tmp_path, broker, serve)


def test_tasks_of_the_file_follow_reloads_by_request_and_by_signal(file):
    tasks = Tasks(file.gateway)
    assert tasks.names() == []
    file.write([file.task("a"), file.task("b")])
    assert file.reload() == ""
    assert tasks.names() == ["a", "b"] and tasks.get("a")["origin"] == "file"
    file.write([file.task("b", labels=["x=y"])])
    file.gateway.process.signal(signal.SIGHUP)
    eventually(lambda: tasks.names() == ["b"], "the new tasks")
    assert tasks.get("b")["definition"]["sources"][0]["labels"] == ["x=y"]
    assert file.gateway.own("promring_config_last_reload_successful") == 1
    assert "labels:" in file.gateway.api("status/config")["yaml"] or "x=y" in file.gateway.api("status/config")["yaml"]


def test_a_file_that_is_wrong_changes_nothing_and_is_told_with_the_line(file):
    tasks = Tasks(file.gateway)
    file.write([file.task("a")])
    file.reload()
    good = file.path.read_text()
    file.path.write_text(good.replace("- kind: remote_write", "- kind: remote_write\n      filter:\n      - job=("))
    told = file.reload(expect=500)
    assert told.startswith("failed to reload config: ") and "promring.yaml:" in told and 'line "job=("' in told
    file.gateway.process.signal(signal.SIGHUP)
    eventually(lambda: file.gateway.process.text().count("configuration not reloaded") == 2, "the log line")
    assert tasks.names() == ["a"]
    assert file.gateway.own("promring_config_last_reload_successful") == 0
    assert file.gateway.api("status/runtimeinfo")["reloadConfigSuccess"] is False
    file.path.write_text(good)
    file.reload()
    assert file.gateway.own("promring_config_last_reload_successful") == 1


def test_no_sample_is_lost_while_the_file_is_reloaded(file):
    shapes = [
        [file.task("t")], [file.task("t", labels=["x=y"])], [file.task("t"), file.task("u", filter=["job=none"])],
        [{**file.task("t"), "batch": {"samples": 7, "linger": "20ms"}}],
    ]  # fmt: skip
    file.write(shapes[0])
    file.reload()
    tasks = Tasks(file.gateway)
    tasks.wait("t")
    sent, stop, refused = [], threading.Event(), []
    began = round(time.time() * 1000) - 60_000

    def keep_sending():
        while not stop.is_set():
            number = len(sent)
            # A time of its own for each: a write takes about a millisecond, and of two samples of one the last would stay.
            one = [sample("m", float(number), run="reload")._replace(timestamp=began + number)]
            while True:  # as Prometheus does
                answer = send(file.gateway, one, "/api/v1/write/t", expect=None)
                if answer.status_code == 204:
                    break
                refused.append(answer.status_code)
            sent.append(float(number))

    sender = threading.Thread(target=keep_sending)
    sender.start()
    try:
        for reload in range(12):
            file.write(shapes[reload % len(shapes)])
            already = len(sent)
            file.gateway.process.signal(signal.SIGHUP)
            assert file.gateway.get("/-/healthy").ok
            eventually(lambda: len(sent) > already + 20, "writes after the reload")
    finally:
        stop.set()
        sender.join()
    assert set(refused) <= {503}

    def all_there():
        found = {each.value for each in file.gateway.samples('{run="reload"}')}
        assert found == set(sent), f"{len(found)} of {len(sent)}"
        return True

    eventually(all_there, "every acknowledged sample", 30)


def test_reloading_over_http_has_to_be_allowed(broker, serve):
    gateway = serve(broker.topic())
    answer = gateway.session.post(gateway.url + "/-/reload", timeout=10)
    assert answer.status_code == 403
    gateway.process.signal(signal.SIGHUP)  # the signal is the operator's anyway
    eventually(lambda: "configuration reloaded" in gateway.process.text(), "the log line")


# --- Dry run and check -------------------------------------------------------------------------------------------------


def test_a_dry_run_tells_what_would_be_delivered(broker, serve):
    topic = broker.topic()
    made = [sample("up", float(i), job=job, i=str(i)) for i, job in enumerate(["a", "a", "b"])] + [sample("down", 1.0)]
    topic.produce(made)
    gateway = serve(topic)
    gateway.wait_samples(4)
    path = "/api/v1/delivery/dry_run"
    body = {"filter": ["__name__=up", "job=a"], "labels": ["cluster=x"]}
    found = Tasks(gateway).ask("POST", body=body, path=path).json()["data"]
    assert found["examined"] == {"series": 4, "samples": 4}
    assert found["delivered"] == {"series": 2, "samples": 2}
    assert [(each["line"], each["rejected_series"]) for each in found["lines"]] == [("__name__=up", 1), ("job=a", 1)]
    assert found["lines"][1]["examples"] == [{"__name__": "up", "i": "2", "job": "b"}]
    expected = {"__name__": "up", "cluster": "x", "i": "0", "job": "a", "value": "0"}
    assert expected.items() <= found["examples"][0].items() and found["examples"][0]["timestamp"].isdigit()
    error = Tasks(gateway).error("POST", body={"filter": "job=a\njob=["}, path=path)
    assert 'line "job=["' in error


def run_check(path):
    arguments = ["check", "--config-file", path, "--kafka-brokers", "k:9092", "--kafka-topic", "t"]
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=20, env=environment())


def test_check_tells_of_tasks_and_names_the_line_that_is_wrong(tmp_path):
    path = tmp_path / "promring.yaml"
    path.write_text(yaml.safe_dump({"delivery": {"tasks": [task("lake", "metrics")]}}, sort_keys=False))
    good = run_check(path)
    assert good.returncode == 0, good.stderr
    assert "delivery task lake: from remote writes (0 filter lines, 0 label lines) to topic metrics" in good.stdout
    text = """\
delivery:
  tasks:
    - name: lake
      sources:
        - kind: remote_write
          filter:
            - job=a
            - id=i-(2ze
      target:
        topic: metrics
"""
    for wrong, line, words in [
        (text, 8, 'line "id=i-(2ze": "i-(2ze" is no regular expression'),
        (text.replace("id=i-(2ze", "id").replace("filter", "labels"), 8, 'line "id": there is no "="'),
        (text.replace("i-(2ze", "x").replace("topic: metrics", "topic: m\n        properties: {linger: 5}"), 11, "linger"),
        (text.replace("i-(2ze", "x").replace("topic: metrics", "topic: ''"), 10, "is no topic name"),
    ]:
        path.write_text(wrong)
        bad = run_check(path)
        assert bad.returncode == 2, bad.stdout
        assert f"promring.yaml:{line}:" in bad.stderr and words in bad.stderr, bad.stderr


def test_the_task_of_the_readme_is_right(tmp_path):
    path = tmp_path / "promring.yaml"
    files = [each for each in readme_yaml("Deliver Prometheus' samples to Kafka") if "delivery" in each]
    assert files
    for each in files:
        path.write_text(yaml.safe_dump(each, sort_keys=False))
        outcome = run_check(path)
        assert outcome.returncode == 0, outcome.stderr


def test_the_demo_shows_its_task(serve):
    demo = serve.run(["demo", "--web-listen-address", "127.0.0.1:0"])
    tasks = Tasks(demo)
    eventually(lambda: tasks.get("demo")["delivered"]["samples"] > 0, "delivered samples", 20)
    send(demo, [sample("mine", 7.0)])
    demo.wait_samples(1, "mine")
