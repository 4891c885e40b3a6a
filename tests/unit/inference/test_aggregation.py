"""One answer for the whole video: in one call where it fits, else in levels; gaps are never hidden."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.errors import ErrorCode, PermanentError, TransientError
from consumer.events.models import DEFAULT_PROMPT
from consumer.inference.aggregation import Aggregate, ChunkText, aggregate, default_instruction
from consumer.inference.aggregation_plan import CUT_MARKER
from consumer.inference.engine import AggregateSubject, SamplingValues
from consumer.inference.merge_prompt import (
    DEFAULT_INSTRUCTION,
    MAX_GAPS_LISTED,
    OVERLAP_REMARK,
    RELATIVE_REMARK,
    Gap,
    block,
    gaps_sentence,
    merge_prompt,
)
from tests.unit.inference.builders import SAMPLING, ScriptedEngine


def chunk(index: int, text: str | None = None) -> ChunkText:
    return ChunkText(index, index * 10.0, index * 10.0 + 12, text if text is not None else f"text-{index}")


async def run(
    engine: ScriptedEngine,
    chunks: list[ChunkText],
    *,
    gaps: tuple[Gap, ...] = (),
    aggregation_prompt: str | None = None,
    sampling: SamplingValues = SAMPLING,
    relative_times: bool = False,
) -> Aggregate:
    return await aggregate(
        engine,
        job_id="job",
        run_id="run",
        prompt=DEFAULT_PROMPT,
        system_prompt=None,
        aggregation_prompt=aggregation_prompt,
        chunks=chunks,
        gaps=gaps,
        sampling=sampling,
        relative_times=relative_times,
        draw=lambda: 0.5,
    )


async def test_one_call_where_all_fits() -> None:
    engine = ScriptedEngine(answers=["the whole"])
    result = await run(engine, [chunk(1), chunk(0)])
    (request,) = engine.requests
    assert result == Aggregate("the whole", 1, 1, engine.count_tokens(request.prompt), 2, ())
    assert request.prompt == merge_prompt(
        [block(1, 0, 12, "text-0"), block(2, 10, 22, "text-1")], DEFAULT_INSTRUCTION, ()
    )
    assert request.clip is None
    assert request.subject == AggregateSubject("job", 2, ())


async def test_one_chunk_needs_no_call() -> None:
    engine = ScriptedEngine()
    assert await run(engine, [chunk(0)]) == Aggregate("text-0", 0, 0, 0, 0, ())
    assert engine.requests == []


async def test_one_chunk_with_a_prompt_of_its_own_does() -> None:
    engine = ScriptedEngine()
    result = await run(engine, [chunk(0)], aggregation_prompt="Count them.")
    assert (result.text, result.calls) == ("answer 1", 1)
    assert engine.requests[0].prompt.endswith("\nCount them.")


async def test_the_schema_is_for_chunks() -> None:
    engine = ScriptedEngine()
    await run(engine, [chunk(0), chunk(1)], sampling=replace(SAMPLING, response_schema="{}"))
    assert engine.requests[0].sampling == SAMPLING


def test_the_job_s_question_is_repeated_unless_it_is_the_default() -> None:
    assert default_instruction(DEFAULT_PROMPT) == DEFAULT_INSTRUCTION
    assert default_instruction("How many cars?") == f"Each chunk was asked: How many cars?\n{DEFAULT_INSTRUCTION}"


async def test_gaps_are_told_to_the_model_and_to_the_reader() -> None:
    engine = ScriptedEngine(answers=["most of it"])
    result = await run(engine, [chunk(0), chunk(2)], gaps=((12.0, 20.0),))
    assert "Not described: 12.0s-20.0s." in engine.requests[0].prompt
    assert result.text == "most of it\n\nNot described: 12.0s-20.0s."


async def test_gaps_that_the_model_names_itself_are_not_named_twice() -> None:
    engine = ScriptedEngine(answers=["most of it\nNot described: 12.0s-20.0s."])
    result = await run(engine, [chunk(0), chunk(2)], gaps=((12.0, 20.0),))
    assert result.text == "most of it\nNot described: 12.0s-20.0s."


async def test_json_stays_json() -> None:
    result = await run(ScriptedEngine(answers=['{"a": 1}']), [chunk(0), chunk(2)], gaps=((12.0, 20.0),))
    assert result.text == '{"a": 1}'


def test_many_gaps_are_counted() -> None:
    gaps = [(float(second), second + 0.5) for second in range(MAX_GAPS_LISTED + 3)]
    sentence = gaps_sentence(gaps)
    assert sentence.endswith(" and 3 more.")
    assert sentence.count("s-") == MAX_GAPS_LISTED


async def test_levels_where_it_does_not_fit() -> None:
    engine = ScriptedEngine(max_model_len=SAMPLING.max_tokens + 100 + 64)
    chunks = [chunk(index, "word " * 20) for index in range(12)]
    result = await run(engine, chunks, aggregation_prompt="The last one.")
    assert result.levels >= 2
    assert result.calls == len(engine.requests)
    assert [one.prompt.endswith("The last one.") for one in engine.requests].count(True) == 1
    assert engine.requests[-1].prompt.endswith("The last one.")
    assert engine.requests[-1].subject == AggregateSubject("job", 12, ())
    assert len({one.request_id for one in engine.requests}) == len(engine.requests)
    assert result.warnings == ()


async def test_600_chunks_of_512_tokens_in_a_full_context_and_in_a_small_one() -> None:
    chunks = [chunk(index, f"[{index * 10}.5s] " + "word " * 511) for index in range(600)]
    for max_model_len, most_levels in ((131_072, 2), (8192, 4)):
        said = " ".join(f"word-{number}" for number in range(512))
        engine = ScriptedEngine(max_model_len=max_model_len, answers=[said] * 200)
        result = await run(engine, chunks, sampling=replace(SAMPLING, max_tokens=512))
        assert 2 <= result.levels <= most_levels
        assert result.calls == 4 or max_model_len < 131_072
        assert result.warnings == ()
        assert all(engine.count_tokens(one.prompt) + 512 <= max_model_len for one in engine.requests)
        # Every chunk's text is in exactly one prompt, with its own times above it, in order.
        told = "".join(one.prompt for one in engine.requests)
        places = [told.index(f" ({index * 10}.0s-{index * 10 + 12}.0s):\n[{index * 10}.5s]") for index in range(600)]
        assert places == sorted(places)
        assert told.count(".5s]") == 600
        last = engine.requests[-1]
        assert last.subject == AggregateSubject("job", 600, ())
        assert "(0.0s-" in last.prompt
        assert "-6002.0s):" in last.prompt


async def test_the_same_texts_make_the_same_requests_in_any_order() -> None:
    chunks = [chunk(index, "word " * 20) for index in range(12)]
    asked = []
    for order in (chunks, chunks[::-1]):
        engine = ScriptedEngine(max_model_len=SAMPLING.max_tokens + 164)
        await run(engine, order, aggregation_prompt="The last one.")
        asked.append(engine.requests)
    assert asked[0] == asked[1]


async def test_a_prompt_of_the_job_s_own_is_told_that_chunks_overlap() -> None:
    engine = ScriptedEngine()
    await run(engine, [chunk(0), chunk(1)], aggregation_prompt="Count the cars.")
    assert engine.requests[0].prompt.endswith(f"\n{OVERLAP_REMARK}\nCount the cars.")
    await run(engine, [chunk(0), chunk(2)], aggregation_prompt="Count the cars.")
    assert OVERLAP_REMARK not in engine.requests[1].prompt


async def test_times_that_count_from_the_chunk_s_start_are_told_as_such() -> None:
    engine = ScriptedEngine()
    await run(engine, [chunk(0), chunk(1)], relative_times=True)
    prompt = engine.requests[0].prompt
    assert "Chunk 1 (0.0s-12.0s):\ntext-0\n" in prompt
    assert "Chunk 2 (10.0s-22.0s; its times count from 10.0s):\ntext-1\n" in prompt
    assert prompt.endswith(f"\n{RELATIVE_REMARK}\n{DEFAULT_INSTRUCTION}")


async def test_merged_texts_tell_source_time() -> None:
    engine = ScriptedEngine(max_model_len=SAMPLING.max_tokens + 164)
    await run(engine, [chunk(index, "word " * 20) for index in range(12)], relative_times=True)
    assert "count from 110.0s" in "".join(one.prompt for one in engine.requests[:-1])
    assert "count from" not in engine.requests[-1].prompt
    assert RELATIVE_REMARK not in engine.requests[-1].prompt


async def test_times_outside_the_video_are_said() -> None:
    result = await run(ScriptedEngine(answers=["[5.0s] a car\n[99.0s] a bus"]), [chunk(0), chunk(1)])
    assert result.warnings == ("1 of 2 times told lie outside 0 s to 22 s: 99.0 s",)


@given(
    words=st.lists(st.integers(0, 300), min_size=2, max_size=30), room=st.integers(150, 700), answer=st.integers(1, 40)
)
def test_no_call_is_larger_than_the_context(words: list[int], room: int, answer: int) -> None:
    said = " ".join(f"word-{number}" for number in range(answer))
    engine = ScriptedEngine(max_model_len=room + SAMPLING.max_tokens, answers=[said] * 200)
    result = asyncio.run(run(engine, [chunk(index, "word " * count) for index, count in enumerate(words)]))
    for request in engine.requests:
        assert engine.count_tokens(request.prompt) + SAMPLING.max_tokens <= engine.limits.max_model_len
    assert isinstance(engine.requests[-1].subject, AggregateSubject)
    assert engine.requests[-1].subject.chunks == len(words)
    assert bool(result.warnings) == any(CUT_MARKER in request.prompt for request in engine.requests)


async def test_a_text_that_is_too_long_is_cut_and_said_so() -> None:
    engine = ScriptedEngine(max_model_len=SAMPLING.max_tokens + 150)
    result = await run(engine, [chunk(0, "word " * 1000)], aggregation_prompt="Count.")
    assert CUT_MARKER in engine.requests[0].prompt
    assert result.warnings == ("1 texts were cut to fit MAX_MODEL_LEN",)


async def test_an_answer_without_an_end_is_said_so() -> None:
    engine = ScriptedEngine()
    engine.finish_reason = "length"
    result = await run(engine, [chunk(0), chunk(1)])
    assert result.warnings == ("1 of 1 answers ended at the limit of tokens",)


async def test_no_room_for_merging() -> None:
    with pytest.raises(PermanentError, match="MAX_MODEL_LEN") as caught:
        await run(ScriptedEngine(max_model_len=SAMPLING.max_tokens + 60), [chunk(0), chunk(1)])
    assert caught.value.code is ErrorCode.BUDGET_TOO_SMALL


@pytest.mark.parametrize(
    ("answer", "code"), [(" ", ErrorCode.OUTPUT_EMPTY), ("again and again, " * 40, ErrorCode.OUTPUT_REPETITIVE)]
)
async def test_an_answer_of_no_use_is_an_error(answer: str, code: ErrorCode) -> None:
    with pytest.raises(TransientError) as caught:
        await run(ScriptedEngine(answers=[answer, answer, "never asked for"]), [chunk(0), chunk(1)])
    assert caught.value.code is code


async def test_one_call_of_no_use_is_made_again_and_no_other() -> None:
    engine = ScriptedEngine(max_model_len=SAMPLING.max_tokens + 164, answers=["one", "", *["more"] * 20])
    result = await run(engine, [chunk(index, "word " * 20) for index in range(12)])
    again = [one for one in engine.requests if one.request_id.endswith("/again")]
    assert [one.sampling.seed for one in again] == [2]
    assert result.calls == len(engine.requests)
    assert result.warnings == ("the first answer was of no use (OUTPUT_EMPTY) and asked for again with seed 2",)


async def test_a_failed_call_ends_its_level() -> None:
    died = TransientError(ErrorCode.ENGINE_DIED, "gone")
    engine = ScriptedEngine(max_model_len=SAMPLING.max_tokens + 164, answers=["one", died, *["more"] * 20])
    with pytest.raises(TransientError) as caught:
        await run(engine, [chunk(index, "word " * 20) for index in range(12)])
    assert caught.value is died


async def test_nothing_to_aggregate_is_a_bug() -> None:
    with pytest.raises(ValueError, match="nothing"):
        await run(ScriptedEngine(), [])
