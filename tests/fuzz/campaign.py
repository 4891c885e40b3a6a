"""Many files, several side by side, through one library with real decoder processes; and what must be left: nothing."""

from __future__ import annotations

import functools
import os
import resource
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from structlog.testing import capture_logs

from consumer.media import decoder_handle
from consumer.media.library import Media, MediaLibrary
from consumer.media.wire import MEMORY
from consumer.settings import Settings
from tests.fuzz.corpus import Sample, corpus
from tests.fuzz.mutations import mutated
from tests.fuzz.trial import Outcome, try_out
from tests.media.conftest import open_descriptors
from tests.media.web_server import WebFiles, serving

PROBE_SECONDS, DECODE_SECONDS = 4.0, 4.0
SLACK_SECONDS = 15.0
"""On top of a call's limit: to start a decoder on a busy machine."""

OWN_MEMORY = 2**30
"""Bytes by which this process may grow: the files, the pictures, and a server's copies of the files."""

_WEB_EVERY = 4


@dataclass
class Report:
    """What came of a campaign; `broken` are sentences, none of which may be there."""

    seed: int
    outcomes: Counter[str] = field(default_factory=Counter)
    deaths: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    slowest: float = 0.0
    seconds: float = 0.0
    largest_decoder: int = 0

    def table(self) -> str:
        """The outcomes, most frequent first."""
        rows = [f"{kind:<24} {count:>6}" for kind, count in self.outcomes.most_common()]
        rows += [f"  a decoder ended: {why}" for why in sorted(self.deaths)]
        total = sum(self.outcomes.values())
        rows.append(
            f"{total} files, {self.seconds:.0f} s; slowest call {self.slowest:.1f} s; "
            f"largest decoder {self.largest_decoder / 2**20:.0f} MiB; {len(self.broken)} broken"
        )
        return "\n".join(rows)


class Campaign:
    """One run.

    Args:
        keep: where files that break something are put.
        after: called in the thread of a trial behind each.
    """

    def __init__(self, seed: int, keep: Path, after: Callable[[], None] = lambda: None) -> None:
        self.report = Report(seed)
        self._keep, self._after = keep, after
        self._lock = threading.Lock()

    def run(self, numbers: range, threads: int = 2) -> Report:
        """Try these files out, and look around when all is closed."""
        began, memory = time.monotonic(), _peak_memory()
        before, others = open_descriptors(), _children()
        samples = corpus()
        with _own_scratch() as scratch, _short_grace(), serving(ranges=False) as web, capture_logs([_context]) as logs:
            library = MediaLibrary.from_settings(_settings(scratch.parent, threads))
            with ThreadPoolExecutor(threads) as pool:
                one = functools.partial(self._one, library, samples, web, scratch.parent)
                for _ in pool.map(one, numbers):
                    pass
            self.report.largest_decoder = max((_peak_memory(pid) for pid in _children() - others), default=0)
            library.close()
            self._left_over(scratch, others)
        self._said(logs)
        if left := open_descriptors() - before:
            self.report.broken.append(f"descriptors were left open: {sorted(map(str, left))}")
        if (grown := _peak_memory() - memory) > OWN_MEMORY:
            self.report.broken.append(f"this process grew by {grown >> 20} MiB")
        self.report.seconds = time.monotonic() - began
        return self.report

    def _one(self, library: MediaLibrary, samples: list[Sample], web: WebFiles, directory: Path, number: int) -> None:
        sample = mutated(samples, self.report.seed, number)
        path = directory / f"{number}-{sample.name}"
        with structlog.contextvars.bound_contextvars(number=number):
            try:
                outcome = try_out(functools.partial(_open, library, web, path, sample.data, number), number)
            except Exception as error:  # noqa: BLE001 - to be told with the number of the file
                self._broken(number, sample, f"{type(error).__name__}: {error}")
                return
            finally:
                path.unlink(missing_ok=True)
                web.files.pop(f"/{path.name}", None)
        self._count(outcome)
        if outcome.slowest > max(PROBE_SECONDS, DECODE_SECONDS) + decoder_handle.GRACE_SECONDS + SLACK_SECONDS:
            self._broken(number, sample, f"a call took {outcome.slowest:.1f} s")
        self._after()

    def _count(self, outcome: Outcome) -> None:
        with self._lock:
            self.report.outcomes[outcome.kind] += 1
            self.report.slowest = max(self.report.slowest, outcome.slowest)

    def _broken(self, number: int, sample: Sample, what: str) -> None:
        self._keep.mkdir(parents=True, exist_ok=True)
        kept = self._keep / f"{self.report.seed}-{number}-{sample.name}"
        kept.write_bytes(sample.data)
        with self._lock:
            self.report.outcomes["BROKEN"] += 1
            self.report.broken.append(f"seed {self.report.seed}, number {number} ({kept}): {what}")

    def _said(self, logs: list[structlog.typing.EventDict]) -> None:
        """A decoder that met what was not foreseen says so in the log; one that died is a note."""
        for entry in logs:
            if entry["event"] == "decoder_error":
                last = str(entry["detail"]).strip().splitlines()[-1]
                number = int(entry["number"])
                self._broken(number, mutated(corpus(), self.report.seed, number), f"in the decoder: {last}")
            elif entry["event"] == "decoder_died":
                self.report.deaths.append(f"{entry['reason']} (number {entry['number']})")

    def _left_over(self, scratch: Path, others: set[int]) -> None:
        if files := list(scratch.iterdir()):
            self.report.broken.append(f"files were left in scratch: {files}")
        if children := _children() - others:
            self.report.broken.append(f"decoder processes were left: {children}")
        if self.report.largest_decoder > MEMORY + 2**29:
            self.report.broken.append(f"a decoder took {self.report.largest_decoder >> 20} MiB")


