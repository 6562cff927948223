"""The documents against the program: options, metrics and paths, links, and the examples that people copy.

`PROMRING_TEST_REGENERATE=1` writes the parts of docs/reference anew that are made here: look at the difference before
you commit it.
"""

import functools
import json
import os
import re
import shlex
import subprocess

import pytest
import requests
import yaml
from prometheus_client.parser import text_string_to_metric_families

from delivery.messages import HEADERS_1, packed, version_1
from harness import records
from harness.certificates import Authority
from harness.gateway import ROOT, command, environment, openapi
from harness.processes import free_port
from harness.prometheus import promtool
from harness.samples import sample
from harness.waiting import eventually
from test_openapi import operations, resolved

REFERENCE = ROOT / "docs" / "reference"
DOCUMENTS = sorted(
    path for path in ROOT.rglob("*.md")
    if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
)  # fmt: skip
# Those that tell users what to type.
GUIDES = [path for path in DOCUMENTS if path.parent == ROOT or path.is_relative_to(ROOT / "docs")]


described = functools.cache(openapi)


def named(path):
    return str(path.relative_to(ROOT))


# --- Reading Markdown -------------------------------------------------------------------------------------------------


def blocks(path):
    """The code blocks of a document, as (language, text)."""
    return re.findall(r"(?ms)^ *```(\w*)\n(.*?)^ *```$", path.read_text())


def having(documents, language, *beginnings):
    """Those of the documents with such a block in them."""
    return [
        path for path in documents
        if any(kind == language and beginning(text, *beginnings) for kind, text in blocks(path))
    ]  # fmt: skip


def beginning(text, *names):
    return text.startswith(tuple(f"# {name}" for name in names)) if names else True


def prose(path):
    """A document without its code blocks."""
    return re.sub(r"(?ms)^ *```.*?^ *```$", "", path.read_text())


@functools.cache
def anchors(path):
    """The anchors of a document's headings, as GitHub makes them."""
    found = {}
    for heading in re.findall(r"(?m)^#{1,6} +(.*?) *#*$", prose(path)):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        anchor = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        found[anchor] = found.get(anchor, -1) + 1
    return {f"{anchor}-{number}" if number else anchor for anchor, last in found.items() for number in range(last + 1)}


def made_here(path, part, text):
    """The part of a document between its two comments has to be this text; or is made so, when asked for."""
    begin = f"<!-- {part}: made by Tests/Integration/test_documents.py -->\n"
    end = f"<!-- end of {part} -->"
    document = path.read_text()
    before, rest = document.split(begin)
    there, after = rest.split(end)
    if os.environ.get("PROMRING_TEST_REGENERATE"):
        path.write_text(before + begin + text + end + after)
    else:
        assert there == text, f"PROMRING_TEST_REGENERATE=1 writes {part} of {named(path)} anew"


def table(columns, rows):
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def in_a_cell(text):
    return " ".join(text.split()).replace("|", "\\|")


# --- Links ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", DOCUMENTS, ids=named)
def test_links_lead_somewhere(path):
    text = re.sub(r"`[^`\n]*`", "", prose(path))
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        place, _, anchor = link.partition("#")
        target = (path.parent / place).resolve() if place else path
        assert target.exists(), f"{named(path)}: {link}"
        if anchor:
            assert anchor in anchors(target), f"{named(path)}: {link}: the headings are {sorted(anchors(target))}"


def test_the_index_names_every_document():
    index = ROOT / "docs" / "README.md"
    linked = {(index.parent / link).resolve() for link in re.findall(r"\]\(([^)#\s]+)", index.read_text())}
    assert not {path for path in GUIDES if path.is_relative_to(ROOT / "docs") and path != index} - linked


# --- Options ----------------------------------------------------------------------------------------------------------


@functools.cache
def printed(*arguments):
    outcome = subprocess.run(
        command(*arguments), env=environment(COLUMNS="80"), stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=15, check=True,
    )  # fmt: skip
    return outcome.stdout


@functools.cache
def commands():
    """The commands as the argument parser tells of them, by name."""
    dump = json.loads(printed("--experimental-dump-help"))
    return {each["commandName"]: each for each in dump["command"]["subcommands"] if each["commandName"] != "help"}


def subcommands():
    return list(commands())


