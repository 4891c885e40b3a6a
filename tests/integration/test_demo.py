"""The demo as users run it: a process of its own, its output as it comes, and nothing left behind however it ends."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest

from tests.integration.worker_process import wait_until

pytestmark = pytest.mark.timeout(600)

LONGEST_SILENCE = 5.0
LIMIT_SECONDS = 180.0
SEED = "7"


class DemoProcess:
    """`video-consumer demo` in a session of its own, with nothing of this process's environment but PATH and HOME."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self.directory = directory
        environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [str(Path(sys.executable).with_name("video-consumer")), "demo", *arguments],
            env=environment | {"TMPDIR": str(directory)},
            cwd=directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []
        self.silences: list[float] = []

    def read(self, until: Callable[[str], bool] = lambda _: False) -> None:
        """Take in lines, and how long each was waited for, until one is the wanted one or the output ends."""
        assert self.process.stdout is not None
        last = self.started
        for line in self.process.stdout:
            now = time.monotonic()
            self.silences.append(now - last)
            last = now
            self.lines.append(line.rstrip("\n"))
            if until(line):
                return
        self.silences.append(time.monotonic() - last)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def session(self) -> list[psutil.Process]:
        """All processes of its session that still run, itself included."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, ProcessLookupError, PermissionError):
                if os.getsid(process.pid) == self.process.pid and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def has_engine(self) -> bool:
        """Whether vLLM's engine process was started."""
        return any("spawn_main" in " ".join(process.cmdline()) for process in self.session())

    def check_nothing_is_left(self) -> None:
        """Neither processes nor files."""
        wait_until(lambda: not self.session(), seconds=20, what="no process of the demo is left")
        assert list(self.directory.iterdir()) == []


@pytest.fixture
def run() -> Iterator[Callable[..., DemoProcess]]:
    running: list[DemoProcess] = []
    # Not pytest's directory: its path is too long for a socket.
    directory = TemporaryDirectory(prefix="demo-test-")

    def start(*arguments: str) -> DemoProcess:
        running.append(DemoProcess(Path(directory.name), *arguments))
        return running[-1]

    yield start
    for demo in running:
        for process in demo.session():
            process.kill()
        demo.process.wait()
        assert demo.process.stdout is not None
        demo.process.stdout.close()
    directory.cleanup()


def scores(text: str, what: str) -> tuple[float, float]:
    """Recall and precision in percent, from the line about `what`."""
    found = re.search(rf"{what} against the script: +recall ([\d.]+)% .* precision ([\d.]+)%", text)
    assert found is not None, text
    return float(found[1]), float(found[2])


def test_the_demo_tells_the_truth_in_time_and_is_never_silent(run: Callable[..., DemoProcess]) -> None:
    demo = run("--seed", SEED)
    demo.read()
    assert demo.process.wait() == 0, demo.text
    seconds = time.monotonic() - demo.started
    assert scores(demo.text, "chunks") >= (95.0, 95.0)
    assert scores(demo.text, "whole video") >= (90.0, 90.0)
    assert ", 0 markers wrong" in demo.text
    assert "make services" in demo.lines[-1]
    assert "docker-compose.yml" in demo.lines[-1]
    assert max(demo.silences) < LONGEST_SILENCE, demo.text
    assert seconds < LIMIT_SECONDS
    assert not re.search(r"Traceback|WARNING|Error", demo.text)
    demo.check_nothing_is_left()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 128 + signal.SIGTERM)], ids=["ctrl-c", "sigterm"]
)
def test_the_demo_can_be_broken_off(run: Callable[..., DemoProcess], number: signal.Signals, code: int) -> None:
    demo = run("--seed", SEED)
    demo.read(until=lambda line: "starting vLLM" in line)
    if number is signal.SIGTERM:
        # At the worst moment: vLLM's process loads the model and looks at no signal.
        wait_until(demo.has_engine, seconds=120, what="vLLM's process is there")
    told = time.monotonic()
    demo.process.send_signal(number)
    demo.read()
    assert demo.process.wait() == code, demo.text
    assert time.monotonic() - told < 45
    assert "Traceback" not in demo.text
    demo.check_nothing_is_left()
