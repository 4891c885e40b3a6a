"""The decoder processes of this process: who is free, what each is asked, and what happens when one does not answer."""

from __future__ import annotations

import os
import pickle
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import TypeVar

import structlog
from pydantic import TypeAdapter

from consumer.errors import CodedError, ErrorCode, PermanentError
from consumer.media.container import unreadable
from consumer.media.source import Source, unreachable
from consumer.media.wire import (
    DATA,
    DECODED,
    FAILED,
    MEMORY,
    NO_DATA,
    OUT_OF_MEMORY,
    PROBED,
    RANGE,
    READ,
    DecodeAnswer,
    DecodeRequest,
    FailureAnswer,
    ProbeAnswer,
    ProbeRequest,
    Request,
)

_log = structlog.get_logger(__name__)
A = TypeVar("A")

GRACE_SECONDS = 2.0
"""A decoder keeps to its time limit by itself; so much later it is killed."""

PATIENCE_SECONDS = 10.0
"""For a message that has begun."""

LONGEST_ANSWER = 2**20
LONGEST_READ = 16 * 2**20
ENVIRONMENT = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TZ")
"""All that a decoder gets of this process's environment; there are secrets in the rest."""

_FAILURE = TypeAdapter(FailureAnswer)
_PROBED = TypeAdapter(ProbeAnswer)
_DECODED = TypeAdapter(DecodeAnswer)


class _DeadError(Exception):
    """The decoder is of no use any more; says what happened to it."""


