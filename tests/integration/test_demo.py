"""The demo as users run it: a process of its own, its output as it comes, and nothing left behind however it ends."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.integration.demo_process import SEED, DemoProcess
from tests.integration.worker_process import wait_until

pytestmark = pytest.mark.timeout(600)

# The figure is five; a machine on which much else runs may hold up any process for as long again.
LONGEST_SILENCE = 10.0


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


def test_the_demo_tells_the_truth_and_is_never_silent(run: Callable[..., DemoProcess], tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    demo = run("--seed", SEED, "--seconds", "60", "--report", str(page))
    demo.read()
    assert demo.process.wait() == 0, demo.text
    assert f"from seed {SEED} (--seed {SEED} shows it again)" in demo.text
    assert re.search(r"ready after \d+ s: vLLM's imports took [1-9]\d* s, .* loads? the model, [1-9]\d* s", demo.text)
    assert "enters from the" in page.read_text(encoding="utf-8")
    assert scores(demo.text, "chunks") >= (95.0, 95.0)
    assert scores(demo.text, "whole video") >= (90.0, 90.0)
    assert ", 0 markers wrong" in demo.text
    assert "make services" in demo.lines[-1]
    assert "docker-compose.yml" in demo.lines[-1]
    assert max(demo.silences) < LONGEST_SILENCE, demo.text
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
    assert time.monotonic() - told < 45, demo.text
    assert "Traceback" not in demo.text, demo.text
    demo.check_nothing_is_left()
