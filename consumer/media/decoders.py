"""The decoders of this process: which of them takes a request, and what happens when one does not answer.

On the CPU each is a process of its own: a damaged file can crash, hang or blow up nothing else, and Python's lock is
not shared. On a GPU they are threads of one process, which decode faster than processes do (frames stay on the card,
and only the wanted ones come down); what the card cannot do, the CPU does.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import structlog
from pydantic import TypeAdapter

from consumer.errors import CodedError, ErrorCode, PermanentError
from consumer.media.container import unreadable
from consumer.media.decoder_handle import DeadDecoderError, DecoderHandle, start_decoders
from consumer.media.source import Source, unreachable
from consumer.media.window import OutsideWindowError
from consumer.media.wire import (
    DECODED,
    FAILED,
    OUTSIDE,
    PROBED,
    DecodeAnswer,
    DecodeRequest,
    FailureAnswer,
    ProbeAnswer,
    ProbeRequest,
    Request,
)

_log = structlog.get_logger(__name__)
A = TypeVar("A")

MOST_GPU_FAILURES = 3
"""So many videos may fail on a card that never did any; then it is left alone, for it is not the videos."""

NICE_BESIDE_GPU = 10
"""Decoders on the CPU beside a card give way to whatever hands it its next work."""

_FAILURE = TypeAdapter(FailureAnswer)
_PROBED = TypeAdapter(ProbeAnswer)
_DECODED = TypeAdapter(DecodeAnswer)


class _DecoderError(Exception):
    """The decoder failed, not the source; `error` is what to say of the video."""

    def __init__(self, error: CodedError) -> None:
        super().__init__(error.message)
        self.error = error


class _Group:
    """Decoders of one kind.

    Args:
        keep: so many are kept when they have nothing to do.
        gpu_threads: so many at most, in one process on the GPU; 0: on the CPU, as many as threads ask.
        nice: what is added to the niceness of processes on the CPU.
    """

    def __init__(self, keep: int, gpu_threads: int = 0, nice: int = 0) -> None:
        self._keep, self._gpu_threads, self._nice = keep, gpu_threads, nice
        self.idle: list[DecoderHandle] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._changed = threading.Condition()
        self._closed = False

    def ask(
        self, tag: bytes, answers: TypeAdapter[A], request: Request, source: Source, memory: int | None
    ) -> tuple[A, float]:
        """The answer, and the seconds for which the source was waited for.

        Raises:
            CodedError: the source failed.
            _DecoderError: the decoder failed.
            OutsideWindowError: the decoder needs more of the video's index.
        """
        with self._one(request.video) as decoder:
            message, waited = decoder.ask(request, source, memory)
            try:
                if message.startswith(tag):
                    return answers.validate_json(message[1:]), waited
                if message == OUTSIDE and isinstance(request, DecodeRequest) and request.window is not None:
                    raise OutsideWindowError
                failure = _FAILURE.validate_json(message.removeprefix(FAILED))
                code = ErrorCode(failure.code)
            except ValueError:
                raise DeadDecoderError("it says what cannot be understood") from None
        if failure.bug:
            _log.error("decoder_error", detail=failure.message)
            raise _DecoderError(unreadable("The file makes the decoder fail in a way that was not foreseen."))
        if code is ErrorCode.SOURCE_UNREACHABLE:
            raise _DecoderError(unreachable(failure.message))
        raise _DecoderError(PermanentError(code, failure.message))

    def close(self) -> None:
        """End all that are idle now, and the others when they are done."""
        with self._changed:
            self._closed = True
            idle, self.idle = self.idle, []
            self._changed.notify_all()
        for decoder in idle:
            decoder.kill()

    @contextmanager
    def _one(self, video: int) -> Iterator[DecoderHandle]:
        """A decoder for one request; it is killed unless the request came to its end."""
        decoder, good = self._take(video), False
        try:
            yield decoder
            good = True
        except (CodedError, OutsideWindowError):
            # The source failed; or the decoder has given up what it was doing by itself.
            good = True
            raise
        except DeadDecoderError as error:
            _log.warning("decoder_died", reason=str(error))
            message = f"The decoder of this video ended in the middle of its work: {error}."
            raise _DecoderError(unreadable(message)) from None
        finally:
            self._give_back(decoder, good)

    def _take(self, video: int) -> DecoderHandle:
        """An idle one, best one that has this video's index already, else the longest idle; or a new one."""
        with self._changed:
            while not self._closed:
                for dead in [decoder for decoder in self.idle if decoder.process.poll() is not None]:
                    # Killed from outside while it had nothing to do: no video is to blame.
                    self.idle.remove(dead)
                    dead.kill()
                if self._gpu_threads and (self._process is None or self._process.poll() is not None):
                    self.idle = start_decoders(self._gpu_threads, gpu=True)
                    self._process = self.idle[0].process
                if self.idle:
                    known = next((decoder for decoder in self.idle if video in decoder.knows), self.idle[0])
                    self.idle.remove(known)
                    return known
                if not self._gpu_threads:
                    break
                self._changed.wait()
            if self._closed:
                raise ValueError("decoding with a pool that is closed")
        (decoder,) = start_decoders(1, gpu=False, nice=self._nice)
        return decoder

    def _give_back(self, decoder: DecoderHandle, good: bool) -> None:
        with self._changed:
            useless = [decoder]
            room = decoder.process is self._process if self._gpu_threads else len(self.idle) < self._keep
            if good and not self._closed and room:
                self.idle.append(decoder)
                useless = []
            elif decoder.process is self._process:
                # The others in its process end with it; those in use find that out by themselves.
                useless += self.idle
                self.idle, self._process = [], None
            self._changed.notify_all()
        for one in useless:
            one.kill()


