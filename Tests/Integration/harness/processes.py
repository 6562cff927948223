"""Processes that tests start and that never outlive them."""

import ctypes
import os
import signal
import socket
import subprocess

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def free_port():
    """A loopback port that nobody listens on at the moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def accepts_connections(port):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _die_with_parent():
    # A killed pytest runs no fixture's end; the kernel then ends what it started.
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # Shells have background jobs, and all that these start, ignore it.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Process:
    """One started program: its output goes to a file, and it is ended by its process id, nothing else."""

    def __init__(self, command, output, environment=None, cwd=None):
        self.command = [str(word) for word in command]
        self.output = output
        self._file = open(output, "ab")
        self._process = subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=self._file,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=cwd,
            preexec_fn=_die_with_parent,
        )

    @property
    def pid(self):
        return self._process.pid

    @property
    def exit_code(self):
        """The exit code, `None` while the process runs, negative for a signal."""
        return self._process.poll()

    @property
    def running(self):
        return self.exit_code is None

    def text(self):
        """Everything the process has printed so far."""
        with open(self.output, encoding="utf-8", errors="replace") as file:
            return file.read()

    def signal(self, number):
        if self.running:
            os.kill(self.pid, number)

    def wait(self, timeout):
        """The exit code; fails when the process still runs after `timeout` seconds."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.command[0]} (process {self.pid}) still runs after {timeout:g} s") from None

    def kill(self):
        self.signal(signal.SIGKILL)
        self._process.wait()
        self._file.close()

    def stop(self, timeout=10):
        """Asks politely, then kills; for the end of a fixture, where how it ends is nobody's business."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            pass
        self.kill()