@functools.cache
def options(subcommand):
    """The options of a command: `{"--limit": ("--limit <count>", "Stop after so many lines.")}`."""
    found = {}
    for option in commands()[subcommand]["arguments"]:
        if option["kind"] == "positional":
            continue
        names = [("-" if name["kind"] == "short" else "--") + name["name"] for name in option["names"]]
        long = next(name for name in names if name.startswith("--"))
        positive = "--" + long.removeprefix("--no-")
        if positive != long and positive in found:
            found[positive] = (f"{found[positive][0]}/{long}", found[positive][1])
            continue
        value = "" if option["kind"] == "flag" else f" <{option['valueName']}>"
        details = [
            f"{title}: {text}"
            for title, text in [("values", ", ".join(option.get("allValues", []))), ("default", option.get("defaultValue"))]
            if text
        ]
        found[long] = (
            ", ".join(sorted(names, key=len)) + value,
            option["abstract"] + (f" ({'; '.join(details)})" if details else ""),
        )
    return found


def all_names(subcommand):
    return {name for spelling, _ in options(subcommand).values() for name in re.findall(r"--[a-z][a-z-]*", spelling)}


@functools.cache
def every_option():
    return {name for each in subcommands() for name in all_names(each)}


ALWAYS = {"--help", "--version"}


def settings_of_the_reference():
    """The options of the table that the settings make (a test of Configuration keeps it equal to them)."""
    text = (REFERENCE / "options.md").read_text()
    made = text.split("<!-- settings: made from the table in Sources/Configuration -->\n")[1]
    rows = made.split("<!-- end of settings -->")[0].splitlines()[2:]
    return {name for row in rows for name in re.findall(r"`(--[a-z-]+)`", row.split(" | ")[0])}


def test_the_reference_has_the_options_of_serve_and_no_other(binary):
    assert settings_of_the_reference() == all_names("serve") - ALWAYS


def test_the_reference_has_the_commands_and_their_own_options(binary):
    known = settings_of_the_reference() | ALWAYS
    text = ""
    for name in subcommands():
        text += f"### `promring {name}`\n\n{commands()[name]['abstract']}\n\n"
        own = [(spelling, help) for option, (spelling, help) in options(name).items() if option not in known]
        if own:
            text += table(["option", "meaning"], [[f"`{spelling}`", in_a_cell(help)] for spelling, help in own]) + "\n"
    made_here(REFERENCE / "options.md", "commands", text)


def options_of_the_manual(subcommand):
    """As `options`, from the page's section about a command (mdoc, as the generator writes it)."""
    text = (ROOT / "docs" / "promring.1").read_text()
    section = re.search(rf"(?ms)^\.It Em {subcommand}$(.*?)^\.El$", text).group(1)
    entries = re.findall(r"(?m)^\.It (Fl .*)\n(?!\.It)(.*)$", section)
    names = [re.findall(r"-[a-z][a-z-]+", re.sub(r" Ar .*", "", head))[-1] for head, _ in entries]
    return {
        f"-{name}": help.replace("\\e", "\\")
        for name, (_, help) in zip(names, entries)
        if f"-{name.removeprefix('-no-')}" not in names
    }


def test_the_manual_page_has_the_options_of_every_command(binary):
    for name in subcommands():
        expected = {option: in_words(help) for option, (_, help) in options(name).items()}
        found = {option: in_words(help) for option, help in options_of_the_manual(name).items()}
        assert found == expected, f"promring {name}: Tests/manual writes docs/promring.1 anew"


def in_words(help):
    """Without what only one of the two says: the values that an option may have, its default, and negations."""
    return re.sub(r" *\((values|default): .*", "", " ".join(help.split()))


# What other programs' options are called where the text speaks of them.
OTHERS = {"--user", "--fix"}


@pytest.mark.parametrize("path", GUIDES, ids=named)
def test_options_in_the_text_exist(binary, path):
    for code in re.findall(r"`([^`\n]+)`", prose(path)):
        if code.startswith("--"):
            name = re.match(r"--[a-z-]*", code).group(0)
            assert name in every_option() | OTHERS, f"{named(path)}: {code}"


def invocations(text):
    """The words of each `promring COMMAND …` in a shell script."""
    for line in text.replace("\\\n", " ").splitlines():
        try:
            lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>()")
            lexer.whitespace_split = True
            words = list(lexer)
        except ValueError:  # a quotation over several lines, as of JSON for curl
            continue
        for at, word in enumerate(words[:-1]):
            if word.rpartition("/")[2] == "promring" and words[at + 1] in subcommands():
                rest = words[at + 1 :]
                end = next((i for i, each in enumerate(rest) if set(each) <= set("|&;<>()")), len(rest))
                yield rest[:end]


@pytest.mark.parametrize("path", having(DOCUMENTS, "sh"), ids=named)
def test_commands_to_copy_have_options_that_exist(binary, path):
    for language, text in blocks(path):
        if language == "sh":
            for subcommand, *words in invocations(text):
                used = {word.split("=")[0] for word in words if word.startswith("--")}
                assert not used - all_names(subcommand), f"{named(path)}: promring {subcommand} {' '.join(words)}"


