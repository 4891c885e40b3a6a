"""The demo as users run it: a process of its own, its output as it comes."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from tests.integration.worker_process import wait_until

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
        for process in self.session():
            # Compilers and the like come and go.
            with contextlib.suppress(psutil.NoSuchProcess):
                if "spawn_main" in " ".join(process.cmdline()):
                    return True
        return False

    def check_nothing_is_left(self) -> None:
        """Neither processes nor files."""
        wait_until(lambda: not self.session(), seconds=20, what="no process of the demo is left")
        assert list(self.directory.iterdir()) == []
