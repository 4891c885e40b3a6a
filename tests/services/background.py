"""Keeps the stack running for a person, detached from the terminal, until it is told to stop."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.services.errors import ServicesError
from tests.services.stack import running_stack
from tests.services.tools import tell

START_SECONDS = 180.0
STOP_SECONDS = 30.0
EVERY_SECONDS = 0.1
LOOKS = 5


@dataclass(frozen=True)
class Background:
    """The stack of one directory, which holds `env` (the settings, for a shell), `log`, and `lock`.

    Whoever holds the lock is the running process; its id stands in the file. The kernel gives the lock back when that
    process ends, so a crash leaves nothing that must be cleaned up by hand.
    """

    directory: Path

    @property
    def environment_file(self) -> Path:
        return self.directory / "env"

    @property
    def _log(self) -> Path:
        return self.directory / "log"

    def start(self) -> str:
        """The text of `env`; starts the stack if it does not run yet.

        Raises:
            ServicesError: it does not start; its own sentence.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        process = None
        deadline = time.monotonic() + START_SECONDS
        while True:
            if self._holder() is not None and self.environment_file.exists():
                return self.environment_file.read_text(encoding="utf-8")
            if process is None:
                tell("Starting Kafka, MinIO and Prometheus ...")
                process = self._launch()
            elif process.poll() is not None and self._holder() is None:
                raise ServicesError(self._log.read_text(encoding="utf-8").strip())
            if time.monotonic() > deadline:
                raise ServicesError(f"The services did not start within {START_SECONDS:.0f} s; see {self._log}.")
            time.sleep(EVERY_SECONDS)

    def stop(self) -> bool:
        """End it; False if nothing ran.

        Raises:
            ServicesError: it does not end.
        """
        holder = self._holder()
        if holder is None:
            return False
        deadline = time.monotonic() + STOP_SECONDS
        os.kill(holder, signal.SIGTERM)
        while self._holder() == holder:
            if time.monotonic() > deadline:
                raise ServicesError(f"The process {holder} does not end; kill it, and its services end with it.")
            time.sleep(EVERY_SECONDS)
        return True

    def serve(self) -> None:
        """Run the stack in this process until SIGTERM or SIGINT; returns at once if another process does already.

        Raises:
            ServicesError: a server cannot be had.
        """
        with contextlib.ExitStack() as stack:
            if not stack.enter_context(self._lock()):
                return
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, _leave)
            settings = stack.enter_context(running_stack())
            stack.callback(self.environment_file.unlink, missing_ok=True)
            self._write(settings)
            while True:
                signal.pause()

    def _launch(self) -> subprocess.Popen[bytes]:
        self.environment_file.unlink(missing_ok=True)
        command = [sys.executable, "-m", "tests.services", "serve", "--directory", str(self.directory)]
        with self._log.open("wb") as log:
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd=Path.cwd()
            )

    def _write(self, settings: dict[str, str]) -> None:
        """Whole at once, and for nobody else: it holds the store's secret."""
        written = self.directory / "env.new"
        written.touch(mode=0o600)
        written.write_text("".join(f"export {name}={value}\n" for name, value in settings.items()), encoding="utf-8")
        written.replace(self.environment_file)

    @contextlib.contextmanager
    def _lock(self) -> Iterator[bool]:
        with (self.directory / "lock").open("a+") as file:
            if not _locked(file):
                yield False
                return
            file.truncate(0)
            file.write(f"{os.getpid()}\n")
            file.flush()
            yield True

    def _holder(self) -> int | None:
        """The running process."""
        try:
            with (self.directory / "lock").open("r") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return None
        except BlockingIOError:
            with contextlib.suppress(ValueError):
                return int((self.directory / "lock").read_text(encoding="utf-8"))
        return None


def _locked(file: IO[str]) -> bool:
    """Take the lock; whoever only looks (`_holder`) has it for a moment, so one refusal says nothing."""
    for _ in range(LOOKS):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(EVERY_SECONDS)
    return False


def _leave(number: int, _: object) -> None:
    # A second one must not interrupt the tidying up.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise SystemExit(0)
