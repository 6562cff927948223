"""`promring query` and `promring samples`: what people and scripts see of a running gateway."""

import contextlib
import http.server
import json
import os
import pty
import re
import signal
import subprocess
import threading

import pytest

from harness.gateway import command, environment
from harness.processes import Process, free_port
from harness.samples import now, sample
from harness.waiting import eventually

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


def run(*words, **settings):
    return subprocess.run(
        command(*words), env=environment(**settings), stdin=subprocess.DEVNULL, capture_output=True, timeout=60, text=True
    )


@pytest.fixture
def gateway(broker, serve):
    at = now()
    topic = broker.topic()
    topic.produce(
        sample("asked", {"instance": f"i{number}"}, at - 15_000 * (3 - each), 10 * number + each)
        for number in range(2)
        for each in range(4)
    )
    gateway = serve(topic)
    gateway.wait_samples(8)
    return gateway


def printed(gateway, *words):
    outcome = run(*words, PROMRING_URL=gateway.url)
    assert (outcome.returncode, outcome.stderr) == (0, ""), outcome
    return outcome.stdout


# --- Answers ------------------------------------------------------------------------------------------------------------


def test_a_query_prints_a_table(gateway):
    assert printed(gateway, "query", "asked") == 'SERIES                VALUE\nasked{instance="i0"}      3\nasked{instance="i1"}     13\n'
    assert printed(gateway, "query", "sum(asked)") == "SERIES  VALUE\n{}         16\n"
    assert printed(gateway, "query", "1 + 1") == "2\n"
    assert printed(gateway, "query", "absent_from_here") == "nothing matches\n"


def test_a_query_over_a_time_prints_courses(gateway):
    header, *lines = printed(gateway, "query", "asked", "--since", "1m", "--step", "1s").splitlines()
    assert header.split() == ["POINTS", "LAST", "MIN", "MAX", "COURSE", "SERIES"]
    for number, line in enumerate(lines):
        assert re.fullmatch(rf' *\d+ +{number or ""}3 +{number or ""}0 +{number or ""}3  [ ▁-█]+ asked{{instance="i{number}"}}', line)
    assert len(lines) == 2


