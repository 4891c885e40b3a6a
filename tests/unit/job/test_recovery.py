"""What an earlier try published is used, never made or emitted again."""

from __future__ import annotations

from consumer.errors import ErrorCode, PermanentError
from consumer.events.models import ChunkResult, ErrorInfo
from consumer.inference.engine import AggregateSubject
from tests.unit.job.fakes import NOW_MS, Bench, make_job


async def _published(*indexes: int) -> dict[int, ChunkResult]:
    """Results of a first try that ended early."""
    first = Bench()
    await first.run()
    return {index: first.by_index()[index] for index in indexes}


async def test_only_missing_chunks_are_computed() -> None:
    recovered = await _published(0, 2, 3)
    bench = Bench()
    final = await bench.run(recovered=recovered, attempt=2)
    assert sorted(bench.engine.chunk_requests()) == [1, 4]
    assert sorted(bench.media.decoded) == [1, 4]
    assert [(one.chunk_index, one.attempt) for one in bench.in_order()] == [(1, 2), (4, 2)]
    assert (final.status, final.num_chunks, final.total_successful_chunks, final.attempts) == ("succeeded", 5, 5, 2)
    assert [ref.chunk_index for ref in final.chunks] == [0, 1, 2, 3, 4]
    assert final.tokens.vision == 5 * 8
    assert final.coverage is not None
    assert final.coverage.gaps == []
    told = bench.engine.requests[-1].subject
    assert isinstance(told, AggregateSubject)
    assert told.chunks == 5
    assert bench.value("recomputed_chunks_total") == 1


async def test_all_recovered_leaves_only_the_aggregate() -> None:
    recovered = await _published(0, 1, 2, 3, 4)
    bench = Bench()
    final = await bench.run(recovered=recovered, attempt=2)
    assert (bench.engine.chunk_requests(), bench.emitted, len(bench.engine.requests)) == ([], [], 1)
    assert (final.status, final.aggregated_response) == ("succeeded", "Everything at once.")


async def test_a_published_failure_stays_one() -> None:
    recovered = await _published(1)
    error = ErrorInfo(code=ErrorCode.OUTPUT_EMPTY, message="Nothing.", retryable=True)
    recovered[1] = recovered[1].model_copy(update={"success": False, "response": None, "error": error})
    bench = Bench()
    final = await bench.run(recovered=recovered, attempt=2)
    assert 1 not in bench.engine.chunk_requests()
    assert (final.status, final.total_successful_chunks) == ("partial", 4)


async def test_new_settings_do_not_change_a_plan_that_was_begun() -> None:
    recovered = await _published(1)
    bench = Bench(chunk_duration=10, chunk_overlap=0)
    final = await bench.run(recovered=recovered, attempt=2)
    assert (final.status, final.num_chunks) == ("succeeded", 5)


async def test_another_video_under_the_same_name_ends_the_job() -> None:
    recovered = await _published(0, 1)
    bench = Bench()
    bench.media.identity = "s3://videos/a.mp4#etag-2"
    final = await bench.run(recovered=recovered, attempt=2)
    assert final.error is not None
    assert (final.status, final.error.code) == ("partial", ErrorCode.SOURCE_CHANGED)
    assert [ref.chunk_index for ref in final.chunks] == [0, 1]
    assert (bench.emitted, bench.engine.requests, final.aggregated_response) == ([], [], None)
    assert bench.media.closed == 1


async def test_what_was_published_stays_listed_when_the_source_is_gone() -> None:
    recovered = await _published(0, 1)
    bench = Bench()
    bench.library.failures = [PermanentError(ErrorCode.SOURCE_NOT_FOUND, "It is gone.")]
    final = await bench.run(recovered=recovered, attempt=2)
    assert final.error is not None
    assert (final.status, final.error.code, final.num_chunks) == ("partial", ErrorCode.SOURCE_NOT_FOUND, 5)
    assert [ref.chunk_index for ref in final.chunks] == [0, 1]
    assert final.provenance == recovered[0].provenance


async def test_recovered_work_is_finished_after_the_deadline() -> None:
    recovered = await _published(0)
    late = make_job(deadline=NOW_MS - 1)
    assert (await Bench().run(late, recovered=recovered, attempt=2)).status == "succeeded"
    assert (await Bench().run(late, attempt=2)).status == "failed"
