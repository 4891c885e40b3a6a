"""Child processes and their temporary directory, which end with this process, even if that is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

GUARDIAN = Path(__file__).with_name("guardian.py")
STOP_SECONDS = 20.0


class Child:
    """A running service; its output goes to `log`."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.log = log
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """SIGKILL, as a crash would be."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """SIGTERM; SIGKILL if that is not enough."""
        self._process.send_signal(signal.SIGCONT)
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def pause(self) -> None:
        """SIGSTOP: its connections stay, nothing answers."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def last_words(self) -> str:
        """The end of its output."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-3000:].strip()


class Sandbox:
    """Starts services in a directory of their own; `close` ends all of them and removes it.

    A guardian process waits at the end of a pipe from this one. The services join its process group before they run,
    so that whatever ends this process (SIGKILL included) ends them, and there is no moment in which one can be lost.
    Ctrl-C in a terminal does not reach that group: this process decides when they end.
    """

    def __init__(self, name: str) -> None:
        self._children: list[Child] = []
        self._guardian = subprocess.Popen(
            [sys.executable, "-I", "-S", str(GUARDIAN), f"video-consumer-{name}-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            process_group=0,
        )
        assert self._guardian.stdout is not None
        self.directory = Path(self._guardian.stdout.readline().decode().strip())

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> Child:
        """Start a process in the directory, with nothing but this environment; its log grows over several starts."""
        log = self.directory / f"{name}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                command,
                cwd=self.directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=self._guardian.pid,
            )
        child = Child(process, log)
        self._children.append(child)
        return child

    def close(self) -> None:
        """Returns when nothing is left."""
        assert self._guardian.stdin is not None
        assert self._guardian.stdout is not None
        for child in self._children:
            child.kill()
        self._guardian.stdin.close()
        self._guardian.stdout.read()
        self._guardian.stdout.close()
        self._guardian.wait()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
