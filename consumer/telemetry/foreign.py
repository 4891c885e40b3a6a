"""vLLM's own metrics on this process's page: it keeps them in prometheus_client's global registry, under `vllm:`."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

VLLM_PREFIX = "vllm:"


class ForeignMetrics(Collector):
    """The families of another registry whose names begin with a prefix; there may be none, or none yet."""

    def __init__(self, registry: CollectorRegistry = REGISTRY, prefix: str = VLLM_PREFIX) -> None:
        self._registry, self._prefix = registry, prefix

    def describe(self) -> list[Metric]:
        """Nothing beforehand: vLLM makes its metrics when the model is loaded."""
        return []

    def collect(self) -> Iterator[Metric]:
        """As they are now."""
        return (family for family in self._registry.collect() if family.name.startswith(self._prefix))
