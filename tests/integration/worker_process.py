"""A consumer as its users run it: `video-consumer run` in a process of its own, watched through its HTTP port."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

KEPT = ("PATH", "PYTHONPATH", "HOME", "TMPDIR", "XDG_CACHE_HOME")
"""Of this process's environment: what a worker needs to be found, with the same sources, and to find its files."""


def wait_until(condition: Callable[[], Any], *, seconds: float, what: str, every: float = 0.05) -> Any:
    """The first truthy value of `condition`; fails with `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(every)
    raise AssertionError(f"not within {seconds} s: {what}")


class WorkerProcess:
    """`video-consumer run`, or `command` instead of it, with these environment settings; its log goes to `log`."""

    def __init__(self, environment: Mapping[str, str], log: Path, command: Sequence[str] = ()) -> None:
        self.log = log
        keep = {key: value for key, value in os.environ.items() if key in KEPT}
        self._file = log.open("ab")
        self.process = subprocess.Popen(
            list(command) or [str(Path(sys.executable).with_name("video-consumer")), "run"],
            env={**keep, "HTTP_PORT": "0", "HTTP_HOST": "127.0.0.1", **environment},
            stdout=self._file,
            stderr=self._file,
            cwd=log.parent,
        )

    def records(self) -> list[dict[str, Any]]:
        """The log's lines that are JSON."""
        found = []
        for line in self.log.read_text(encoding="utf-8", errors="replace").splitlines():
            with contextlib.suppress(ValueError):
                record = json.loads(line)
                if isinstance(record, dict):
                    found.append(record)
        return found

    @property
    def port(self) -> int:
        """The HTTP port that the process took."""
        found = [record["port"] for record in self.records() if record.get("event") == "probes_listening"]
        return int(found[-1])

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of an HTTP request to the process; status 0 while nobody listens."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except (OSError, IndexError):
            return 0, ""

    def metric(self, name: str, **labels: str) -> float:
        """The value of one sample of /metrics (0 when it is not there)."""
        wanted = ",".join(f'{key}="{value}"' for key, value in labels.items())
        pattern = re.compile(rf"^video_consumer_{name}(?:\{{{re.escape(wanted)}\}})? (\S+)$", re.MULTILINE)
        found = pattern.search(self.get("/metrics")[1])
        return float(found.group(1)) if found else 0.0

    def wait_ready(self, seconds: float = 60.0) -> WorkerProcess:
        """Until /readyz says so."""

        def ready() -> bool:
            assert self.process.poll() is None, f"the worker ended: {self.log.read_text()[-4000:]}"
            return self.get("/readyz")[0] == 200

        wait_until(ready, seconds=seconds, what="the worker is ready", every=0.1)
        return self

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self, seconds: float = 60.0) -> int:
        """The exit code."""
        code = self.process.wait(seconds)
        self._file.close()
        return code

    def kill(self) -> None:
        """SIGKILL, if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
        self.wait()


@contextlib.contextmanager
def worker_process(environment: Mapping[str, str], log: Path, command: Sequence[str] = ()) -> Iterator[WorkerProcess]:
    """A worker, or `command` instead of it, that is killed at the end, whatever happens."""
    worker = WorkerProcess(environment, log, command)
    try:
        yield worker
    finally:
        worker.kill()
