"""Frames of one video's chunks, from as little of its index as will do."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from consumer.errors import ErrorCode, PermanentError
from consumer.media.container import too_slow
from consumer.media.decoders import DecoderPool
from consumer.media.narrowing import Narrowing
from consumer.media.source import Source
from consumer.media.window import OutsideWindowError
from consumer.media.wire import DecodeAnswer, DecodeRequest

_DOUBTFUL = (
    ErrorCode.CHUNK_NO_FRAMES,
    ErrorCode.MEDIA_UNREADABLE,
    ErrorCode.MEDIA_UNSUPPORTED,
    ErrorCode.MEDIA_NO_VIDEO,
)
"""What may be the window's fault rather than the file's."""


@dataclass(frozen=True, slots=True)
class ChunkFrames:
    """Decodes chunks of one video; used from any thread."""

    source: Source
    decoders: DecoderPool
    narrowing: Narrowing

    def decode(self, request: DecodeRequest, memory: int) -> tuple[DecodeAnswer, float]:
        """Decode into the memory of that descriptor; also the seconds for which the source was waited for.

        Where a part of the index gives less than all that was planned, the whole of it is asked: what comes out is
        never less than what the file has.

        Args:
            request: for the whole file.

        Raises:
            PermanentError, TransientError: as `DecoderPool.decode`.
        """
        began = time.monotonic()
        end = began + request.seconds
        narrowed = self.narrowing.of(request.plan, end, too_slow())
        waited, failure = time.monotonic() - began, None
        if narrowed is not None:
            part = replace(request, seconds=max(0.0, end - time.monotonic()), window=narrowed.window)
            try:
                answer, more = self.decoders.decode(part, narrowed.source, memory)
                waited += more
                if not answer.lost:
                    return answer, waited
                reason = f"{answer.lost} frames of a chunk were not decoded"
            except OutsideWindowError:
                reason = "a chunk needs frames from before its part of the index"
            except PermanentError as error:
                if error.code not in _DOUBTFUL:
                    raise
                failure, reason = error, error.message
            self.narrowing.give_up(reason)
            if failure is not None and time.monotonic() > end:
                raise failure
            request = replace(request, seconds=max(0.0, end - time.monotonic()))
        answer, more = self.decoders.decode(request, self.source, memory)
        return answer, waited + more
