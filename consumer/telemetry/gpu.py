"""What the GPUs of this process do, as NVML tells it: utilisation, memory, power.

Asked in a thread of its own and not when the page is read: a driver that hangs must not take the page with it. Without
a GPU, a driver or nvidia-ml-py (the extra `gpu`) there are no such series.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Gauge

from consumer.telemetry.declaring import Declaration

EVERY_SECONDS = 5.0
_JOIN_SECONDS = 2.0

# Their only label, gpu, takes the numbers of the cards of this process, which are known once NVML was asked.
GPU_METRICS: dict[str, Declaration] = {
    "gpu_utilization_ratio": Declaration(
        Gauge, "ratio", "Share of the last moments in which a kernel ran on the GPU, 0 to 1.", {"gpu": ()}
    ),
    "gpu_memory_used_bytes": Declaration(Gauge, "bytes", "Memory of the GPU in use, by whomever.", {"gpu": ()}),
    "gpu_memory_total_bytes": Declaration(Gauge, "bytes", "Memory of the GPU.", {"gpu": ()}),
    "gpu_power_watts": Declaration(Gauge, "watts", "Power that the GPU draws.", {"gpu": ()}),
}

_log = structlog.get_logger(__name__)


class GpuWatch:
    """Keeps the metrics of the cards up to date.

    Args:
        registry: where they are registered, if there are cards.
        load: the module `pynvml`; raises ImportError where it is not installed.
        every: seconds between two looks.
        environment: CUDA_VISIBLE_DEVICES names this process's cards.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        load: Callable[[], Any] = lambda: import_module("pynvml"),
        every: float = EVERY_SECONDS,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._registry, self._load, self._every, self._environment = registry, load, every, environment
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="gpu", daemon=True)

    def start(self) -> None:
        """Look from now on; without a card, once."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more; after `start`."""
        self._stopped.set()
        self._thread.join(_JOIN_SECONDS)

    def _watch(self) -> None:
        try:
            nvml = self._load()
        except ImportError:
            return
        try:
            nvml.nvmlInit()
        except nvml.NVMLError as error:
            _log.debug("no_gpu_metrics", reason=str(error))
            return
        try:
            self._follow(nvml, self._cards(nvml))
        except nvml.NVMLError as error:
            # A card that fell off the bus does not come back before the machine is started again.
            _log.warning("gpu_metrics_end", reason=str(error))
        finally:
            nvml.nvmlShutdown()

    def _follow(self, nvml: Any, cards: dict[str, Any]) -> None:
        if not cards:
            return
        gauges = {name: Gauge(*declared.names(name), registry=self._registry) for name, declared in GPU_METRICS.items()}
        try:
            while not self._stopped.is_set():
                for number, card in cards.items():
                    for name, value in _readings(nvml, card).items():
                        gauges[name].labels(gpu=number).set(value)
                self._stopped.wait(self._every)
        finally:
            # An old figure would look like a new one.
            for one in gauges.values():
                self._registry.unregister(one)

    def _cards(self, nvml: Any) -> dict[str, Any]:
        handles = [nvml.nvmlDeviceGetHandleByIndex(number) for number in range(nvml.nvmlDeviceGetCount())]
        names = [_text(nvml.nvmlDeviceGetUUID(handle)) for handle in handles]
        visible = self._environment.get("CUDA_VISIBLE_DEVICES")
        return {str(number): handles[number] for number in visible_cards(names, visible)}


def visible_cards(uuids: list[str], visible: str | None) -> list[int]:
    """Numbers of the cards that CUDA_VISIBLE_DEVICES leaves to a process: all, if it is not set.

    Args:
        uuids: of all cards, in NVML's order.
        visible: numbers or (beginnings of) UUIDs with commas between; what comes after one that there is not is hidden.
    """
    if visible is None:
        return list(range(len(uuids)))
    found = []
    for word in (part.strip() for part in visible.split(",")):
        number = next(
            (index for index, uuid in enumerate(uuids) if word and word in (str(index), uuid[: len(word)])), None
        )
        if number is None:
            break
        found.append(number)
    return found


def _readings(nvml: Any, card: Any) -> dict[str, float]:
    """Of one card; what it does not tell (some tell no power) is left out."""
    told: dict[str, float] = {}
    memory = nvml.nvmlDeviceGetMemoryInfo(card)
    told["gpu_memory_used_bytes"], told["gpu_memory_total_bytes"] = float(memory.used), float(memory.total)
    asked: dict[str, Callable[[], float]] = {
        "gpu_utilization_ratio": lambda: nvml.nvmlDeviceGetUtilizationRates(card).gpu / 100,
        "gpu_power_watts": lambda: nvml.nvmlDeviceGetPowerUsage(card) / 1000,
    }
    for name, ask in asked.items():
        try:
            told[name] = ask()
        except nvml.NVMLError_NotSupported:
            continue
    return told


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
