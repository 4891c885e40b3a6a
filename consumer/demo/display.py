"""What a person sees while the demo runs: text that stays, and below it a sign of life at least every few seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import IO, Protocol, Self

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

SILENCE_SECONDS = 2.0
"""A line is written when nothing was for so long (without a terminal)."""


class Display(Protocol):
    """Where the demo writes; a context manager. All methods belong to one thread."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def line(self, text: str = "") -> None:
        """Write a line that stays."""
        ...

    def stage(self, text: str) -> None:
        """From now on this is what is being waited for."""
        ...

    def tick(self, detail: str = "") -> None:
        """Still waiting; to be called at least every second. `detail` says how far it is."""
        ...


class PlainDisplay:
    """Lines for a file or a pipe."""

    def __init__(self, stream: IO[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._stage, self._started, self._written = "", clock(), clock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is kept open."""

    def line(self, text: str = "") -> None:
        self._written = self._clock()
        print(text, file=self._stream, flush=True)

    def stage(self, text: str) -> None:
        self._stage, self._started = text, self._clock()
        self.line(f"... {text}")

    def tick(self, detail: str = "") -> None:
        now = self._clock()
        if now - self._written >= SILENCE_SECONDS:
            so_far = f" ({detail})" if detail else ""
            self.line(f"... {self._stage}{so_far}, {now - self._started:.0f} s")


class TerminalDisplay:
    """A spinner with the elapsed time below the lines; it turns by itself, also while nobody calls."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._task = self._progress.add_task("")
        self._stage = ""
        self._open = ExitStack()

    def __enter__(self) -> Self:
        self._open.enter_context(self._progress)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def line(self, text: str = "") -> None:
        self._progress.console.print(text, markup=False, highlight=False)

    def stage(self, text: str) -> None:
        self._stage = text
        self._progress.reset(self._task, description=text)

    def tick(self, detail: str = "") -> None:
        self._progress.update(self._task, description=f"{self._stage} ({detail})" if detail else self._stage)


def display(stream: IO[str]) -> Display:
    """The display for a stream: a spinner where it is a terminal, else lines."""
    console = Console(file=stream)
    return TerminalDisplay(console) if console.is_terminal else PlainDisplay(stream)
