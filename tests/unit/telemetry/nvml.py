"""A stand-in for NVIDIA's `pynvml`: cards that are three quarters busy and draw 250 W."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pynvml


class Nvml:
    """As many cards as asked for.

    Args:
        silent: they tell neither utilisation nor power.
        failing: the call that fails.
    """

    NVMLError = pynvml.NVMLError
    NVMLError_NotSupported = pynvml.NVMLError_NotSupported

    def __init__(self, cards: int, *, silent: bool = False, failing: str | None = None) -> None:
        self._cards, self._silent, self._failing, self._looks = cards, silent, failing, 0
        self.seen_twice, self.failed, self.closed = threading.Event(), threading.Event(), False

    def nvmlInit(self) -> None:  # noqa: N802 - NVML's own names
        self._call("nvmlInit")

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.closed = True

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return self._cards

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        return index

    def nvmlDeviceGetUUID(self, handle: int) -> str:  # noqa: N802
        return f"GPU-{handle}"

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> Any:  # noqa: N802
        self._call("nvmlDeviceGetMemoryInfo")
        self._looks += 1
        # The first look at every card is over.
        if self._looks > self._cards:
            self.seen_twice.set()
        return SimpleNamespace(used=1, total=4)

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> Any:  # noqa: N802
        self._told()
        return SimpleNamespace(gpu=75)

    def nvmlDeviceGetPowerUsage(self, handle: int) -> int:  # noqa: N802
        self._told()
        return 250_000

    def _told(self) -> None:
        if self._silent:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)

    def _call(self, name: str) -> None:
        if name == self._failing:
            self.failed.set()
            raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)
