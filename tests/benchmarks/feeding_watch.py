"""What a machine does while chunks go through it: GPU, the engine's queue, CPU by stage, memory."""

from __future__ import annotations

import contextlib
import importlib
import itertools
import os
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from consumer.inference.vllm_engine import VllmEngine
from consumer.inference.vllm_processes import engine_processes
from tests.benchmarks.process_cost import cpu_seconds, family, proportional_mib, thread_seconds

GPU_SECONDS = 0.1
MEMORY_SECONDS = 5.0
COURSE_SECONDS = 5.0
STAGES = {"render": "render", "decode": "decode_wait", "open": "open"}
"""Threads of the worker by the beginning of their names; `decode` threads wait for the decoders' process."""


class Gpu(threading.Thread):
    """Utilization (share of time in which a kernel ran) and power, ten times a second; nothing without NVML."""

    def __init__(self) -> None:
        super().__init__(name="gpu-watch", daemon=True)
        self.rows: list[tuple[float, float, float]] = []
        self.name_of_card = ""
        try:
            self._nvml: Any = importlib.import_module("pynvml")
            self._nvml.nvmlInit()
            # NVML numbers all cards of the machine.
            number = int(os.environ.get("CUDA_VISIBLE_DEVICES", "0").partition(",")[0])
            self._card = self._nvml.nvmlDeviceGetHandleByIndex(number)
            self.name_of_card = str(self._nvml.nvmlDeviceGetName(self._card))
        except Exception:  # noqa: BLE001 - whatever is missing: there is no card to watch
            self._nvml = None

    def run(self) -> None:
        while self._nvml is not None:
            busy = self._nvml.nvmlDeviceGetUtilizationRates(self._card).gpu
            watts = self._nvml.nvmlDeviceGetPowerUsage(self._card) / 1e3
            self.rows.append((time.monotonic(), busy, watts))
            time.sleep(GPU_SECONDS)

    def between(self, begin: float, end: float) -> dict[str, float]:
        rows = [row for row in self.rows if begin <= row[0] <= end]
        if not rows:
            return {}
        return {
            "gpu_busy_percent": round(statistics.fmean(row[1] for row in rows), 1),
            "gpu_watts": round(statistics.fmean(row[2] for row in rows)),
        }


@dataclass(slots=True)
class Queue:
    """The engine's own word after each step: when, and how many requests were running and waiting."""

    rows: list[tuple[float, int, int]] = field(default_factory=list)

    def listen(self, engine: VllmEngine) -> None:
        steps = engine._require_backend().steps
        told = steps.listener

        def both(running: int, waiting: int) -> None:
            self.rows.append((time.monotonic(), running, waiting))
            told(running, waiting)

        steps.listener = both

    def between(self, begin: float, end: float) -> dict[str, Any]:
        """Shares of the time: nothing waits in the engine; nothing is in it at all."""
        rows = [row for row in self.rows if begin <= row[0] <= end]
        if len(rows) < 2:
            return {}
        spans = [(after[0] - now[0], now[1], now[2]) for now, after in itertools.pairwise(rows)]
        whole = sum(span for span, _, _ in spans)
        return {
            "each_five_seconds": self._course(begin, end),
            "queue_empty_percent": round(100 * sum(span for span, _, waiting in spans if not waiting) / whole, 1),
            "engine_empty_percent": round(100 * sum(span for span, run, wait in spans if not run + wait) / whole, 2),
            "running": round(sum(span * run for span, run, _ in spans) / whole, 1),
            "waiting": round(sum(span * wait for span, _, wait in spans) / whole, 1),
        }

    def _course(self, begin: float, end: float) -> list[list[float]]:
        """How many ran and waited, means of each five seconds."""
        course = []
        while begin < end:
            rows = [row for row in self.rows if begin <= row[0] < begin + COURSE_SECONDS]
            course.append([round(statistics.fmean(one[k] for one in rows), 1) if rows else 0.0 for k in (1, 2)])
            begin += COURSE_SECONDS
        return course


def cpu_by_stage() -> dict[str, float]:
    """CPU seconds so far of this process's threads by what they do, of the decoders and of the engine."""
    own = os.getpid()
    found = {"worker": cpu_seconds(own), "render": 0.0, "decode_wait": 0.0, "open": 0.0, "event_loop": 0.0}
    for thread in threading.enumerate():
        stage = STAGES.get(thread.name.split("_")[0], "event_loop" if thread.name == "MainThread" else "")
        if stage and thread.native_id is not None:
            with contextlib.suppress(OSError):
                found[stage] += thread_seconds(own, thread.native_id)
    engine = {process.pid for process in engine_processes()}
    found["engine"] = found["decoders"] = 0.0
    for pid in engine | set(family(own)) - {own}:
        with contextlib.suppress(OSError):
            found["engine" if pid in engine else "decoders"] += cpu_seconds(pid)
    return found


class Memory(threading.Thread):
    """Memory of this process and of all that it started, beside how many chunks were done."""

    def __init__(self, done: Callable[[], int]) -> None:
        super().__init__(name="memory-watch", daemon=True)
        self.rows: list[tuple[int, int]] = []
        self._done, self._end = done, threading.Event()

    def run(self) -> None:
        while not self._end.wait(MEMORY_SECONDS):
            pids = {process.pid for process in engine_processes()} | set(family(os.getpid()))
            self.rows.append((self._done(), proportional_mib(pids)))

    def __enter__(self) -> Memory:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self.join()

    def figures(self, chunks: int) -> dict[str, object]:
        """Medians of the second and of the last fifth of the chunks, MiB, and the samples."""
        second = [mib for done, mib in self.rows if chunks * 0.2 <= done < chunks * 0.4]
        last = [mib for done, mib in self.rows if chunks * 0.8 <= done < chunks]
        if not second or not last:
            return {"samples": self.rows}
        early, late = statistics.median(second), statistics.median(last)
        return {"early_mib": early, "late_mib": late, "growth": round(late / early - 1, 4), "samples": self.rows}


@dataclass(slots=True)
class Window:
    """Figures of a stretch of time, once it is over."""

    seconds: float = 0.0
    figures: dict[str, object] = field(default_factory=dict)


@contextlib.contextmanager
def watched(gpu: Gpu, queue: Queue) -> Iterator[Window]:
    """Everything above, over the body."""
    window, used, begin = Window(), cpu_by_stage(), time.monotonic()
    yield window
    end = time.monotonic()
    window.seconds = end - begin
    after = cpu_by_stage()
    cores = {name: round((after[name] - used[name]) / window.seconds, 2) for name in used}
    window.figures = {**gpu.between(begin, end), **queue.between(begin, end), "cores": cores}
