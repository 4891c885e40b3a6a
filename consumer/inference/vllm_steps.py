"""What vLLM tells of each step of its engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Steps:
    """Hears from vLLM's statistics, in the event loop, how many requests its step left running and waiting.

    `progress` counts the steps that brought something: tokens, or another share of the KV cache, which prompts take as
    they are read. An engine that schedules nothing any more tells of steps as well.
    """

    listener: Callable[[int, int], None] = lambda running, waiting: None
    progress: int = 0

    _cache_usage: float = 0.0

    def _moved(self, scheduler_stats: Any, iteration_stats: Any) -> None:
        usage = self._cache_usage if scheduler_stats is None else scheduler_stats.kv_cache_usage
        # Statistics of tokens are there only where requests were brought on by some.
        if iteration_stats is not None or usage != self._cache_usage:
            self.progress += 1
        self._cache_usage = usage

    def factory(self) -> Any:
        """What vLLM makes its logger of statistics of."""
        from vllm.v1.metrics.loggers import StatLoggerBase

        steps, counts = self, dict[int, tuple[int, int]]()

        class StepLogger(StatLoggerBase):  # type: ignore[misc]
            def __init__(self, vllm_config: Any, engine_index: int = 0) -> None:
                self.engine_index = engine_index

            def record(self, scheduler_stats: Any, iteration_stats: Any, *_: Any, **__: Any) -> None:
                steps._moved(scheduler_stats, iteration_stats)
                if scheduler_stats is not None:
                    counts[self.engine_index] = scheduler_stats.num_running_reqs, scheduler_stats.num_waiting_reqs
                    steps.listener(*map(sum, zip(*counts.values(), strict=True)))

            def log_engine_initialized(self) -> None:
                pass

        return StepLogger