class DecoderPool:
    """Decoders, started when they are needed; used from any thread, each of which has one at most.

    Args:
        keep: so many processes are kept when they have nothing to do.
        gpu_threads: chunks that are decoded side by side on the GPU; 0: none.
    """

    def __init__(self, keep: int, gpu_threads: int = 0) -> None:
        self._cpu = _Group(keep, nice=NICE_BESIDE_GPU if gpu_threads else 0)
        self._gpu = _Group(keep, gpu_threads) if gpu_threads else None
        self._gpu_failures: set[int] = set()
        # Videos that may still fail until it is given up; -1: it has done something, and is never given up.
        self._gpu_tries = MOST_GPU_FAILURES
        self._lock = threading.Lock()

    def probe(self, request: ProbeRequest, source: Source) -> ProbeAnswer:
        """What a video is.

        Raises:
            PermanentError: as `probe` and the source say; MEDIA_UNREADABLE, the decoder crashed.
            TransientError: as the source says.
        """
        try:
            return self._cpu.ask(PROBED, _PROBED, request, source, None)[0]
        except _DecoderError as failure:
            raise failure.error from None

    def decode(self, request: DecodeRequest, source: Source, memory: int) -> tuple[DecodeAnswer, float]:
        """Decode into the memory of that descriptor; also the seconds for which the source was waited for.

        Raises:
            PermanentError: as `decode_chunk` and the source say; MEDIA_UNREADABLE, the decoder crashed.
            TransientError: as the source says.
            OutsideWindowError: the request's window is too small, for a card as well as for the CPU.
        """
        try:
            answer, waited = self._on_gpu(request, source, memory) or self._cpu.ask(
                DECODED, _DECODED, request, source, memory
            )
        except _DecoderError as failure:
            raise failure.error from None
        count = len(request.plan.times)
        if len(answer.rows) != len(answer.times) or not all(0 <= row < count for row in answer.rows):
            raise unreadable("The decoder of this video gave an answer that cannot be.")
        return answer, waited

    def forget(self, video: int) -> None:
        """Nobody will ask for this video again."""
        self._gpu_failures.discard(video)

    def close(self) -> None:
        """End all that are idle now, and the others when they are done."""
        for group in (self._cpu, self._gpu):
            if group is not None:
                group.close()

    def _on_gpu(self, request: DecodeRequest, source: Source, memory: int) -> tuple[DecodeAnswer, float] | None:
        """None: the card has not done it, or not in whole."""
        gpu = self._gpu
        if gpu is None or request.video in self._gpu_failures or self._gpu_tries == 0:
            return None
        try:
            answer, waited = gpu.ask(DECODED, _DECODED, request, source, memory)
        except _DecoderError as failure:
            reason = failure.error.message
            counts = failure.error.code is not ErrorCode.MEDIA_UNSUPPORTED
        else:
            if not answer.lost:
                self._gpu_tries = -1
                return answer, waited
            reason, counts = f"{answer.lost} frames were not decoded", True
        with self._lock:
            # Chunks of one video fail side by side.
            first = request.video not in self._gpu_failures
            self._gpu_failures.add(request.video)
            if first and counts and self._gpu_tries > 0:
                self._gpu_tries -= 1
        if first:
            _log.warning("decoding_on_cpu", video=request.video, reason=reason, from_now_on=self._gpu_tries == 0)
        return None
