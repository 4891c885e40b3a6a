"""What becomes of answers: those of no use are asked for once more, and the results say what happened."""

from __future__ import annotations

import pytest

from consumer.errors import ErrorCode, PermanentError
from consumer.inference.engine import EngineLimits
from tests.unit.job.fakes import Bench, for_ever, make_job

LOOP = "again and again " * 40


@pytest.mark.parametrize(("first", "code"), [("  ", ErrorCode.OUTPUT_EMPTY), (LOOP, ErrorCode.OUTPUT_REPETITIVE)])
@pytest.mark.parametrize("seed", [None, 5])
async def test_an_answer_of_no_use_is_asked_for_once_more_with_another_seed(
    first: str, code: ErrorCode, seed: int | None
) -> None:
    bench = Bench()
    bench.engine.answers[0] = [first, "A wall."]
    bench.engine.answers[1] = [first, first, "never asked"]
    final = await bench.run(make_job(seed=seed))
    good, bad = bench.by_index()[0], bench.by_index()[1]
    assert good.response == "A wall."
    assert good.provenance.sampling.seed not in (None, seed)
    assert good.provenance.sampling.presence_penalty == (2.0 if code is ErrorCode.OUTPUT_REPETITIVE else 1.5)
    (warning,) = good.warnings
    assert warning.startswith(f"the first answer was of no use ({code.value}) and asked for again with seed ")
    assert bad.warnings == [warning] or seed is None
    assert bench.by_index()[2].warnings == []
    assert good.timings.generate == 2.0
    assert bad.error is not None
    assert (bad.success, bad.response, bad.error.code) == (False, None, code)
    assert bench.engine.chunk_requests().count(1) == 2
    assert final.status == "partial"


async def test_an_aggregate_of_no_use_leaves_the_chunks_as_they_are() -> None:
    bench = Bench()
    bench.engine.answers[None] = ["", ""]
    final = await bench.run()
    assert final.error is not None
    assert (final.success, final.status, final.error.code) == (False, "partial", ErrorCode.OUTPUT_EMPTY)
    assert (final.aggregated_response, final.total_successful_chunks, len(final.chunks)) == (None, 5, 5)


async def test_an_aggregate_is_asked_for_once_more() -> None:
    bench = Bench()
    bench.engine.answers[None] = ["", "The whole."]
    final = await bench.run()
    assert (final.status, final.aggregated_response) == ("succeeded", "The whole.")


async def test_an_aggregate_that_takes_too_long_leaves_the_chunks_as_they_are() -> None:
    bench = Bench(aggregation_timeout_seconds=0.05)
    bench.engine.answers[None] = [for_ever]
    final = await bench.run()
    assert final.error is not None
    assert (final.status, final.error.code, final.error.retryable) == ("partial", ErrorCode.ENGINE_TIMEOUT, True)
    assert "AGGREGATION_TIMEOUT_SECONDS" in final.error.message
    assert (final.total_successful_chunks, len(bench.emitted)) == (5, 5)
    assert len(bench.engine.aborted) == 1


async def test_an_aggregate_has_its_own_number_of_tokens() -> None:
    for wanted, tokens in ((None, 2048), (77, 77)):
        bench = Bench(aggregation_max_tokens=wanted)
        await bench.run(make_job(max_tokens=300))
        assert [one.sampling.max_tokens for one in bench.engine.requests] == [300] * 5 + [tokens]


async def test_the_final_result_says_what_happened_to_the_aggregate() -> None:
    bench = Bench()
    bench.engine.answers[None] = ["", "At 400 s all is over."]
    final = await bench.run(make_job(seed=5))
    assert final.warnings == [
        "the first answer was of no use (OUTPUT_EMPTY) and asked for again with seed 6",
        "1 of 1 times told lie outside 0 s to 290 s: 400 s",
    ]


@pytest.mark.parametrize(("timestamps", "inside"), [("relative", "[3.0s]"), ("absolute", "[61.0s]")])
async def test_times_outside_the_chunk_are_said(timestamps: str, inside: str) -> None:
    """In the time that the model was shown: from the chunk's start, or the source's."""
    bench = Bench(timestamps=timestamps)
    bench.engine.answers[1] = [f"{inside} a car\n[300.0s] a bus"]
    final = await bench.run(make_job())
    span = "0 s to 60 s" if timestamps == "relative" else "58 s to 118 s"
    assert bench.by_index()[1].warnings == [f"1 of 2 times told lie outside {span}: 300.0 s"]
    assert (bench.by_index()[1].success, final.status) == (True, "succeeded")


async def test_a_chunk_that_would_not_fit_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is planned is counted once more before anything is decoded, whatever the plan promised."""
    bench = Bench(limits=EngineLimits(4096, 4096))
    monkeypatch.setattr("consumer.job.context.fit_vision_tokens", lambda *_, **__: 18_000)
    final = await bench.run()
    assert final.error is not None
    assert (final.status, final.error.code) == ("failed", ErrorCode.BUDGET_TOO_SMALL)
    assert "MAX_MODEL_LEN (4096)" in final.error.message
    assert (bench.media.decoded, bench.engine.requests) == ([], [])


async def test_an_aggregate_that_the_engine_refuses() -> None:
    bench = Bench()
    bench.engine.answers[None] = [PermanentError(ErrorCode.ENGINE_REJECTED, "No.")]
    final = await bench.run()
    assert final.error is not None
    assert (final.status, final.error.code) == ("partial", ErrorCode.ENGINE_REJECTED)
