"""Videos by their addresses: the door of this room."""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

from consumer.errors import ConfigurationError, ErrorCode, PermanentError
from consumer.media.chunk_frames import ChunkFrames
from consumer.media.clock import StreamClock
from consumer.media.decoders import DecoderPool
from consumer.media.file_source import open_file
from consumer.media.frames import FramePlan
from consumer.media.hosts import HostRules
from consumer.media.http_source import HttpStore
from consumer.media.info import MediaInfo
from consumer.media.narrowing import Narrowing
from consumer.media.s3_source import S3Store
from consumer.media.sampled import SampledFrames
from consumer.media.scratch import ScratchSpace
from consumer.media.shared_pixels import shared_pixels
from consumer.media.source import Source, refused
from consumer.media.wire import DecodeRequest, ProbeRequest
from consumer.presets import GPU_DECODERS
from consumer.settings import Settings

__all__ = ["Media", "MediaInfo", "MediaLibrary", "SampledFrames"]

NVIDIA_DEVICE = "/dev/nvidiactl"

SCAN_SHARE = 0.5
"""Share of PROBE_TIMEOUT_SECONDS after which the header's duration is believed rather than more packets read."""


class MediaLibrary:
    """Opens videos; one for a process, used from any thread.

    Nothing may be opened that the settings do not name: see `open`.
    """

    def __init__(self, settings: Settings, s3: S3Store, http: HttpStore, decoders: DecoderPool) -> None:
        self._settings, self._s3, self._http, self._decoders = settings, s3, http, decoders

    @classmethod
    def from_settings(cls, settings: Settings) -> MediaLibrary:
        """Make a library; connects to nothing and starts nothing yet.

        Raises:
            ConfigurationError: the S3 settings do not make a store, or DECODER_DEVICE names a card that is not there.
        """
        scratch = ScratchSpace(settings.max_scratch_bytes)
        http = HttpStore(HostRules(settings.allowed_hosts), scratch, settings.fetch_timeout_seconds)
        return cls(settings, S3Store(settings), http, _decoders(settings))

    def open(self, *, video_url: str | None, video_path: str | None) -> Media:
        """Find a video, fix which bytes are meant, and learn what it is. Blocks, within PROBE_TIMEOUT_SECONDS.

        Args:
            video_url: `s3://bucket/key[?versionId=]` at S3_ENDPOINT, or http(s) at a host that ALLOWED_HOSTS lists.
            video_path: below a directory that ALLOWED_PATHS lists; exactly one of the two.

        Raises:
            PermanentError: SOURCE_REFUSED, SOURCE_NOT_FOUND, SOURCE_FORBIDDEN, SOURCE_TOO_LARGE, SOURCE_CHANGED,
                MEDIA_UNREADABLE, MEDIA_NO_VIDEO, MEDIA_UNSUPPORTED, MEDIA_TOO_LONG, CHUNK_NO_FRAMES (one picture).
            TransientError: SOURCE_UNREACHABLE.
        """
        deadline = time.monotonic() + self._settings.probe_timeout_seconds
        source = self._source(video_url, video_path, deadline)
        try:
            return Media(source, self._settings, self._decoders, deadline)
        except BaseException:
            source.close()
            raise

    def below(self, url: str, most: int) -> list[str]:
        """The addresses of all objects below `s3://bucket/prefix`, at most so many; raises as `open`."""
        return self._s3.addresses(url, most)

    def _source(self, video_url: str | None, video_path: str | None, deadline: float) -> Source:
        limit = self._settings.max_source_bytes
        if (video_url is None) == (video_path is None):
            raise PermanentError(ErrorCode.EVENT_INVALID, "Exactly one of video_url and video_path must be given.")
        if video_path is not None:
            return open_file(video_path, self._settings.allowed_paths, limit)
        address = video_url or ""
        scheme = address.partition("://")[0].lower()
        if scheme == "s3":
            return self._s3.open(address, limit)
        if scheme in ("http", "https"):
            return self._http.open(address, limit, deadline)
        raise refused("video_url must begin with s3://, http:// or https://; files go into video_path.")

    def close(self) -> None:
        """End the decoders and close the connections; videos that are still open cannot be read any more."""
        self._decoders.close()
        self._s3.close()
        self._http.close()


