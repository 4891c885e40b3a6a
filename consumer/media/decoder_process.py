"""Decoders as a process: `python -m consumer.media.decoder_process cpu NICE DESCRIPTOR`, or `gpu` and one a thread.

It has no settings, no credentials and no network: it asks for the bytes that it wants, and whatever a file does to it,
nothing but its own work is lost. It ends when its connection does.
"""

from __future__ import annotations

import json
import mmap
import os
import pickle
import resource
import socket
import sys
import threading
import traceback
from dataclasses import asdict
from multiprocessing.connection import Connection

import numpy as np
from numpy.typing import NDArray

from consumer.errors import CodedError, ErrorCode, TransientError
from consumer.media.decoder import Decoder
from consumer.media.frames import FramePlan
from consumer.media.source import Source
from consumer.media.window import OutsideWindowError
from consumer.media.wire import (
    DATA,
    DECODED,
    FAILED,
    MEMORY,
    OUT_OF_MEMORY,
    OUTSIDE,
    PROBED,
    RANGE,
    READ,
    DecodeAnswer,
    FailureAnswer,
    ProbeAnswer,
    ProbeRequest,
    Request,
)

SPARE_CPU_SECONDS = 5
OPEN_FILES = 64


class _Asked(Source):
    """The bytes of a video, read by the process at the other end; it keeps the reason where that fails."""

    def __init__(self, connection: Connection, size: int) -> None:
        super().__init__("", size)
        self._connection = connection

    def read_at(self, offset: int, length: int) -> bytes:
        self._connection.send_bytes(READ + RANGE.pack(offset, length))
        answer = self._connection.recv_bytes()
        if not answer.startswith(DATA):
            raise TransientError(ErrorCode.SOURCE_UNREACHABLE, "The bytes cannot be read.")
        return answer[len(DATA) :]

    def close(self) -> None:
        """Nothing is held here."""


def serve(channel: socket.socket, *, gpu: bool = False) -> None:
    """Answer one request after the other until the other end is closed.

    Args:
        channel: a stream socket; requests are pickled, for they come from who started this process.
    """
    connection, decoder = Connection(os.dup(channel.fileno())), Decoder(gpu)
    try:
        while True:
            request: Request = pickle.loads(connection.recv_bytes())  # noqa: S301 - from the parent process
            if not gpu:
                _limit_cpu(request.seconds)
            connection.send_bytes(_answer(decoder, request, channel, _Asked(connection, request.size)))
    except (EOFError, OSError):
        return


def _answer(decoder: Decoder, request: Request, channel: socket.socket, source: Source) -> bytes:
    try:
        if isinstance(request, ProbeRequest):
            return PROBED + _json(decoder.probe(request, source))
        return DECODED + _json(decoder.decode(request, source, _pixels(channel, request.plan)))
    except CodedError as error:
        return FAILED + _json(FailureAnswer(error.code.value, error.message, bug=False))
    except OutsideWindowError:
        return OUTSIDE
    except MemoryError:
        # There may not be enough left to say so.
        os._exit(OUT_OF_MEMORY)
    except (EOFError, OSError):
        raise
    except Exception:  # noqa: BLE001 - what a damaged file makes a library do is not known beforehand
        return FAILED + _json(FailureAnswer(ErrorCode.MEDIA_UNREADABLE.value, traceback.format_exc(), bug=True))


def _pixels(channel: socket.socket, plan: FramePlan) -> NDArray[np.uint8]:
    """The memory of which the descriptor comes behind the request."""
    _, (descriptor,), _, _ = socket.recv_fds(channel, 1, 1)
    try:
        return np.frombuffer(mmap.mmap(descriptor, plan.bytes), np.uint8).reshape(plan.shape)
    finally:
        os.close(descriptor)


def _json(answer: ProbeAnswer | DecodeAnswer | FailureAnswer) -> bytes:
    return json.dumps(asdict(answer)).encode()


def _limit_cpu(seconds: float) -> None:
    """SIGXCPU ends this process if the next request takes more; its CPU time is never above the wall's."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime + seconds) + SPARE_CPU_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))


def main(kind: str, nice: int, descriptors: list[int]) -> None:
    """Serve on inherited sockets: one, with nothing to spare, or on the GPU each in a thread of its own."""
    os.nice(nice)
    channels = [socket.socket(fileno=descriptor) for descriptor in descriptors]
    if kind == "gpu":
        threads = [threading.Thread(target=serve, args=(channel,), kwargs={"gpu": True}) for channel in channels]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return
    for limited, limit in (
        (resource.RLIMIT_DATA, MEMORY),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
    ):
        resource.setrlimit(limited, (limit, limit))
    (channel,) = channels
    serve(channel)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), [int(one) for one in sys.argv[3:]])
