"""openapi.yaml against the running program: every path, every shape."""

import re
import time

import pytest
import yaml
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from harness.gateway import openapi
from harness.samples import kubernetes_samples

METHODS = ("get", "post", "put", "delete", "patch", "head")
# What to ask each path for, so that the answer has something in it.
PARAMETERS = {
    "/api/v1/samples": {"match[]": "up"},
    "/api/v1/samples/stream": {"match[]": "up"},
    "/api/v1/series": {"match[]": "up"},
    "/api/v1/query": {"query": "up"},
    "/api/v1/query_range": {"query": "up", "start": f"{time.time() - 60:.3f}", "end": f"{time.time():.3f}", "step": "5"},
    "/api/v1/query_exemplars": {"query": "up"},
    "/api/v1/format_query": {"query": "sum(up)by(job)"},
    "/api/v1/parse_query": {"query": "topk(3, sum by (job) (rate(up{a!~'b'}[5m] @ end()))) > bool 1 or -max_over_time(up[1h:])"},
    "/api/v1/targets/relabel_steps": {"scrapePool": "job/pages", "labels": "{}"},
    "/api/v1/scrape_pools/config": {"scrapePool": "job/pages"},
    "/federate": {"match[]": "up"},
}
# A label, and a delivery task, of that name; a file of the page.
PATH_PARAMETERS = {"name": "job", "file": "style.css"}
# The Prometheus API and everything else that answers below /api/v1, with the path parameters' names as they may be.
EXPECTED_PATHS = [
    "/metrics", "/federate", "/api/v1/samples", "/api/v1/samples/stream", "/api/v1/status/buffer", "/page/{}",
    "/api/v1/series", "/api/v1/labels", "/api/v1/label/{}/values",
    "/api/v1/metadata", "/api/v1/status/buildinfo", "/api/v1/status/runtimeinfo", "/api/v1/status/tsdb",
    "/api/v1/status/flags", "/api/v1/status/config", "/api/v1/status/kafka", "/api/v1/status/dead_letters",
    "/api/v1/read", "/api/v1/delivery/tasks", "/api/v1/delivery/tasks/{}",
    "/api/v1/query", "/api/v1/query_range", "/api/v1/format_query", "/api/v1/query_exemplars", "/api/v1/parse_query",
    "/api/v1/targets", "/api/v1/targets/metadata", "/api/v1/targets/relabel_steps", "/api/v1/scrape_pools",
    "/api/v1/scrape_pools/config", "/api/v1/rules", "/api/v1/alerts", "/api/v1/alertmanagers", "/api/v1/features",
    "/api/v1/notifications", "/api/v1/notifications/live", "/api/v1/status/walreplay", "/api/v1/status/tsdb/blocks",
    "/api/v1/status/self_metrics", "/api/v1/openapi.yaml",
    "/-/healthy", "/-/ready", "/healthz", "/livez", "/readyz", "/version", "/openapi.yaml",
]  # fmt: skip
ADMIN_PATHS = [f"/api/v1/admin/tsdb/{name}" for name in ("delete_series", "clean_tombstones", "snapshot")]
# Tested where tasks are, in test_delivery_api.py.
DELIVERY_PATHS = [
    "/api/v1/write", "/api/v1/write/{}", "/api/v1/delivery/tasks/{}/start", "/api/v1/delivery/tasks/{}/stop",
    "/api/v1/delivery/dry_run", "/-/reload",
]  # fmt: skip
# Answers without an end.
STREAMS = ("/stream", "/live")


@pytest.fixture(scope="module")
def document():
    return openapi()


@pytest.fixture(scope="module")
def running(broker, binary, tmp_path_factory):
    from conftest import Serve

    topic = broker.topic(partitions=2)
    made = list(kubernetes_samples(series=60, points=5))
    topic.produce(made)
    topic.produce_raw(b"poison")
    folder = tmp_path_factory.mktemp("openapi")
    sources = [
        {"kind": "remote_write", "filter": "job=a"},
        {"kind": "scrape", "name": "pages", "urls": ["http://127.0.0.1:1/metrics"], "job": "b", "filter": "job=a"},
    ]
    task = {"name": "job", "sources": sources, "target": {"topic": topic.name}}
    (folder / "promring.yaml").write_text(yaml.safe_dump({"delivery": {"tasks": [task]}}))
    serve = Serve(folder)
    gateway = serve(topic, arguments=["--config-file", folder / "promring.yaml"])
    gateway.wait_samples(len(made))
    yield gateway
    serve.close()