# --- What is printed --------------------------------------------------------------------------------------------------


def test_the_quick_start_works_with_a_kafka_of_ones_own(binary, broker, serve):
    topic = broker.topic()
    section = (ROOT / "docs" / "quick-start.md").read_text().split("\n## 2. ")[1].split("\n## ")[0]
    scripts = re.findall(r"(?ms)^```sh\n(.*?)^```$", section)

    def run(script, **changes):
        for told, here in {"127.0.0.1:9092": broker.bootstrap, "metrics\n": f"{topic.name}\n", **changes}.items():
            script = script.replace(told, here)
        settings = {"PROMRING_KAFKA_BROKERS": broker.bootstrap, "PROMRING_KAFKA_TOPIC": topic.name}
        variables = environment(**settings, PATH=f"{binary.parent}:{os.environ['PATH']}")
        outcome = subprocess.run(["bash", "-ec", script], env=variables, capture_output=True, text=True, timeout=60)
        assert outcome.returncode == 0, f"{script}: {outcome.stdout}{outcome.stderr}"
        return outcome.stdout

    look, fill, ask = scripts[1], scripts[2], scripts[4]
    assert run(look) == ""
    assert run(fill).startswith('{"__name__":"room_temperature_celsius","room":"kitchen","value":"21.5","timestamp":"')
    gateway = serve(topic)
    printed_there = run(ask, **{"127.0.0.1:9797": gateway.address})
    assert 'room_temperature_celsius{room="kitchen"} 21.5 ' in printed_there
    assert '"value":[' in printed_there


WRONG_STARTS = [
    (["--kafka-brokers", "k:9092", "--kafka-topic", "t", "--buffer-retention", "yesterday"], {}),
    (["--config-file", "bad.yaml"], {}),
    (["--kafka-brokers", "k:9092", "--kafka-topic", "t", "--kafka-property", "nope=1"], {}),
    (["--kafka-topic", "t"], {}),
    (["--kafka-brokers", "k:9092", "--kafka-topic", "t", "--kafka-property-file", "sasl.password=/run/secrets/p"], {}),
    (["--kafka-brokers", "k:9092", "--kafka-topic", "t"], {"security.protocol": "sasl_ssl"}),
    (["--kafka-brokers", "k:9092", "--kafka-topic", "t"], {"security.protocol": "sasl_ssl", "sasl.mechanism": "PLAIN"}),
]


@pytest.mark.parametrize("arguments, properties", WRONG_STARTS, ids=range(len(WRONG_STARTS)))
def test_what_happens_when_a_start_fails_is_told_in_its_words(binary, tmp_path, arguments, properties):
    (tmp_path / "bad.yaml").write_text("kafka:\n  brokers: [k:9092]\n  topics: [t]\nbuffer:\n  retentoin: 1h\n")
    words = [word for each in properties.items() for word in ("--kafka-property", "=".join(each))]
    outcome = subprocess.run(
        command("serve", *arguments, *words), env=environment(), cwd=tmp_path, capture_output=True, text=True,
        timeout=15,
    )  # fmt: skip
    assert outcome.returncode == 2, outcome.stderr
    document = (ROOT / "docs" / "what-happens-when.md").read_text()
    told = [code.rstrip("…") for code in re.findall(r"`(promring: [^`]+)`", document)]
    assert any(outcome.stderr.strip().startswith(each) for each in told), outcome.stderr


# --- Configuration files ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", having(GUIDES, "yaml", "promring.yaml", "prometheus.yml"), ids=named)
def test_configuration_files_to_copy_are_right(binary, path, tmp_path):
    for language, text in blocks(path):
        if language == "yaml" and beginning(text, "promring.yaml"):
            file = tmp_path / "promring.yaml"
            # Secrets are not on the machine that runs the test.
            file.write_text(re.sub(r"\{file: [^}]*\}", "secret", text))
            kafka = yaml.safe_load(text).get("kafka", {})
            more = {} if "brokers" in kafka else {"PROMRING_KAFKA_BROKERS": "kafka:9092"}
            more |= {} if "topics" in kafka else {"PROMRING_KAFKA_TOPIC": "metrics"}
            words = command("check", "--config-file", file)
            outcome = subprocess.run(words, env=environment(**more), capture_output=True, text=True, timeout=15)
            assert outcome.returncode == 0, f"{named(path)}: {outcome.stderr}\n{text}"
        if language == "yaml" and beginning(text, "prometheus.yml"):
            file = tmp_path / "prometheus.yml"
            file.write_text(text)
            outcome = promtool("check", "config", "--syntax-only", str(file))
            assert outcome.returncode == 0, f"{named(path)}: {outcome.stderr}\n{text}"