class Media:
    """One video, opened; several threads may decode from it side by side.

    Args:
        deadline: on the monotonic clock, for learning what it is.
    """

    _numbers = itertools.count()

    def __init__(self, source: Source, settings: Settings, decoders: DecoderPool, deadline: float) -> None:
        self._source, self._settings, self._decoders = source, settings, decoders
        self.identity = source.identity
        self._number = next(self._numbers)
        self._lock = threading.Lock()
        self._users, self._closed = 0, False
        request = ProbeRequest(
            video=self._number,
            size=source.size,
            seconds=max(0.0, deadline - time.monotonic()),
            scan_seconds=settings.probe_timeout_seconds * SCAN_SHARE,
        )
        found = decoders.probe(request, source)
        if found.info.duration > settings.max_video_seconds:
            limit = settings.max_video_seconds
            message = f"The video lasts {found.info.duration:g} s, more than MAX_VIDEO_SECONDS ({limit:g})."
            raise PermanentError(ErrorCode.MEDIA_TOO_LONG, message)
        self.info = found.info
        self._clock = StreamClock(found.first, Fraction(*found.time_base), found.by_dts)
        self._frames = ChunkFrames(source, decoders, Narrowing(source, self._clock, found.index))

    @property
    def bytes_read(self) -> int:
        """Bytes fetched from where the video lies, so far."""
        return self._source.bytes_read

    def decode(self, plan: FramePlan) -> SampledFrames:
        """The frames of one chunk. Blocks, within DECODE_TIMEOUT_SECONDS.

        Raises:
            PermanentError: CHUNK_NO_FRAMES, MEDIA_UNREADABLE (too slow, too large, or its decoder crashed),
                SOURCE_CHANGED, SOURCE_NOT_FOUND, SOURCE_FORBIDDEN.
            TransientError: SOURCE_UNREACHABLE.
        """
        begun = time.monotonic()
        request = DecodeRequest(
            video=self._number,
            size=self._source.size,
            seconds=self._settings.decode_timeout_seconds,
            clock=self._clock,
            rotation=self.info.rotation,
            plan=plan,
        )
        with self._in_use(), shared_pixels(plan) as (descriptor, pixels):
            answer, fetch = self._frames.decode(request, descriptor)
        rows = answer.rows
        return SampledFrames(
            pixels=pixels[: len(rows)] if rows == tuple(range(len(rows))) else pixels[list(rows)],
            times=answer.times,
            fetch_seconds=fetch,
            decode_seconds=max(0.0, time.monotonic() - begun - fetch),
            degraded=_lost_note(answer.lost, len(plan.times)),
        )

    def close(self) -> None:
        """Let go of the source; a decode that still runs does so when it ends. May be called again."""
        with self._lock:
            unused = self._users == 0 and not self._closed
            self._closed = True
        self._decoders.forget(self._number)
        if unused:
            self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        with self._lock:
            if self._closed:
                raise ValueError("decode() on a closed Media")
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                last = self._closed and self._users == 0
            if last:
                self._source.close()


def decoder_count(settings: Settings) -> int:
    """How many chunks are decoded side by side."""
    return settings.decoders or (GPU_DECODERS if _on_gpu(settings) else len(os.sched_getaffinity(0)))


def _decoders(settings: Settings) -> DecoderPool:
    count = decoder_count(settings)
    return DecoderPool(keep=count, gpu_threads=count if _on_gpu(settings) else 0)


def _on_gpu(settings: Settings) -> bool:
    there = Path(NVIDIA_DEVICE).exists()
    if settings.decoder_device == "cuda" and not there:
        message = f"DECODER_DEVICE is cuda, but there is no NVIDIA GPU ({NVIDIA_DEVICE}); set it to auto or cpu."
        raise ConfigurationError(message)
    return settings.decoder_device != "cpu" and there


def _lost_note(lost: int, planned: int) -> tuple[str, ...]:
    return (f"{lost} of {planned} frames could not be decoded (damaged or cut off)",) if lost else ()