def test_json_is_what_the_api_answers(gateway):
    answer = json.loads(printed(gateway, "query", "count(asked)", "--output", "json"))
    assert answer["data"]["result"][0]["value"][1] == "2"
    answer = json.loads(printed(gateway, "query", "asked", "--start", str(now() // 1000 - 60), "--step", "10s", "-o", "json"))
    assert answer["data"]["resultType"] == "matrix"


def test_an_expression_may_come_from_standard_input(gateway):
    outcome = subprocess.run(
        command("query", "-", "--url", gateway.url), env=environment(), input=b"sum(asked)\n", capture_output=True, timeout=60
    )
    assert outcome.stdout == b"SERIES  VALUE\n{}         16\n"


def test_samples_are_printed_in_every_form(gateway):
    header, *lines = printed(gateway, "samples", 'asked{instance="i1"}', "--since", "5m").splitlines()
    assert header.split() == ["TIME", "VALUE", "SERIES"]
    assert [line.split(maxsplit=1)[1].split() for line in lines] == [[f"1{each}", 'asked{instance="i1"}'] for each in range(4)]
    assert all(re.match(TIME, line) for line in lines)
    assert printed(gateway, "samples", "asked", "-o", "csv").splitlines()[0] == "timestamp,value,series"
    ndjson = printed(gateway, "samples", "asked", "-o", "ndjson", "--limit", "3", "--order", "newest").splitlines()
    assert [json.loads(line)["value"][1] for line in ndjson] == ["3", "2", "1"]
    assert len(json.loads(printed(gateway, "samples", "asked", "-o", "json"))["data"]["result"]) == 2


def test_following_prints_what_arrives_until_the_limit(gateway, broker, serve, tmp_path):
    topic = broker.topic()
    other = serve(topic)
    words = command("samples", "live", "--follow", "--since", "1m", "--limit", "3", "--url", other.url)
    follower = Process(words, output=tmp_path / "followed", environment=environment())
    try:
        at = now()
        topic.produce([sample("live", timestamp=at - 2000, value=1), sample("live", timestamp=at - 1000, value=2)])
        eventually(lambda: len(follower.text().splitlines()) == 2, "the first samples")
        topic.produce([sample("live", timestamp=at, value=3), sample("live", timestamp=at + 1, value=4)])
        eventually(lambda: not follower.running, "its end")
    finally:
        follower.stop()
    assert follower.exit_code == 0
    assert [line.split()[1:] for line in follower.text().splitlines()] == [["1", "live"], ["2", "live"], ["3", "live"]]


def test_following_ends_with_the_gateway(broker, serve, tmp_path):
    gateway = serve(broker.topic())
    words = command("samples", "live", "--follow", "-o", "ndjson", "--url", gateway.url)
    follower = Process(words, output=tmp_path / "followed", environment=environment())
    try:
        eventually(lambda: gateway.own("promring_live_streams") == 1, "the follower")
        gateway.close()
        eventually(lambda: not follower.running, "its end")
    finally:
        follower.stop()
    assert follower.exit_code == 1
    assert "promring: " in follower.text()


def test_control_c_ends_it_and_a_closed_pipe_too(gateway, tmp_path):
    follower = Process(
        command("samples", "asked", "--follow", "--url", gateway.url), output=tmp_path / "followed", environment=environment()
    )
    try:
        eventually(lambda: gateway.own("promring_live_streams") == 1, "the follower")
        follower.signal(signal.SIGINT)
        eventually(lambda: not follower.running, "its end")
        assert follower.exit_code == -signal.SIGINT
    finally:
        follower.stop()
    with subprocess.Popen(
        command("samples", "asked", "-o", "csv", "--url", gateway.url), env=environment(), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as reader:
        reader.stdout.close()
        assert reader.stderr.read() == b""


# --- Errors say what to do next -----------------------------------------------------------------------------------------


def test_the_place_of_an_error_is_shown(gateway):
    outcome = run("query", "sum(asked) by (", "--url", gateway.url)
    assert outcome.returncode == 1
    first, shown, mark = outcome.stderr.splitlines()
    assert re.match(r"promring: .*1:16: parse error: ", first)
    assert (shown, mark) == ("  sum(asked) by (", " " * 17 + "^")


@pytest.mark.parametrize(
    "words, status, text",
    [
        (["query", "up", "--url", "http://127.0.0.1:{free}"], 1, "Is promring serving there? --url or PROMRING_URL names another"),
        (["query", "up", "--url", "{url}/nowhere"], 1, "with its path prefix"),
        (["query", "up", "--url", "ftp://x"], 1, "--url: ftp://x: is no URL that begins with http:// or https://"),
        (["query", "up", "--url", "https://{address}"], 1, "cannot reach https://"),
        (["samples", "x{{", "--url", "{url}"], 1, "parse error: unexpected end of input inside braces"),
        (["query", "up", "--tls-ca-file", "/nowhere", "--url", "{url}"], 2, "--tls-ca-file: /nowhere cannot be read"),
        (["query", "up", "--since", "soon", "--url", "{url}"], 2, "The value 'soon' is invalid for '--since <duration>'"),
    ],
)
def test_errors_say_what_was_wrong_and_what_to_do(gateway, words, status, text):
    words = [word.format(free=free_port(), url=gateway.url, address=gateway.address) for word in words]
    outcome = run(*words)
    assert (outcome.returncode, outcome.stdout) == (status, "")
    assert outcome.stderr.startswith("promring: ") and text in outcome.stderr


# --- A server that has its own mind -------------------------------------------------------------------------------------


@contextlib.contextmanager
def api(answer):
    """A server; `answer` of path, query or form, and headers returns a status and a text."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            status, text = answer(self.path, "", self.headers)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def do_POST(self):
            form = self.rfile.read(int(self.headers["Content-Length"])).decode()
            status, text = answer(self.path, form, self.headers)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


ONE = '{"status":"success","data":{"resultType":"scalar","result":[1,"1"]}}'


def replay(current, whole=100):
    return 200, json.dumps({"status": "success", "data": {"min": 0, "max": whole, "current": current}})


def on_a_terminal(*words, **settings):
    """Exit status and all that a terminal was shown."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command(*words), env=environment(TERM="xterm", **settings), stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # the end of a terminal
            while part := os.read(ours, 65536):
                shown += part
        os.close(ours)
        return process.wait(timeout=30), shown.decode()


def test_a_gateway_that_replays_is_waited_for_with_a_bar():
    steps = [replay(0), replay(40), replay(100)]

    def answer(path, form, headers):
        if path == "/api/v1/status/walreplay":
            return steps.pop(0) if len(steps) > 1 else steps[0]
        return (200, ONE) if len(steps) == 1 else (500, "asked too early")

    with api(answer) as url:
        status, shown = on_a_terminal("query", "1", "--url", url)
    assert status == 0
    assert "reading the window from Kafka " in shown and " 40 % (40 of 100)" in shown
    assert shown.endswith("\r\x1b[K1\r\n")


def test_without_a_terminal_there_is_no_bar_and_after_the_wait_a_warning():
    with api(lambda path, *_: replay(40) if "walreplay" in path else (200, ONE)) as url:
        outcome = run("query", "1", "--url", url, "--wait", "0s")
    assert (outcome.returncode, outcome.stdout) == (0, "1\n")
    assert outcome.stderr == "promring: the window is still being read from Kafka (40 of 100 records): samples are missing\n"


def test_colours_are_for_terminals_that_want_them(gateway):
    arguments = ["query", "asked", "--url", gateway.url]
    assert "\x1b[1mSERIES\x1b[0m" in on_a_terminal(*arguments)[1]
    assert "\x1b" not in on_a_terminal(*arguments, NO_COLOR="1")[1]
    assert "\x1b" not in run(*arguments).stdout


def test_label_values_do_nothing_to_a_terminal(broker, serve):
    topic = broker.topic()
    topic.produce([sample("hostile", {"text": "\x1b]0;owned\x07\x9b2J"})])
    gateway = serve(topic)
    gateway.wait_samples(1)
    assert 'hostile{text="\\u{1b}]0;owned\\u{7}\\u{9b}2J"}' in on_a_terminal("query", "hostile", "--url", gateway.url)[1]


@pytest.mark.parametrize(
    "status, text, said",
    [
        (401, "Unauthorized", "--username with --password-file, or --bearer-token-file"),
        (403, '{"status":"error","errorType":"forbidden","error":"not you"}', "not you\nThese credentials are not enough"),
        (503, "Service Unavailable", "/-/ready says what it waits for"),
        (422, '{"status":"error","errorType":"execution","error":"too much"}', "promring: too much\n"),
        (200, "<html>", "this is no answer of the Prometheus API"),
    ],
)
def test_refusals_are_passed_on(status, text, said):
    with api(lambda path, *_: (404, "") if "walreplay" in path else (status, text)) as url:
        outcome = run("query", "up", "--url", url)
    assert (outcome.returncode, outcome.stdout) == (1, "")
    assert said in outcome.stderr


def test_credentials_come_from_files(tmp_path):
    seen = []

    def answer(path, form, headers):
        seen.append(headers["Authorization"])
        return (404, "") if "walreplay" in path else (200, ONE)

    (tmp_path / "secret").write_text("open sesame\n")
    with api(answer) as url:
        assert run("query", "1", "--url", url, "--bearer-token-file", tmp_path / "secret").stdout == "1\n"
        assert run("query", "1", "--url", url, "--username", "ali", "--password-file", tmp_path / "secret").stdout == "1\n"
    assert seen == ["Bearer open sesame"] * 2 + ["Basic YWxpOm9wZW4gc2VzYW1l"] * 2


def test_warnings_go_to_standard_error():
    answer = ONE[:-1] + ',"warnings":["half of it"],"infos":["by the way"]}'
    with api(lambda path, *_: (404, "") if "walreplay" in path else (200, answer)) as url:
        outcome = run("query", "1", "--url", url)
    assert (outcome.stdout, outcome.stderr) == ("1\n", "warning: half of it\ninfo: by the way\n")