@pytest.mark.parametrize("path", having(GUIDES, "yaml", "web.yml", "web/web.yml"), ids=named)
def test_web_configuration_files_to_copy_are_right(binary, path, tmp_path):
    (tmp_path / "tls").mkdir()
    authority = Authority(tmp_path / "tls", "clients-ca")
    authority.issue("server")
    file = tmp_path / "web.yml"
    for language, text in blocks(path):
        if language == "yaml" and beginning(text, "web.yml", "web/web.yml"):
            file.write_text(text)
            words = ["check", "--kafka-brokers", "k:9092", "--kafka-topic", "t", "--web-config-file", file]
            outcome = subprocess.run(command(*words), env=environment(), capture_output=True, text=True, timeout=15)
            assert outcome.returncode == 0, f"{named(path)}: {outcome.stderr}\n{text}"


# --- Metrics and queries ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def everything(broker, binary, tmp_path_factory):
    """A promring to which happens what it has metrics for."""
    from conftest import Serve

    folder = tmp_path_factory.mktemp("documents")
    topic, letters = broker.topic(), broker.topic()
    topic.produce([sample("up")])
    nameless = '[{"value": "1", "timestamp": "1"}]'
    topic.produce_raw(b"poison", records.raw_block(nameless))
    sources = [
        {"name": "writes", "kind": "remote_write"},
        {"name": "pages", "kind": "scrape", "job": "page", "urls": [f"http://127.0.0.1:{free_port()}/metrics"]},
    ]
    task = {"name": "job", "sources": sources, "target": {"topic": letters.name}}
    (folder / "promring.yaml").write_text(yaml.safe_dump({"delivery": {"tasks": [task]}}))
    serve = Serve(folder)
    arguments = ["--config-file", folder / "promring.yaml", "--kafka-dead-letter-topic", letters.name]
    gateway = serve(topic, arguments=arguments)
    gateway.wait_samples(1)
    refused = packed(version_1([sample("much", {"label": "x" * 100_000})]))

    def is_refused():
        # Until the target's topic is known the answer is 503.
        return gateway.session.post(f"{gateway.url}/api/v1/write", data=refused, headers=HEADERS_1).status_code == 400

    eventually(is_refused, "a sample to be refused for good")
    yield gateway
    serve.close()


@pytest.fixture(scope="module")
def troubled(binary, tmp_path_factory):
    """One without a broker and with TLS: it has errors to tell of, and a certificate."""
    from conftest import Serve

    folder = tmp_path_factory.mktemp("troubled")
    authority = Authority(folder, "ca")
    server = authority.issue("server")
    tls = {"cert_file": str(server.cert), "key_file": str(server.key)}
    (folder / "web.yml").write_text(yaml.safe_dump({"tls_server_config": tls}))
    serve = Serve(folder)
    arguments = ["serve", "--kafka-brokers", f"127.0.0.1:{free_port()}", "--kafka-topic", "any"]
    arguments += ["--web-listen-address", "127.0.0.1:0", "--web-config-file", folder / "web.yml"]
    gateway = serve.run(arguments, ready=False)
    gateway.url = gateway.url.replace("http:", "https:")
    gateway.session.verify = str(authority.cert)
    yield gateway
    serve.close()


@pytest.fixture(scope="module")
def secured(binary, tmp_path_factory):
    """The page of one that speaks TLS."""
    from conftest import Serve

    folder = tmp_path_factory.mktemp("secured")
    authority = Authority(folder, "authority")
    certificate = authority.issue("server")
    settings = {"cert_file": certificate.cert.name, "key_file": certificate.key.name}
    (folder / "web.yml").write_text(yaml.safe_dump({"tls_server_config": settings}))
    serve = Serve(folder)
    nowhere = f"127.0.0.1:{free_port()}"
    arguments = ["serve", "--kafka-brokers", nowhere, "--kafka-topic", "any", "--web-listen-address", "127.0.0.1:0"]
    gateway = serve.run([*arguments, "--web-config-file", folder / "web.yml"], ready=False)
    url = f"https://{gateway.address}/metrics?self=only"
    yield requests.get(url, verify=str(authority.cert), timeout=30).text
    serve.close()


# What is on the page once it has happened.
LATE = ["promring_kafka_broker_up", "promring_samples_rejected_total", "promring_kafka_errors_total",
        "promring_dead_letters_forwarded_total", "promring_http_request_duration_seconds", "promring_kafka_lag_seconds"]


