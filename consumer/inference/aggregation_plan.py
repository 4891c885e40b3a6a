"""How texts that do not fit into one prompt are shared out over several; pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

CUT_MARKER = " [...]"

# An answer for hours is longer than one for a minute; but it must leave room for what it is made of.
_ANSWER_TOKENS = 2048
_ANSWER_SHARE = 4


def plan_groups(costs: Sequence[int], capacity: int) -> list[range]:
    """Consecutive groups that each cost at most `capacity`, as index ranges in order.

    No cost may be above half of the capacity (see `largest_text`): then every group but the last holds at least two
    texts, each level at least halves their number (rounded up), and levels of merging always come to an end.
    """
    groups: list[range] = []
    start = 0
    used = 0
    for index, cost in enumerate(costs):
        if index > start and used + cost > capacity:
            groups.append(range(start, index))
            start, used = index, 0
        used += cost
    groups.append(range(start, len(costs)))
    return groups


def largest_text(capacity: int, texts: int) -> int:
    """The most tokens that one of `texts` texts may cost so that a level of merging makes progress."""
    return capacity if texts == 1 else capacity // 2


def cut_text(text: str, fits: Callable[[str], bool]) -> str:
    """The longest beginning of `text` that fits with a marker behind it; `fits` must be true for the marker alone."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if fits(text[:middle] + CUT_MARKER):
            low = middle
        else:
            high = middle - 1
    return text[:low] + CUT_MARKER


def answer_tokens(wanted: int | None, *, chunk_tokens: int, max_model_len: int) -> int:
    """The most tokens of one answer about chunks.

    Args:
        wanted: AGGREGATION_MAX_TOKENS; None: 2,048, or a quarter of a short context, but no fewer than a chunk's.
        chunk_tokens: the job's max_tokens.
    """
    if wanted is not None:
        return wanted
    return max(chunk_tokens, min(_ANSWER_TOKENS, max_model_len // _ANSWER_SHARE))