def _open(library: MediaLibrary, web: WebFiles, path: Path, data: bytes, number: int) -> Media:
    """Three of four from disk, the others from a web server that has no ranges, through scratch."""
    if number % _WEB_EVERY:
        path.write_bytes(data)
        return library.open(video_url=None, video_path=str(path))
    web.put(f"/{path.name}", data)
    return library.open(video_url=f"{web.base}/{path.name}", video_path=None)


def _settings(directory: Path, threads: int) -> Settings:
    return Settings.model_validate(
        {
            "allowed_paths": [str(directory)],
            "allowed_hosts": ["127.0.0.1"],
            "probe_timeout_seconds": PROBE_SECONDS,
            "decode_timeout_seconds": DECODE_SECONDS,
            "decoders": threads,
            "decoder_device": "cpu",
        }
    )


@contextmanager
def _own_scratch() -> Iterator[Path]:
    """Temporary files of this process go into an empty directory, and its parent is for the files that are tried."""
    with tempfile.TemporaryDirectory() as directory:
        scratch, before = Path(directory) / "scratch", tempfile.tempdir
        scratch.mkdir()
        tempfile.tempdir = str(scratch)
        try:
            yield scratch
        finally:
            tempfile.tempdir = before


@contextmanager
def _short_grace() -> Iterator[None]:
    before, decoder_handle.GRACE_SECONDS = decoder_handle.GRACE_SECONDS, 1.0
    try:
        yield
    finally:
        decoder_handle.GRACE_SECONDS = before


def _context(logger: object, name: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """The number of the file that the thread is at."""
    return structlog.contextvars.merge_contextvars(logger, name, event)


def _children() -> set[int]:
    """This process's children, those that ended and were not waited for included."""
    found: set[int] = set()
    for task in Path("/proc/self/task").iterdir():
        # A thread may end while this looks at it; whoever it started is then another thread's child.
        with suppress(OSError):
            found |= {int(pid) for pid in (task / "children").read_text().split()}
    return found


def _peak_memory(pid: int | None = None) -> int:
    """Bytes that the process had in memory at its largest."""
    if pid is None:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def default_keep() -> Path:
    """Outside any checkout."""
    return Path(tempfile.gettempdir()) / f"video-consumer-fuzz-{os.getuid()}"
