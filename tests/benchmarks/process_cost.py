"""What a process has cost so far, as the operating system counts it."""

from __future__ import annotations

import os
from pathlib import Path


def cpu_seconds(pid: int) -> float:
    """User and system time of the process, all threads, children not included."""
    # The name in parentheses may hold spaces; user and system time are the 14th and 15th field.
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def thread_seconds(pid: int, thread: int) -> float:
    """User and system time of one thread, by its native id."""
    nanoseconds = Path(f"/proc/{pid}/task/{thread}/schedstat").read_text(encoding="ascii").split()[0]
    return int(nanoseconds) / 1e9


def resident_mib(pid: int) -> int:
    """Resident memory, MiB."""
    return _status(pid, "VmRSS") // 1024


def threads(pid: int) -> int:
    """How many threads it has now."""
    return _status(pid, "Threads")


def _status(pid: int, name: str) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    (line,) = [line for line in status.splitlines() if line.startswith(f"{name}:")]
    return int(line.split()[1])
