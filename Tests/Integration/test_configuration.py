"""Options, environment, file; what is wrong stops the program with one line that names it; secrets stay secret."""

import subprocess

import pytest

from harness.gateway import command, environment
from harness.samples import sample

BASE = ["serve", "--kafka-brokers", "127.0.0.1:1", "--kafka-topic", "t", "--web-listen-address", "127.0.0.1:0"]


def run(arguments, settings=None, timeout=15):
    return subprocess.run(
        command(*arguments),
        env=environment(**(settings or {})),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def assert_refused(outcome, *words):
    """One clear line on standard error that names the setting; exit code not 0."""
    assert outcome.returncode != 0, outcome.stdout + outcome.stderr
    lines = [line for line in outcome.stderr.splitlines() if line.strip()]
    telling = [line for line in lines if all(word in line for word in words)]
    assert telling, f"no line with {words}:\n{outcome.stderr}"
    return lines


WRONG_OPTIONS = [
    (["--no-such-option"], "--no-such-option"),
    (["--kafka-mode", "some"], "--kafka-mode"),
    (["--kafka-threads", "many"], "--kafka-threads"),
    (["--buffer-retention", "yesterday"], "--buffer-retention"),
    (["--buffer-max-bytes", "12XB"], "--buffer-max-bytes"),
    (["--web-listen-address", "nowhere"], "--web-listen-address"),
    (["--log-level", "loud"], "--log-level"),
    (["--kafka-property", "no.such.property=1"], "no.such.property"),
    (["--kafka-property", "fetch.wait.max.ms=soon"], "fetch.wait.max.ms"),
    (["--kafka-property", "nonsense"], "--kafka-property"),
    (["--kafka-topic", "^("], "--kafka-topic"),
    (["--config-file", "/no/such/file.yaml"], "/no/such/file.yaml"),
]


@pytest.mark.parametrize("arguments, name", WRONG_OPTIONS, ids=[" ".join(each) for each, _ in WRONG_OPTIONS])
def test_a_wrong_option_is_named(binary, arguments, name):
    assert_refused(run([*BASE, *arguments]), name)


@pytest.mark.parametrize(
    "name, value",
    [
        ("PROMRING_NO_SUCH_SETTING", "1"),
        ("PROMRING_KAFKA_MODE", "some"),
        ("PROMRING_BUFFER_RETENTION", "yesterday"),
        ("PROMRING_WEB_LISTEN_ADDRESS", "nowhere"),
    ],
)
def test_a_wrong_environment_variable_is_named(binary, name, value):
    arguments = BASE[:-2] if name == "PROMRING_WEB_LISTEN_ADDRESS" else BASE
    assert_refused(run(arguments, {name: value}), name)


@pytest.mark.parametrize(
    "text, words",
    [
        ("kafka:\n  broker: x\n", ["broker", ":2:"]),
        ("buffer:\n  retention: yesterday\n", ["retention", ":2:"]),
        ("nonsense: 1\n", ["nonsense", ":1:"]),
        ("kafka:\n  properties:\n    no.such.property: 1\n", ["no.such.property"]),
        ("kafka: [\n", []),
        ("buffer:\n  retention: 1h\n  retention: 2h\n", ["retention"]),
    ],
)
def test_a_wrong_key_of_the_file_is_named_with_its_line(binary, tmp_path, text, words):
    file = tmp_path / "promring.yaml"
    file.write_text(text)
    assert_refused(run([*BASE, "--config-file", str(file)]), "promring.yaml" if not words else words[0], *words)


def test_what_has_to_be_there_is_asked_for(binary):
    assert_refused(run(["serve", "--kafka-topic", "t"]), "--kafka-brokers")
    assert_refused(run(["serve", "--kafka-brokers", "127.0.0.1:1"]), "--kafka-topic")


def test_an_address_that_is_taken_is_named(binary, broker, serve):
    taken = serve(broker.topic()).address
    assert_refused(run([*BASE[:-2], "--web-listen-address", taken]), taken)


def test_option_before_environment_before_file(broker, serve, tmp_path):
    file = tmp_path / "promring.yaml"
    file.write_text("buffer: {retention: 11m, future_skew: 12m}\nexport: {staleness: 13m}\n")
    gateway = serve(
        broker.topic(),
        arguments=["--config-file", str(file), "--buffer-retention", "31m"],
        settings={"PROMRING_BUFFER_RETENTION": "21m", "PROMRING_BUFFER_FUTURE_SKEW": "22m"},
    )
    flags = gateway.api("status/flags")
    assert (flags["buffer-retention"], flags["buffer-future-skew"], flags["export-staleness"]) == ("31m", "22m", "13m")


def test_everything_from_the_environment(broker, serve):
    topic = broker.topic()
    topic.produce([sample("up")])
    gateway = serve.run(
        ["serve"],
        settings={
            "PROMRING_KAFKA_BROKERS": broker.bootstrap,
            "PROMRING_KAFKA_TOPIC": topic.name,
            "PROMRING_WEB_LISTEN_ADDRESS": "127.0.0.1:0",
        },
    )
    gateway.wait_samples(1)


def test_everything_from_the_file(broker, serve, tmp_path):
    topic = broker.topic()
    topic.produce([sample("up")])
    file = tmp_path / "promring.yaml"
    file.write_text(f"""
kafka:
  brokers: ["{broker.bootstrap}"]
  topics: ["{topic.name}"]
  properties:
    fetch.wait.max.ms: 100
web:
  listen_address: 127.0.0.1:0
""")
    gateway = serve.run(["serve", "--config-file", str(file)])
    gateway.wait_samples(1)


SECRET = "pa55w0rd-that-nobody-may-see"


def test_secrets_are_never_printed(broker, serve, tmp_path):
    secret_file = tmp_path / "secret"
    secret_file.write_text(SECRET + "\n")
    arguments = ["--kafka-property", f"ssl.key.password={SECRET}", "--kafka-property-file", f"sasl.password={secret_file}"]
    gateway = serve(broker.topic(), arguments=[*arguments, "--log-level", "trace"])
    for path in ("/api/v1/status/config", "/api/v1/status/flags", "/api/v1/status/kafka", "/metrics",
                 "/api/v1/status/runtimeinfo", "/-/ready"):
        assert SECRET not in gateway.get(path).text, path
    assert "sasl.password" in gateway.get("/api/v1/status/config").text, "that it is set may be seen"
    gateway.terminate()
    assert SECRET not in gateway.process.text()


def test_secrets_are_not_in_an_error(binary):
    for setting in (f"sasl.passwordd={SECRET}", f"sasl.password={SECRET}"):
        outcome = run([*BASE, "--kafka-property", setting, "--kafka-property", "no.such.property=1"])
        assert outcome.returncode != 0
        assert SECRET not in outcome.stdout + outcome.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["serve", "--help"], ["demo", "--help"], ["tail", "--help"], ["--version"]])
def test_help_and_version(binary, arguments):
    outcome = run(arguments)
    assert outcome.returncode == 0 and outcome.stdout.strip()


def test_check_judges_a_configuration_without_running_it(binary, tmp_path):
    file = tmp_path / "promring.yaml"
    file.write_text("kafka: {brokers: ['127.0.0.1:1'], topics: [t]}\n")
    assert run(["check", "--config-file", str(file)]).returncode == 0
    file.write_text("kafka: {brokers: ['127.0.0.1:1'], topics: [t], mood: all}\n")
    assert_refused(run(["check", "--config-file", str(file)]), "mood")


def test_the_log_is_logfmt_or_json(broker, serve):
    import json

    plain = serve(broker.topic())
    plain.terminate()
    lines = plain.process.text().splitlines()
    assert lines and all("level=" in line and "msg=" in line for line in lines), lines
    other = serve(broker.topic(), arguments=["--log-format", "json"])
    other.terminate()
    assert all({"level", "msg"} <= set(json.loads(line)) for line in other.process.text().splitlines())