def families(page):
    """promring's own metrics as in text 0.0.4: `{name: (type, labels, help)}`."""
    found = {}
    for family in text_string_to_metric_families(page):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = {label for each in family.samples for label in each.labels} - {"le"}
        found[name] = (family.type, sorted(labels), family.documentation)
    return found


def test_the_reference_has_the_metrics_and_no_other(everything, troubled, secured):
    def complete():
        there = families(secured) | families(troubled.own_page()) | families(everything.own_page())
        assert not set(LATE) - set(there), set(LATE) - set(there)
        return there

    there = eventually(complete, "all of promring's own metrics")
    rows = [
        [f"`{name}`", kind, ", ".join(f"`{label}`" for label in labels), in_a_cell(help)]
        for name, (kind, labels, help) in sorted(there.items())
    ]
    made_here(REFERENCE / "metrics.md", "metrics", table(["metric", "type", "labels", "meaning"], rows))


def metrics_of_the_reference():
    made = (REFERENCE / "metrics.md").read_text().split("<!-- end of metrics -->")[0]
    return set(re.findall(r"(?m)^\| `(\w+)` \|", made))


def test_no_metric_of_the_program_was_missed():
    """Those above happened to be on the page; these are all that the sources name."""
    sources = "".join(path.read_text() for path in (ROOT / "Sources").rglob("*.swift"))
    named_there = set(re.findall(r'"((?:promring|process)_[a-z0-9_]+)"', sources))
    assert len(named_there) > 80
    assert named_there == metrics_of_the_reference()


@pytest.mark.parametrize("path", GUIDES, ids=named)
def test_metrics_in_the_text_exist(path):
    known = metrics_of_the_reference()
    known |= {f"{name}_{part}" for name in known for part in ("bucket", "sum", "count")}
    for code in re.findall(r"`([^`\n]+)`", prose(path)) + [text for language, text in blocks(path)]:
        for name in re.findall(r"\bpromring_[a-z_]+[a-z]\b(?!_?\*|\.py)", code):
            assert name in known or any(each.startswith(f"{name}_") for each in known), f"{named(path)}: {name}"


def test_queries_to_copy_can_be_read(everything):
    queries = [(path, text) for path in GUIDES for language, text in blocks(path) if language == "promql"]
    assert queries
    for path, text in queries:
        for query in re.split(r"\n\s*\n", text.strip()):
            answer = everything.get("/api/v1/parse_query", {"query": query}, expect=None)
            assert answer.status_code == 200, f"{named(path)}: {query}: {answer.text}"


# --- Paths ------------------------------------------------------------------------------------------------------------


def test_the_reference_has_the_paths_and_no_other():
    document = described()
    text = ""
    for tag in document["tags"]:
        paths = {}
        for path, method, operation in operations(document):
            if operation["tags"][0] == tag["name"]:
                paths.setdefault(path, []).append((method, operation))
        rows = []
        for path, found in paths.items():
            alike = []
            for method, operation in found:
                if alike and operation["summary"].startswith("The same"):
                    alike[-1][0].append(method.upper())
                else:
                    alike.append(([method.upper()], operation))
            rows += [endpoint(document, path, methods, operation) for methods, operation in alike]
        text += f"### {tag['name'].capitalize()}\n\n{tag['description']}\n\n"
        text += table(["methods", "path", "meaning", "parameters", "answers"], rows) + "\n"
    made_here(REFERENCE / "endpoints.md", "endpoints", text)


def endpoint(document, path, methods, operation):
    parameters = [resolved(document, each) for each in operation.get("parameters", [])]
    names = [f"`{each['name']}`" for each in parameters if each["in"] == "query"]
    return [", ".join(methods), f"`{path}`", in_a_cell(operation["summary"]), ", ".join(names),
            ", ".join(sorted(operation["responses"]))]  # fmt: skip


@pytest.mark.parametrize("path", GUIDES, ids=named)
def test_paths_in_the_text_exist(path):
    paths = described()["paths"]
    known = re.compile("|".join(re.sub(r"\\{\w+\\}", "[^/?]+", re.escape(each)) for each in paths))
    texts = re.findall(r"`([^`\n]+)`", prose(path)) + [text for language, text in blocks(path)]
    for found in re.findall(r"(?<![\w.$])(?:https?://[\w.-]+:9797)?((?:/api/v1/|/-/)[\w/<>{}.-]*)", "\n".join(texts)):
        asked = re.sub(r"[<{]\w+[>}]", "x", found).rstrip("/.")
        assert known.fullmatch(asked) or any(each.startswith(f"{asked}/") for each in paths), f"{named(path)}: {found}"
