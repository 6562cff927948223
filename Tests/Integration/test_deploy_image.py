"""The program in a Debian with nothing but the packages that the image has."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import requests

from harness.gateway import environment, listening_address
from harness.processes import Process
from harness.programs import run, succeed
from harness.waiting import eventually
from test_deploy import DEPLOY, installed_packages

NOBODY = "65534:65534"


def swift_runtime(binary):
    """Libraries of the Swift toolchain that this build needs; the image's has them linked in."""
    found = re.findall(r"=> (/\S+)", succeed("ldd", binary))
    return [Path(path) for path in found if "/swift/" in path]


@pytest.fixture(scope="module")
def debian(binary, tmp_path_factory):
    """A folder with Debian 12's smallest variant, the image's packages and the program, as the Dockerfile lays it out."""
    if shutil.which("debootstrap") is None or run("id", "-u") != ("0\n", 0):
        pytest.fail("this needs debootstrap and root")
    folder = tmp_path_factory.mktemp("debian")
    _, packages = installed_packages()
    # Debian itself, as apt knows it here: neither its security updates nor what others publish.
    mirror = re.search(r"(https?://\S+/debian)/?\s", "\n".join(path.read_text() for path in sources())).group(1)
    log = folder / "log"
    with open(log, "w") as output:
        done = subprocess.run(
            ["debootstrap", "--variant=minbase", f"--include={','.join(packages)}", "bookworm", folder / "root", mirror],
            stdout=output, stderr=subprocess.STDOUT, timeout=900, check=False,
        )  # fmt: skip
    assert done.returncode == 0, log.read_text()[-3000:]
    root = folder / "root"
    shutil.copy(binary, root / "usr/local/bin/promring")
    shutil.copy(DEPLOY / "docker" / "healthcheck", root / "usr/local/bin/promring-healthcheck")
    for library in swift_runtime(binary):
        place = root / library.relative_to("/").parent
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, place)
    yield root
    shutil.rmtree(folder)


def sources():
    """Where apt looks for Debian itself."""
    folder = Path("/etc/apt")
    return [path for path in [folder / "sources.list", *sorted(folder.glob("sources.list.d/*"))] if path.is_file()]


def inside(root, *command):
    """The command in that Debian, with a /proc as containers have one: Swift takes a program's arguments from there."""
    mounted = 'mount -t proc proc "$0/proc" && exec chroot --userspec="$1" "$0" "${@:2}"'
    return ["unshare", "--mount", "bash", "-c", mounted, root, NOBODY, *command]


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_the_program_runs_with_the_image_s_packages(debian, tmp_path, broker, binary):
    topic = broker.topic()
    assert succeed(*inside(debian, "promring", "--version")).startswith("promring ")
    arguments = ["serve", "--kafka-brokers", broker.bootstrap, "--kafka-topic", topic.name]
    process = Process(
        inside(debian, "promring", *arguments, "--web-listen-address", "127.0.0.1:0"),
        output=tmp_path / "promring.log",
        environment=environment(),
    )
    try:
        address = eventually(lambda: listening_address(process.text()), "the line that says where it listens")
        assert requests.get(f"http://{address}/-/healthy", timeout=5).status_code == 200
        eventually(lambda: requests.get(f"http://{address}/-/ready", timeout=5).status_code == 200, "/-/ready")
        variables = environment(PROMRING_WEB_LISTEN_ADDRESS=address)
        assert run(*inside(debian, "promring-healthcheck", "/-/ready"), env=variables) == ("", 0)
        assert run(*inside(debian, "promring-healthcheck", "/no/such/path"), env=variables)[1] == 1
    finally:
        process.stop()
