"""The words with which the answers about chunks are put together."""

from __future__ import annotations

from collections.abc import Sequence

INTRODUCTION = "The video was cut into chunks; each chunk was described."
DEFAULT_INSTRUCTION = "Merge the chunks into one list in time order, each event once."

# More gaps than this are counted, not listed: they must not crowd out the texts.
MAX_GAPS_LISTED = 50

# Said where the instruction is the job's own: the default one asks for each event once.
OVERLAP_REMARK = "Neighbouring chunks overlap: what two of them tell of the same seconds happened once."
RELATIVE_REMARK = "Tell every time in seconds from the start of the video."

Gap = tuple[float, float]


def merge_prompt(blocks: Sequence[str], instruction: str, gaps: Sequence[Gap], remarks: Sequence[str] = ()) -> str:
    """A merge prompt: introduction, one block a chunk, the missing times, remarks on the chunks, the instruction."""
    missing = gaps_sentence(gaps)
    return "\n".join([INTRODUCTION, *blocks, *([missing, ""] if missing else []), *remarks, instruction])


def block(number: int, start_time: float, end_time: float, text: str, *, relative: bool = False) -> str:
    """One chunk's part of the prompt.

    Args:
        number: from 1.
        start_time, end_time: seconds of source time.
        relative: whether the times in the text count from the chunk's start.
    """
    counted = f"; its times count from {start_time:.1f}s" if relative and start_time > 0 else ""
    return f"Chunk {number} ({_span(start_time, end_time)}{counted}):\n{text}\n"


def gaps_sentence(gaps: Sequence[Gap]) -> str:
    """The missing times as the model is told them and as the answer ends with them; empty if nothing is missing."""
    if not gaps:
        return ""
    listed = ", ".join(_span(*gap) for gap in gaps[:MAX_GAPS_LISTED])
    more = len(gaps) - MAX_GAPS_LISTED
    return f"Not described: {listed}{f' and {more} more' if more > 0 else ''}."


def _span(start: float, end: float) -> str:
    return f"{start:.1f}s-{end:.1f}s"
