"""The answer for the whole video, made of the answers about its chunks.

One call where all texts fit into the context, else levels of calls: groups of neighbours are merged into one text each
until what is left fits. Only the last call gets the job's own aggregation prompt.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from consumer.events.models import DEFAULT_PROMPT
from consumer.inference.engine import Engine, SamplingValues
from consumer.inference.merge_prompt import DEFAULT_INSTRUCTION, Gap, gaps_sentence
from consumer.inference.merging import Merger, Part, Tally
from consumer.inference.told_times import times_warning


@dataclass(frozen=True, slots=True)
class ChunkText:
    """What was said about one chunk; times in seconds of source time."""

    chunk_index: int
    start_time: float
    end_time: float
    text: str


@dataclass(frozen=True, slots=True)
class Aggregate:
    """The answer for the whole video, what it took, and what happened on the way (part of a sentence each)."""

    text: str
    levels: int = 0
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    warnings: tuple[str, ...] = ()


async def aggregate(
    engine: Engine,
    *,
    job_id: str,
    run_id: str,
    prompt: str,
    system_prompt: str | None,
    aggregation_prompt: str | None,
    chunks: Sequence[ChunkText],
    gaps: Sequence[Gap],
    sampling: SamplingValues,
    relative_times: bool,
    draw: Callable[[], float],
) -> Aggregate:
    """Put the chunks' texts together, in order of time.

    A call whose answer is of no use (empty, repetitive) is made once more, like a chunk's.

    One chunk without an aggregation prompt needs no call: its text is the answer. The model is told the `gaps`, and an
    answer that is not JSON ends with them, whatever the model made of it.

    Args:
        run_id: makes the requests' ids unique among all in flight.
        prompt: what every chunk was asked; the last call repeats it where it was a question of its own.
        aggregation_prompt: the last call's instruction instead of the default one.
        chunks: the successful chunks; at least one.
        gaps: [start, end] seconds that no chunk describes.
        sampling: of every call; a `response_schema` is for chunks and is left out here.
        relative_times: whether the times in the chunks' texts count from the chunk's start; the model is told.
        draw: uniform in [0, 1), for the seed of a second try.

    Raises:
        PermanentError: BUDGET_TOO_SMALL, the context has no room for merging; ENGINE_REJECTED.
        TransientError: ENGINE_DIED; OUTPUT_EMPTY or OUTPUT_REPETITIVE, an answer of the model is of no use.
    """
    ordered = sorted(chunks, key=lambda chunk: chunk.chunk_index)
    if not ordered:
        raise ValueError("nothing to aggregate")
    if len(ordered) == 1 and aggregation_prompt is None:
        return Aggregate(_with_gaps(ordered[0].text, gaps))
    merger = Merger(
        engine,
        job_id=job_id,
        run_id=run_id,
        system_prompt=system_prompt,
        sampling=replace(sampling, response_schema=None),
        draw=draw,
    )
    parts = [Part(chunk.start_time, chunk.end_time, chunk.text, 1, relative_times) for chunk in ordered]
    instruction = aggregation_prompt or default_instruction(prompt)
    answer = await merger.merge(parts, instruction, gaps)
    done = merger.tally
    end = max(chunk.end_time for chunk in ordered)
    wrong_times = times_warning(answer, start=ordered[0].start_time, end=end, prompt=instruction)
    return Aggregate(
        _with_gaps(answer, gaps),
        done.levels,
        done.calls,
        done.prompt_tokens,
        done.completion_tokens,
        (*_warnings(done), *((wrong_times,) if wrong_times else ())),
    )


def _warnings(tally: Tally) -> tuple[str, ...]:
    cut = f"{tally.cut} texts were cut to fit MAX_MODEL_LEN" if tally.cut else ""
    unfinished = f"{tally.unfinished} of {tally.calls} answers ended at the limit of tokens" if tally.unfinished else ""
    return (*tally.warnings, *(one for one in (cut, unfinished) if one))


def default_instruction(prompt: str) -> str:
    """The last call's instruction where the job has none of its own."""
    if prompt == DEFAULT_PROMPT:
        return DEFAULT_INSTRUCTION
    return f"Each chunk was asked: {prompt}\n{DEFAULT_INSTRUCTION}"


def _with_gaps(text: str, gaps: Sequence[Gap]) -> str:
    missing = gaps_sentence(gaps)
    # A model may end with the very sentence that it was told.
    if not gaps or _is_json(text) or text.endswith(missing):
        return text
    return f"{text}\n\n{missing}"


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict | list)
    except ValueError:
        return False
