"""Topic names: the prefix is a setting, the rest is the contract."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one deployment.

    Args:
        prefix: first part of each name (KAFKA_TOPIC_PREFIX).
    """

    prefix: str = "video"

    @property
    def jobs(self) -> str:
        return f"{self.prefix}.jobs"

    @property
    def control(self) -> str:
        return f"{self.prefix}.jobs.control"

    @property
    def dead_letters(self) -> str:
        return f"{self.prefix}.jobs.dlq"

    @property
    def chunk_results(self) -> str:
        return f"{self.prefix}.chunk-results"

    @property
    def results(self) -> str:
        return f"{self.prefix}.results"