def operations(document):
    return [
        (path, method, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    ]


def filled_in(path):
    return re.sub(r"\{(\w+)\}", lambda found: PATH_PARAMETERS.get(found.group(1), "job"), path)


def schema_validator(document, media):
    """A validator of one media type's schema in which `$ref` finds the whole document."""
    registry = Registry().with_resource("urn:openapi", Resource(document, DRAFT202012))
    return Draft202012Validator(absolute(media["schema"]), registry=registry)


def absolute(schema):
    """The schema with its references into the document made to name the document."""
    if isinstance(schema, dict):
        return {
            key: f"urn:openapi{value}" if key == "$ref" and value.startswith("#") else absolute(value)
            for key, value in schema.items()
        }
    return [absolute(each) for each in schema] if isinstance(schema, list) else schema


def resolved(document, part):
    while "$ref" in part:
        target = document
        for step in part["$ref"].removeprefix("#/").split("/"):
            target = target[step.replace("~1", "/").replace("~0", "~")]
        part = target
    return part


def check_answer(document, operation, answer):
    """One real answer against what the document says of it."""
    described = operation["responses"].get(str(answer.status_code)) or operation["responses"].get("default")
    assert described, f"{answer.status_code} is not described for {answer.url}: {answer.text[:300]}"
    described = resolved(document, described)
    content = described.get("content", {})
    if not content:
        return
    kind = answer.headers["Content-Type"].split(";")[0]
    assert kind in {each.split(";")[0] for each in content}, f"{kind} is not described for {answer.url}"
    if kind != "application/json":
        return
    errors = sorted(schema_validator(document, content[kind]).iter_errors(answer.json()), key=str)
    assert not errors, f"{answer.url}: {errors[0].json_path}: {errors[0].message[:500]}"


def test_it_is_valid(document):
    validate(document)


def test_it_describes_every_path(document):
    described = {re.sub(r"\{\w+\}", "{}", path) for path in document["paths"]}
    assert not set(EXPECTED_PATHS + ADMIN_PATHS + DELIVERY_PATHS) - described


def ask(gateway, path):
    """One GET with what the path needs; of a stream no more than its beginning."""
    with gateway.get(filled_in(path), PARAMETERS.get(path), expect=None, stream=path.endswith(STREAMS)) as answer:
        return answer


def test_every_described_get_answers_as_described(document, running):
    asked = 0
    for path, method, operation in operations(document):
        if method != "get":
            continue
        answer = ask(running, path)
        assert answer.status_code in (200, 302, 307, 308), f"{answer.status_code} for GET {path}: {answer.text[:300]}"
        check_answer(document, operation, answer)
        asked += 1
    assert asked >= len(EXPECTED_PATHS)


def test_every_described_error_is_as_described(document, running):
    for path, method, operation in operations(document):
        names = {resolved(document, each)["name"] for each in operation.get("parameters", [])}
        if method == "get" and "match[]" in names:
            answer = running.get(filled_in(path), {"match[]": "{"}, expect=400)
            check_answer(document, operation, answer)


def test_what_is_not_described_is_not_there(document, running):
    """The router knows no method on a described path that the document does not tell of."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item or (method == "head" and "get" in item):
                continue
            answer = running.session.request(method, running.url + filled_in(path), timeout=10)
            assert answer.status_code == 405, f"{method.upper()} {path}: {answer.status_code}, not described"


def test_described_parameters_are_accepted(document, running):
    """Each optional query parameter with its example or a plain value must not be an error."""
    for path, method, operation in operations(document):
        if method != "get":
            continue
        for parameter in [resolved(document, each) for each in operation.get("parameters", [])]:
            if parameter["in"] != "query" or "example" not in parameter:
                continue
            asked = {**PARAMETERS.get(path, {}), parameter["name"]: parameter["example"]}
            with running.get(filled_in(path), asked, expect=None, stream=path.endswith(STREAMS)) as answer:
                assert answer.status_code == 200, f"{path} with {asked}: {answer.text[:300]}"


def test_the_same_shapes_while_nothing_is_there(document, broker, serve):
    gateway = serve(broker.topic())
    for path, method, operation in operations(document):
        if method == "get":
            check_answer(document, operation, ask(gateway, path))


def test_the_same_shapes_while_it_is_in_trouble(document, serve):
    arguments = ["serve", "--kafka-brokers", "127.0.0.1:1", "--kafka-topic", "t", "--web-listen-address", "127.0.0.1:0"]
    gateway = serve.run(arguments, ready=False)
    for path, method, operation in operations(document):
        if method == "get":
            check_answer(document, operation, ask(gateway, path))


def test_admin_paths_answer_as_described_with_and_without_permission(document, broker, serve):
    for arguments, good in ([], 500), (["--web-enable-admin-api"], 204):
        gateway = serve(broker.topic(), arguments=arguments)
        for path in ADMIN_PATHS:
            for method in ("post", "put"):
                answer = gateway.session.request(method, gateway.url + path, data={"match[]": "up"}, timeout=10)
                assert answer.status_code == (500 if path.endswith("snapshot") else good), answer.text
                check_answer(document, document["paths"][path][method], answer)