class _Decoder:
    """One decoder process, for one thread at a time."""

    def __init__(self) -> None:
        self._channel, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", "consumer.media.decoder_process", str(theirs.fileno())]
            environment = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
            self._process = subprocess.Popen(
                command, pass_fds=[theirs.fileno()], env=environment, stdin=subprocess.DEVNULL, start_new_session=True
            )
        # A message that was begun is a matter of microseconds, unless the decoder hangs.
        patience = struct.pack("ll", int(PATIENCE_SECONDS), int(PATIENCE_SECONDS % 1 * 1e6))
        for direction in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
            self._channel.setsockopt(socket.SOL_SOCKET, direction, patience)
        self._connection = Connection(os.dup(self._channel.fileno()))
        self.knows: set[int] = set()

    def ask(self, request: Request, source: Source, memory: int | None) -> tuple[bytes, float]:
        """Its answer, and the seconds for which it waited for the source.

        Raises:
            CodedError: the source failed.
            _DeadError: it crashed, it hangs, or it says what cannot be.
        """
        deadline = time.monotonic() + request.seconds + GRACE_SECONDS
        waited, failure = 0.0, None
        try:
            self._connection.send_bytes(pickle.dumps(request))
            if memory is not None:
                socket.send_fds(self._channel, [b"\0"], [memory])
            while True:
                if not self._connection.poll(max(0.0, deadline - time.monotonic())):
                    raise _DeadError("it does not answer")
                message = self._connection.recv_bytes(LONGEST_ANSWER)
                if not message.startswith(READ):
                    break
                began = time.monotonic()
                failure = self._hand_over(source, message[1:])
                waited += time.monotonic() - began
        except BlockingIOError:
            raise _DeadError("it does not answer") from None
        except (EOFError, OSError):
            raise _DeadError(self._end()) from None
        if failure is not None:
            raise failure
        self.knows.add(request.video)
        return message, waited

    def _hand_over(self, source: Source, wanted: bytes) -> CodedError | None:
        """Send the bytes that it wants, or word that there are none, because of the error that is returned."""
        if len(wanted) != RANGE.size:
            raise _DeadError("it asks for what is no range")
        offset, length = RANGE.unpack(wanted)
        if length > LONGEST_READ:
            raise _DeadError(f"it asks for {length} bytes at once")
        try:
            data = source.read_at(offset, length)
        except CodedError as error:
            self._connection.send_bytes(NO_DATA)
            return error
        self._connection.send_bytes(DATA + data)
        return None

    def _end(self) -> str:
        """How the process ended that has closed its connection."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE_SECONDS)
        code = self._process.returncode
        if code == OUT_OF_MEMORY:
            return f"it needed more memory than a decoder may have ({MEMORY >> 30} GiB)"
        return "it closed its connection" if code is None else f"it ended with {code}"

    def kill(self) -> None:
        """Be rid of it, whatever it does."""
        self._process.kill()
        self._process.wait()
        self._connection.close()
        self._channel.close()


class DecoderPool:
    """Decoder processes, started when they are needed; used from any thread, each of which has one at most.

    Args:
        keep: so many are kept when they have nothing to do.
    """

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._idle: list[_Decoder] = []
        self._lock = threading.Lock()
        self._closed = False

    def probe(self, request: ProbeRequest, source: Source) -> ProbeAnswer:
        """What a video is.

        Raises:
            PermanentError: as `probe` and the source say; MEDIA_UNREADABLE, the decoder crashed.
            TransientError: as the source says.
        """
        return self._ask(PROBED, _PROBED, request, source, None)[0]

    def decode(self, request: DecodeRequest, source: Source, memory: int) -> tuple[DecodeAnswer, float]:
        """Decode into the memory of that descriptor; also the seconds for which the source was waited for.

        Raises:
            PermanentError: as `decode_chunk` and the source say; MEDIA_UNREADABLE, the decoder crashed.
            TransientError: as the source says.
        """
        answer, waited = self._ask(DECODED, _DECODED, request, source, memory)
        count = len(request.plan.times)
        if len(answer.rows) != len(answer.times) or not all(0 <= row < count for row in answer.rows):
            raise unreadable("The decoder of this video gave an answer that cannot be.")
        return answer, waited

    def close(self) -> None:
        """End all that are idle now, and the others when they are done."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for decoder in idle:
            decoder.kill()

    def _ask(
        self, tag: bytes, answers: TypeAdapter[A], request: Request, source: Source, memory: int | None
    ) -> tuple[A, float]:
        with self._one(request.video) as decoder:
            message, waited = decoder.ask(request, source, memory)
            try:
                if message.startswith(tag):
                    return answers.validate_json(message[1:]), waited
                failure = _FAILURE.validate_json(message.removeprefix(FAILED))
                code = ErrorCode(failure.code)
            except ValueError:
                raise _DeadError("it says what cannot be understood") from None
        if failure.bug:
            _log.error("decoder_error", detail=failure.message)
            raise unreadable("The file makes the decoder fail in a way that was not foreseen.")
        if code is ErrorCode.SOURCE_UNREACHABLE:
            raise unreachable(failure.message)
        raise PermanentError(code, failure.message)

    @contextmanager
    def _one(self, video: int) -> Iterator[_Decoder]:
        """A decoder for one request; it is killed unless the request came to its end."""
        decoder, good = self._take(video), False
        try:
            yield decoder
            good = True
        except CodedError:
            # The source failed; the decoder has given up what it was doing.
            good = True
            raise
        except _DeadError as error:
            _log.warning("decoder_died", reason=str(error))
            raise unreadable(f"The decoder of this video ended in the middle of its work: {error}.") from None
        finally:
            self._give_back(decoder, good)

    def _take(self, video: int) -> _Decoder:
        """An idle one, best one that has this video's index already, or a new one."""
        with self._lock:
            if self._closed:
                raise ValueError("decoding with a pool that is closed")
            if self._idle:
                known = next((decoder for decoder in self._idle if video in decoder.knows), self._idle[-1])
                self._idle.remove(known)
                return known
        return _Decoder()

    def _give_back(self, decoder: _Decoder, good: bool) -> None:
        with self._lock:
            keep = good and not self._closed and len(self._idle) < self._keep
            if keep:
                self._idle.append(decoder)
        if not keep:
            decoder.kill()
