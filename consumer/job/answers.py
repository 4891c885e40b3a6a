"""Answers of no use: what they are called, and with which seed to ask again (pure)."""

from __future__ import annotations

from consumer.errors import ErrorCode

OUTPUT_FAILURES = frozenset({ErrorCode.OUTPUT_EMPTY, ErrorCode.OUTPUT_REPETITIVE, ErrorCode.OUTPUT_INVALID_JSON})
_LARGEST_SEED = 2**63 - 1


def other_seed(seed: int | None, draw: float) -> int:
    """A seed that is not `seed`: its successor, or one from `draw` (uniform in [0, 1)) where there was none."""
    if seed is None:
        return int(draw * 2**31)
    return seed + 1 if seed < _LARGEST_SEED else 0
