"""Uploads several files at once, with a bar each and one for all on a terminal."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from consumer.client.store import Bucket
from consumer.client.uploading import Step, Uploaded, upload
from consumer.errors import VideoConsumerError

AT_ONCE = 4
_SHOWN_NAME = 40


class StoppedError(VideoConsumerError):
    """The upload was given up, because another failed or the user wants no more of it."""


@dataclass(slots=True)
class Uploads:
    """Files on their way into the bucket; the same path is sent once, however often it is asked for."""

    bucket: Bucket
    pool: ThreadPoolExecutor
    progress: Progress
    stop: threading.Event = field(default_factory=threading.Event)
    _futures: dict[Path, Future[Uploaded]] = field(default_factory=dict)

    def start(self, paths: Iterable[Path]) -> None:
        """Have these uploaded in their order, AT_ONCE at a time."""
        for path in dict.fromkeys(paths):
            self._futures[path] = self.pool.submit(self._upload, path)

    def address(self, path: Path) -> str:
        """The s3:// address of one of these files, once it is there; raises what `upload` raises."""
        return self._futures[path].result().url

    @property
    def skipped(self) -> int:
        """How many of the files that are there were there before."""
        return sum(one.result().skipped for one in self._futures.values() if one.done() and not one.exception())

    def _upload(self, path: Path) -> Uploaded:
        size = path.stat().st_size if path.exists() else 0
        name = escape(path.name if len(path.name) <= _SHOWN_NAME else f"{path.name[: _SHOWN_NAME - 1]}…")
        task = self.progress.add_task(f"Reading {name}", total=size)
        sending = False

        def told(step: Step, count: int) -> None:
            nonlocal sending
            if self.stop.is_set():
                raise StoppedError(f"The upload of {path} was given up.")
            if step == "sent" and not sending:
                sending = True
                self.progress.reset(task, description=f"Uploading {name}", total=size)
            self.progress.advance(task, count)

        try:
            return upload(self.bucket, path, told)
        finally:
            self.progress.remove_task(task)


@contextmanager
def uploads(bucket: Bucket, console: Console) -> Iterator[Uploads]:
    """Uploads that end with the block: those that run are given up where it ends early."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    shown = console.is_terminal and not console.is_dumb_terminal
    pool = ThreadPoolExecutor(AT_ONCE, "upload")
    # Ids go to stdout meanwhile, which may be a pipe.
    with Progress(*columns, console=console, transient=True, disable=not shown, redirect_stdout=False) as progress:
        one = Uploads(bucket, pool, progress)
        try:
            yield one
        finally:
            one.stop.set()
            pool.shutdown(cancel_futures=True)
