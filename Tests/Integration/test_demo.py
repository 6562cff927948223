"""`promring demo`: what its banner says works when pasted."""

import re
import signal
import subprocess

import pytest

from harness.gateway import ROOT, environment
from harness.waiting import eventually


@pytest.fixture
def demo(serve):
    return serve.run(["demo", "--web-listen-address", "127.0.0.1:0"])


def curl_commands(text):
    """The command lines of the banner: everything from `curl` to the end of its line."""
    return [match.group(0).strip() for match in re.finditer(r"^\s*(?:\$ )?(curl .*)$", text, re.M)]


def run_pasted(line):
    """What a command line prints when it is pasted into a shell; one that streams for ever is cut off."""
    shell = ["bash", "-c", f"set -o pipefail; {line}"]
    try:
        outcome = subprocess.run(
            shell, capture_output=True, text=True, timeout=5, env=environment(), stdin=subprocess.DEVNULL
        )
        printed, code = outcome.stdout, outcome.returncode
    except subprocess.TimeoutExpired as cut:
        printed, code = (cut.stdout or b"").decode(), 0
    assert code == 0, f"{line}: exit code {code}: {printed[:300]}"
    assert len(printed.strip()) > 2, f"{line} printed nothing"
    assert '"status":"error"' not in printed, f"{line}: {printed[:300]}"
    return printed


def test_each_curl_command_of_the_banner_prints_live_data(demo):
    commands = eventually(lambda: curl_commands(demo.process.text()), "curl commands in the banner")
    assert len(commands) >= 5
    assert any(demo.address in line for line in commands)
    for line in commands:
        eventually(lambda: run_pasted(line), line, 20)


@pytest.mark.parametrize("document, least", [("README.md", 5), ("docs/quick-start.md", 4)])
def test_each_curl_command_of_the_documents_prints_what_they_show(demo, document, least):
    text = (ROOT / document).read_text()
    examples = re.findall(r"```sh\n(curl [^\n]*)\n```\n```\w*\n(.*?)```", text, re.S)
    assert len(examples) >= least
    # Until the demo has run for a few seconds there is less to show.
    eventually(lambda: len(demo.samples("node_load1")) >= 3, "three samples", 20)
    for line, shown in examples:
        assert "127.0.0.1:9797" in line
        printed = run_pasted(line.replace("127.0.0.1:9797", demo.address))
        assert printed[:12] == shown[:12], f"{line} printed {printed[:200]}"


def test_it_serves_real_metrics_of_this_machine(demo):
    eventually(lambda: demo.api("label/__name__/values"), "metric names")
    wanted = ["node_cpu_seconds_total", "node_memory_MemTotal_bytes", "node_load1", "node_network_receive_bytes_total",
              "node_disk_reads_completed_total", "node_filesystem_size_bytes"]
    names = eventually(lambda: (n := demo.api("label/__name__/values")) and set(wanted[:4]) <= set(n) and n, wanted, 20)
    assert [name for name in names if name.startswith("promring_")], "and metrics of promring itself"
    with open("/proc/meminfo") as file:
        total = int(re.search(r"MemTotal:\s+(\d+) kB", file.read()).group(1)) * 1024
    assert {each.value for each in demo.samples("node_memory_MemTotal_bytes")} == {float(total)}


def test_new_samples_keep_coming(demo):
    def count():
        return len(demo.samples("node_load1"))

    eventually(lambda: count() >= 2, "two samples", 20)
    seen = count()
    eventually(lambda: count() > seen, "one more sample", 10)


def test_ctrl_c_ends_it(demo):
    demo.process.signal(signal.SIGINT)
    assert demo.process.wait(10) == 0


def test_sigterm_ends_it(demo):
    demo.terminate()
