"""schemathesis asks everything that openapi.yaml allows, and much that it does not: each answer is one that it describes,
and none is a failure of the program."""

import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, Phase, given, settings, strategies
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance, response_headers_conformance, response_schema_conformance, status_code_conformance,
)  # fmt: skip

from harness.gateway import ROOT, openapi
from harness.samples import kubernetes_samples
from test_openapi import METHODS

# Answers without an end: whoever waits for the whole of one waits for ever. test_live and test_openapi ask for them.
STREAMS = ["/api/v1/notifications/live", "/api/v1/samples/stream"]
EXAMPLES = 12


@pytest.fixture(scope="module")
def target(broker, binary, tmp_path_factory):
    """Everything that can be switched on is; tasks go to a broker that is there, however they are called."""
    from conftest import Serve

    topic = broker.topic(partitions=2)
    made = list(kubernetes_samples(series=60, points=5))
    topic.produce(made)
    topic.produce_raw(b"poison")
    folder = tmp_path_factory.mktemp("properties")
    task = {"name": "job", "sources": [{"kind": "remote_write"}], "target": {"topic": topic.name}}
    (folder / "promring.yaml").write_text(yaml.safe_dump({"delivery": {"tasks": [task]}}))
    serve = Serve(folder)
    gateway = serve(topic, arguments=[
        "--config-file", folder / "promring.yaml", "--web-enable-admin-api", "--web-enable-lifecycle",
        "--web-enable-delivery-api", "--delivery-state", folder / "state", "--delivery-request-timeout", "1s",
        "--query-timeout", "5s",
    ])  # fmt: skip
    gateway.wait_samples(len(made))
    yield gateway
    assert gateway.process.running, gateway.process.text()[-3000:]
    gateway.terminate()
    serve.close()


@pytest.fixture(scope="module")
def described(target):
    schema = schemathesis.openapi.from_path(str(ROOT / "openapi.yaml"))
    schema.config.update(base_url=target.url)
    return schema


def no_failure_of_the_program(context, response, case):
    """5xx is for what is described: no room, no permission, Kafka away. Nothing is "internal error"."""
    assert "internal error" not in response.text, response.text[:300]
    if response.status_code >= 500:
        assert str(response.status_code) in case.operation.definition.raw["responses"], response.text[:300]


# Sent as it is.
schemathesis.serializer.alias("application/x-protobuf", "application/octet-stream")

CHECKS = [
    no_failure_of_the_program, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance,
]  # fmt: skip

OPERATIONS = [
    (method.upper(), path)
    for path, item in openapi()["paths"].items()
    for method in item
    if method in METHODS and path not in STREAMS
]


@pytest.mark.parametrize("method, path", OPERATIONS)
def test_each_answer_is_described(described, target, method, path):
    operation = described[path][method]
    cases = [operation.as_strategy(generation_mode=mode) for mode in GenerationMode]
    examples = operation.get_strategies_from_examples()

    @settings(
        max_examples=EXAMPLES, derandomize=True, deadline=None, database=None, phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategies.one_of(*cases, *examples))
    def ask(case):
        case.validate_response(case.call(timeout=30), checks=CHECKS)

    ask()
    assert target.process.running
    target.get("/-/ready")
