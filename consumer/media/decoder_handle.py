"""This process's side of one decoder: its process, its connection, and how long an answer is waited for."""

from __future__ import annotations

import os
import pickle
import socket
import struct
import subprocess
import sys
import time
from collections import deque
from contextlib import suppress
from multiprocessing.connection import Connection

from consumer.errors import CodedError
from consumer.media.source import Source
from consumer.media.wire import DATA, MEMORY, NO_DATA, OUT_OF_MEMORY, RANGE, READ, Request, kept_open

GRACE_SECONDS = 2.0
"""A decoder keeps to its time limit by itself; so much later it is killed."""

PATIENCE_SECONDS = 10.0
"""For a message that has begun."""

LONGEST_ANSWER = 2**20
LONGEST_READ = 16 * 2**20

ENVIRONMENT = (
    *("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TZ"),
    # Where a card's processes share it (MPS), this one has to be with the engine: else they take turns.
    *("CUDA_VISIBLE_DEVICES", "CUDA_MPS_PIPE_DIRECTORY"),
)
"""All that a decoder gets of this process's environment; there are secrets in the rest."""


class DeadDecoderError(Exception):
    """The decoder is of no use any more; says what happened to it."""


class DecoderHandle:
    """One decoder, for one thread at a time.

    Args:
        keeps: videos of which it has the index.
    """

    def __init__(self, process: subprocess.Popen[bytes], channel: socket.socket, keeps: int) -> None:
        self.process, self._channel = process, channel
        # A message that was begun is a matter of microseconds, unless the decoder hangs.
        patience = struct.pack("ll", int(PATIENCE_SECONDS), int(PATIENCE_SECONDS % 1 * 1e6))
        for direction in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
            channel.setsockopt(socket.SOL_SOCKET, direction, patience)
        self._connection = Connection(os.dup(channel.fileno()))
        self.knows: deque[int] = deque(maxlen=keeps)

    def ask(self, request: Request, source: Source, memory: int | None) -> tuple[bytes, float]:
        """Its answer, and the seconds for which the source was waited for.

        Args:
            source: gives the bytes that the decoder asks for.
            memory: descriptor to send behind the request.

        Raises:
            CodedError: the source failed.
            DeadDecoderError: it crashed, it hangs, or it says what cannot be.
        """
        deadline = answer_by = time.monotonic() + request.seconds + GRACE_SECONDS
        waited, failure = 0.0, None
        try:
            self._connection.send_bytes(pickle.dumps(request))
            if memory is not None:
                socket.send_fds(self._channel, [b"\0"], [memory])
            while True:
                if not self._connection.poll(max(0.0, answer_by - time.monotonic())):
                    raise DeadDecoderError("it does not answer")
                message = self._connection.recv_bytes(LONGEST_ANSWER)
                if not message.startswith(READ):
                    break
                began = time.monotonic()
                if began > deadline:
                    raise DeadDecoderError("it goes on after its time")
                failure = self._hand_over(source, message[1:])
                waited += time.monotonic() - began
                # The source may have taken all of the time; the decoder is not to blame for that.
                answer_by = max(deadline, time.monotonic() + GRACE_SECONDS)
        except BlockingIOError:
            raise DeadDecoderError("it does not answer") from None
        except (EOFError, OSError):
            raise DeadDecoderError(self._end()) from None
        if failure is not None:
            raise failure
        self.knows.append(request.video)
        return message, waited

    def kill(self) -> None:
        """Be rid of it, whatever it does, and of those in the same process."""
        self.process.kill()
        self.process.wait()
        self._connection.close()
        self._channel.close()

    def _hand_over(self, source: Source, wanted: bytes) -> CodedError | None:
        """Send the bytes that it wants, or word that there are none, because of the error that is returned."""
        if len(wanted) != RANGE.size:
            raise DeadDecoderError("it asks for what is no range")
        offset, length = RANGE.unpack(wanted)
        if length > LONGEST_READ:
            raise DeadDecoderError(f"it asks for {length} bytes at once")
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
            self.process.wait(GRACE_SECONDS)
        code = self.process.returncode
        if code == OUT_OF_MEMORY:
            return f"it needed more memory than a decoder may have ({MEMORY >> 30} GiB)"
        return "it closed its connection" if code is None else f"it ended with {code}"


def start_decoders(count: int, *, gpu: bool, nice: int = 0) -> list[DecoderHandle]:
    """Start a process with so many decoders; it lives until one of them is killed, or this process ends.

    Args:
        nice: added to this process's niceness.
    """
    pairs = [socket.socketpair() for _ in range(count)]
    theirs = [pair[1] for pair in pairs]
    command = [sys.executable, "-m", "consumer.media.decoder_process", "gpu" if gpu else "cpu", str(nice)]
    environment = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    try:
        process = subprocess.Popen(
            [*command, *(str(one.fileno()) for one in theirs)],
            pass_fds=[one.fileno() for one in theirs],
            env=environment,
            stdin=subprocess.DEVNULL,
            # No signal of a terminal reaches it. Not a session of its own: Linux may give each session as much of the
            # CPU as any other (autogroup), so that ten decoders would get ten times what the engine beside them gets.
            process_group=0,
        )
    finally:
        for one in theirs:
            one.close()
    return [DecoderHandle(process, ours, kept_open(gpu=gpu)) for ours, _ in pairs]
