"""Descriptors and disks that run out: the process lives, says so, and goes on when there is room again."""

import contextlib
import itertools
import os
import pathlib
import resource
import subprocess

import pytest

from harness.feeding import Feeding
from harness.raw import connection, request, status
from harness.samples import assert_same
from harness.waiting import eventually
from test_delivery_api import Tasks, send, sample, task


def descriptors(gateway):
    return len(os.listdir(f"/proc/{gateway.process.pid}/fd"))


def lowest_free_descriptor(gateway):
    """Looked for more than once: attempts to connect take a number for a moment."""

    def look():
        taken = set(map(int, os.listdir(f"/proc/{gateway.process.pid}/fd")))
        return next(number for number in itertools.count() if number not in taken)

    return min(look() for _ in range(50))


def thread_cpu_seconds(process, name):
    """Of the thread of that name."""
    for task in pathlib.Path(f"/proc/{process.pid}/task").iterdir():
        if (task / "comm").read_text().strip() == name:
            fields = (task / "stat").read_text().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    raise LookupError(f"no thread {name}")


def limit_descriptors(gateway, count):
    _, hard = resource.prlimit(gateway.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(gateway.process.pid, resource.RLIMIT_NOFILE, (count, hard))


def test_out_of_file_descriptors(broker, serve):
    topic = broker.topic(partitions=2)
    gateway = serve(topic)
    gateway.get("/-/ready")  # on the session's connection, which stays open
    # A descriptor beyond the highest in use cannot be opened; ten more can.
    highest = max(map(int, os.listdir(f"/proc/{gateway.process.pid}/fd")))
    limit_descriptors(gateway, highest + 11)
    with Feeding(topic) as feeding, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(connection(gateway, request("/-/healthy"), timeout=2)) for _ in range(40)]
        answered = []
        for client in clients:
            try:
                answered.append(status(client))
            except TimeoutError:
                answered.append(None)
                break
        assert answered.count(200) >= 5 and None in answered, answered
        # Those who are in are served, truthfully, and reading goes on.
        assert gateway.get("/-/ready").status_code == 200
        held = len(gateway.samples())
        eventually(lambda: len(gateway.samples()) > held, "more samples")
        gateway.get("/api/v1/query", {"query": "count(fed)"})
        # Waiting for a descriptor is no work.
        before = thread_cpu_seconds(gateway.process, "http-accept")
        with contextlib.suppress(TimeoutError):
            clients[-1].recv(1)
        assert thread_cpu_seconds(gateway.process, "http-accept") - before < 0.3, "it spins while it cannot accept"
    assert 0 < gateway.process.text().count("connections have to wait to be accepted: Too many open files") < 10
    eventually(lambda: gateway.own("promring_http_connections") <= 1, "the clients to be gone", 20)
    # With room again everything is as before, also what has to be opened anew.
    limit_descriptors(gateway, 1024)
    with connection(gateway, request("/-/ready")) as client:
        assert status(client) == 200
    assert_same(gateway.wait_samples(len(feeding.made)), feeding.made)
    gateway.terminate()


def test_a_broker_that_returns_while_there_are_no_descriptors(own_broker, serve):
    """Not even a connection to Kafka can be made: not ready says so, and it heals by itself."""
    topic = own_broker.topic()
    gateway = serve(topic, arguments=["--ready-grace", "2s"])
    gateway.get("/-/healthy")
    own_broker.stop()
    eventually(lambda: not gateway.ready(), "not being ready", 40)
    # Below it every number is taken: none can be opened, not even the one that the connection to the broker had.
    limit_descriptors(gateway, lowest_free_descriptor(gateway))
    own_broker.start()
    topic.produce([sample("late")])
    gateway.get("/-/healthy")
    assert not gateway.ready()
    limit_descriptors(gateway, 1024)
    eventually(gateway.ready, "being ready again", 60)
    gateway.wait_samples(1)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"only root may mount a small file system: {error}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True, capture_output=True)


def test_a_full_disk_refuses_tasks_and_keeps_those_it_has(broker, serve, small_disk):
    topic = broker.topic()
    arguments = ["--web-enable-delivery-api", "--delivery-state", small_disk / "state"]
    gateway = serve(topic, arguments=arguments)
    tasks = Tasks(gateway)
    tasks.create(task("first", topic.name))
    tasks.wait("first")
    large = "d" * 3000
    made = ["first"]
    for number in range(100):
        answer = gateway.session.post(
            gateway.url + Tasks.PATH, json=task(f"t{number}", topic.name, description=large, started=False), timeout=30
        )
        if answer.status_code != 201:
            break
        made.append(f"t{number}")
    else:
        raise AssertionError("the disk was never full")
    # Refused as described, with the reason, and nothing half-made is left.
    assert answer.status_code in (500, 503, 507), answer.text
    assert "space" in answer.json()["error"], answer.text
    assert sorted(tasks.names()) == sorted(made)
    before = tasks.get("first")["definition"]
    bigger = {**task("first", topic.name), "description": large * 5}
    answer = gateway.session.put(f"{gateway.url}{Tasks.PATH}/first", json=bigger, timeout=30)
    assert answer.status_code == 500 and tasks.get("first")["definition"] == before, answer.text
    # What was there works on; the probes do not care about this disk.
    send(gateway, [sample()])
    gateway.wait_samples(1)
    assert gateway.ready()
    gateway.terminate()
    # The successor finds exactly what was promised, and room as soon as something is deleted.
    gateway = serve(topic, arguments=arguments)
    tasks = Tasks(gateway)
    assert sorted(tasks.names()) == sorted(made)
    for name in made[1:]:
        tasks.ask("DELETE", name, expect=204)
    tasks.create(task("again", topic.name, description=large))
