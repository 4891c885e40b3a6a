"""A decoder in the test's own process, for tests that look over its shoulder."""

from __future__ import annotations

import mmap
import threading
import time

import numpy as np

from consumer.media.decoder import Decoder
from consumer.media.decoders import DecoderPool
from consumer.media.source import Source
from consumer.media.wire import DecodeAnswer, DecodeRequest, ProbeAnswer, ProbeRequest


class InProcess(DecoderPool):
    """One decoder for each thread."""

    def __init__(self) -> None:
        super().__init__(keep=0)
        self._own = threading.local()

    def probe(self, request: ProbeRequest, source: Source) -> ProbeAnswer:
        return self._decoder().probe(request, source)

    def decode(self, request: DecodeRequest, source: Source, memory: int) -> tuple[DecodeAnswer, float]:
        began = time.monotonic()
        pixels = np.frombuffer(mmap.mmap(memory, request.plan.bytes), np.uint8).reshape(request.plan.shape)
        return self._decoder().decode(request, source, pixels), time.monotonic() - began

    def _decoder(self) -> Decoder:
        decoder: Decoder | None = getattr(self._own, "decoder", None)
        if decoder is None:
            decoder = self._own.decoder = Decoder()
        return decoder
