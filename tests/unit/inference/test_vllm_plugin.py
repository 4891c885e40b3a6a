"""A process that vLLM started ends when the one that started it is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from consumer.inference.vllm_plugin import WATCH_VARIABLE, end_with_parent

# A parent that starts one child as vLLM does (spawn); the child calls the plugin, prints its pid and waits.
PROGRAM = """
import multiprocessing, os, sys, time
from consumer.inference.vllm_plugin import end_with_parent
def child():
    end_with_parent()
    print(os.getpid(), flush=True)
    time.sleep(600)
if __name__ == "__main__":
    process = multiprocessing.get_context("spawn").Process(target=child)
    process.start()
    process.join()
"""


def test_vllm_finds_it() -> None:
    (found,) = entry_points(group="vllm.general_plugins", name="video_consumer")
    assert found.load() is end_with_parent


def test_the_child_of_a_killed_parent_ends(tmp_path: Path) -> None:
    program = tmp_path / "parent.py"
    program.write_text(PROGRAM)
    parent = subprocess.Popen(
        [sys.executable, str(program)],
        env={**os.environ, WATCH_VARIABLE: "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    try:
        deadline = time.monotonic() + 20
        while Path(f"/proc/{child}").exists() and _state(child) != "Z":
            assert time.monotonic() < deadline, "the child is still there"
            time.sleep(0.02)
    finally:
        parent.stdout.close()


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "Z"


def test_nothing_is_watched_where_nothing_was_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(*_: object, **__: object) -> None:
        raise AssertionError("a thread was started")

    monkeypatch.setattr(threading, "Thread", start)
    monkeypatch.setenv(WATCH_VARIABLE, "1")
    end_with_parent()
