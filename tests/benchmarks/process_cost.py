"""What a process has cost so far, as the operating system counts it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PEAK_INTERVAL = 0.01
"""Seconds between two looks at memory that is taken and let go within a tenth of one."""


def cpu_seconds(pid: int) -> float:
    """User and system time of the process, all threads, children not included."""
    fields = _fields(Path(f"/proc/{pid}"))
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def all_cpu_seconds() -> float:
    """User and system time of this process and of the children that it has now."""
    return sum(cpu_seconds(pid) for pid in family(os.getpid()))


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


def family(pid: int) -> list[int]:
    """The process and its children."""
    found = [pid]
    for thread in Path(f"/proc/{pid}/task").iterdir():
        # A thread may end while this looks at it; whoever it started is then another thread's child.
        with suppress(OSError):
            found += map(int, (thread / "children").read_text(encoding="ascii").split())
    return found


def proportional_mib(pids: Iterable[int]) -> int:
    """Memory of processes that share some; a process that is gone has none.

    Shared memory counts whole, from when it is mapped: what a process has not yet looked at is in no one's share.
    """
    kilobytes, shared = 0, dict[str, int]()
    for pid in pids:
        with suppress(OSError):
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
            sizes = {line.split()[0]: int(line.split()[1]) for line in rollup.splitlines()[1:]}
            kilobytes += sizes["Pss:"] - sizes["Pss_Shmem:"]
            for line in Path(f"/proc/{pid}/maps").read_text(encoding="utf-8").splitlines():
                if "/memfd:" in line:
                    span, _, _, _, inode = line.split()[:5]
                    start, end = (int(one, 16) for one in span.split("-"))
                    shared[inode] = (end - start) // 1024
    return (kilobytes + sum(shared.values())) // 1024


@contextmanager
def memory_peaks(pid: int) -> Iterator[list[int]]:
    """The one item is the most that the process and its children have had together so far, MiB."""
    peaks, over = [proportional_mib(family(pid))], threading.Event()

    def watch() -> None:
        while not over.wait(PEAK_INTERVAL):
            peaks[0] = max(peaks[0], proportional_mib(family(pid)))

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield peaks
    finally:
        over.set()
        watching.join()


def _fields(directory: Path) -> list[str]:
    """What /proc tells of a process, from its state on; the name before it, in parentheses, may hold spaces."""
    return (directory / "stat").read_text(encoding="ascii").rpartition(")")[2].split()
