"""What a decoder does with one request after the other: open, probe, decode, and keep the index for the next chunk."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from consumer.errors import CodedError, PermanentError
from consumer.media.container import OpenContainer, too_slow
from consumer.media.decode import DecodedChunk, decode_chunk
from consumer.media.probe import probe
from consumer.media.reader import RangeReader
from consumer.media.source import Source, unreachable
from consumer.media.window import Window
from consumer.media.wire import (
    DecodeAnswer,
    DecodeRequest,
    ProbeAnswer,
    ProbeRequest,
    Request,
    kept_open,
)


@dataclass(slots=True)
class Decoder:
    """For one thread; FFmpeg runs here and nowhere else.

    Args:
        gpu: decode on the card; what it cannot decode fails as MEDIA_UNREADABLE.
    """

    gpu: bool = False
    _open: OrderedDict[int, OpenContainer] = field(default_factory=OrderedDict)

    def probe(self, request: ProbeRequest, source: Source) -> ProbeAnswer:
        """Find out what a video is.

        Raises:
            PermanentError: as `probe` and the source say.
            TransientError: SOURCE_UNREACHABLE, by the source or after the request's seconds.
        """
        late = unreachable("The video's structure was not read within PROBE_TIMEOUT_SECONDS.")
        with self._opened(request, source, late) as opened:
            found = probe(opened, size_bytes=request.size, scan_seconds=request.scan_seconds)
        base = found.clock.time_base
        clock, times = found.clock, (base.numerator, base.denominator)
        return ProbeAnswer(found.info, clock.first, times, clock.by_dts, found.index)

    def decode(self, request: DecodeRequest, source: Source, pixels: NDArray[np.uint8]) -> DecodeAnswer:
        """Decode a chunk into `pixels`, of the plan's shape.

        Raises:
            PermanentError: as `decode_chunk` and the source say; MEDIA_UNREADABLE after the request's seconds.
            TransientError: as the source says.
            OutsideWindowError: as it says.
        """
        with self._opened(request, source, too_slow(), request.window) as opened:
            decoded = _decoded(opened, request, pixels)
        return DecodeAnswer(decoded.rows, decoded.times, decoded.lost)

    @contextmanager
    def _opened(
        self, request: Request, source: Source, late: CodedError, window: Window | None = None
    ) -> Iterator[OpenContainer]:
        """The video, opened; kept for its next chunk if all goes well, and as long as it is for the same window."""
        opened = self._open.pop(request.video, None)
        if opened is not None and opened.window != window:
            opened.close()
            opened = None
        reader = opened.reader if opened is not None else RangeReader(source)
        reader.limit(time.monotonic() + request.seconds, late)
        opened = opened or OpenContainer(reader, gpu=self.gpu, window=window)
        try:
            yield opened
        except BaseException:
            opened.close()
            raise
        self._open[request.video] = opened
        while len(self._open) > kept_open(gpu=self.gpu):
            self._open.popitem(last=False)[1].close()


def _decoded(opened: OpenContainer, request: DecodeRequest, pixels: NDArray[np.uint8]) -> DecodedChunk:
    """As `decode_chunk`; if frames are missing, once more with every frame brought out, and so from then on.

    A frame may come with another packet than the one it was flagged by: of two fields in packets of their own the
    first counts, and in VP9 a packet may show what an earlier one has decoded.
    """
    try:
        decoded = decode_chunk(opened, request.clock, request.rotation, request.plan, pixels)
        if not (decoded.lost and opened.withholds):
            return decoded
    except PermanentError:
        if not opened.withholds:
            raise
    opened.withholds = False
    return decode_chunk(opened, request.clock, request.rotation, request.plan, pixels)
