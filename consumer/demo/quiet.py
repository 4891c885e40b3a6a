"""Keeps what libraries and their processes write to stderr out of the demo, and shows it when something fails."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

SHOWN_LINES = 40
_STDERR = 2


class QuietStderr:
    """A context manager: inside it, file descriptor 2 of this process and of its children leads to a file.

    When an exception leaves it, the file's last lines are written to the real stderr. The interpreter's `sys.stderr`
    goes along, where it is that descriptor.

    Args:
        path: the file; its directory exists.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept = -1

    def __enter__(self) -> Self:
        sys.stderr.flush()
        self._kept = os.dup(_STDERR)
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(file, _STDERR)
        os.close(file)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sys.stderr.flush()
        os.dup2(self._kept, _STDERR)
        os.close(self._kept)
        if isinstance(error, Exception):
            self._show()

    def _show(self) -> None:
        lines = self._path.read_text(encoding="utf-8", errors="replace").splitlines()
        sys.stderr.writelines(f"{line}\n" for line in lines[-SHOWN_LINES:])
