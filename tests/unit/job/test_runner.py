"""A job from source to aggregate: what comes out when all goes well, and what every kind of failure leads to."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from consumer.errors import ErrorCode, PermanentError, TransientError
from consumer.inference.engine import AggregateSubject, EngineLimits
from consumer.inference.prompts import prompt_digest
from tests.unit.job.fakes import INFO, NOW_MS, Bench, make_job

AWAY = TransientError(ErrorCode.SOURCE_UNREACHABLE, "The store is away.")
DARK = PermanentError(ErrorCode.CHUNK_NO_FRAMES, "No frame there.")


async def test_every_chunk_is_described_and_then_the_whole() -> None:
    bench = Bench()
    final = await bench.run(make_job(metadata={"ticket": "7"}))

    assert [(one.chunk_index, one.start_time, one.end_time) for one in bench.in_order()] == [
        (0, 0.0, 60.0),
        (1, 58.0, 118.0),
        (2, 116.0, 176.0),
        (3, 174.0, 234.0),
        (4, 232.0, 290.0),
    ]
    assert [one.response for one in bench.in_order()] == [f"Chunk {index} shows a grey wall." for index in range(5)]
    assert (final.success, final.status, final.error) == (True, "succeeded", None)
    assert final.aggregated_response == "Everything at once."
    assert (final.num_chunks, final.total_successful_chunks) == (5, 5)
    assert final.coverage is not None
    assert (final.coverage.covered_seconds, final.coverage.total_seconds, final.coverage.gaps) == (290.0, 290.0, [])
    assert final.video_info is not None
    assert (final.video_info.width, final.video_info.duration, final.video_info.codec) == (640, 290.0, "h264")
    assert final.metadata == bench.emitted[0].metadata == {"ticket": "7"}
    assert final.created_at == bench.emitted[0].created_at == NOW_MS
    assert bench.media.closed == 1


async def test_a_chunk_result_tells_what_was_seen_and_by_whom() -> None:
    bench = Bench()
    final = await bench.run(make_job(seed=11, system_prompt="Be brief.", fps=1.0))
    one = bench.by_index()[1]

    assert one.frames is not None
    assert (one.frames.count, one.frames.fps, one.frames.first_time, one.frames.last_time) == (60, 1.0, 58.0, 117.0)
    assert (one.frames.width % 32, one.frames.height % 32) == (0, 0)
    assert one.provenance.prompt_digest == prompt_digest("What happens?", "Be brief.")
    assert (one.provenance.model, one.provenance.engine, one.provenance.quantization) == (
        "scripted-model",
        "scripted",
        "fp8",
    )
    assert (one.provenance.worker, one.provenance.sampling.seed) == ("worker-1", 11)
    assert one.provenance == final.provenance
    assert (one.job_id, one.run_id, one.num_chunks, one.attempt) == ("job-1", "run-1", 5, 1)
    assert (one.timings.fetch, one.timings.decode, one.timings.generate) == (0.125, 0.25, 1.0)
    assert (one.finish_reason, one.truncated, one.error, one.degraded) == ("stop", False, None, [])


async def test_sums_are_of_chunks_and_aggregate() -> None:
    bench = Bench()
    final = await bench.run()
    assert final.tokens.vision == 5 * 8
    assert final.tokens.prompt == 5 * 28 + 20
    assert final.tokens.completion == 6 * 5
    assert final.aggregation is not None
    assert (final.aggregation.calls, final.aggregation.tokens.prompt) == (1, 20)
    assert final.timings.decode == 5 * 0.25


async def test_without_aggregation_there_is_no_answer_for_the_whole() -> None:
    bench = Bench()
    final = await bench.run(make_job(aggregate=False))
    assert (final.status, final.aggregated_response, final.aggregation) == ("succeeded", None, None)
    assert len(bench.engine.requests) == 5


async def test_a_part_of_the_video_with_the_jobs_own_chunks() -> None:
    bench = Bench()
    final = await bench.run(make_job(start_time=10, end_time=40, chunk_duration=10, chunk_overlap=0))
    assert [one.start_time for one in bench.in_order()] == [10.0, 20.0, 30.0]
    assert final.coverage is not None
    assert final.coverage.total_seconds == 30.0


async def test_frames_are_reduced_to_the_engines_context_and_the_result_says_so() -> None:
    bench = Bench(info=replace(INFO, width=1920, height=1080), limits=EngineLimits(4096, 4096))
    await bench.run()
    shown = bench.emitted[0]
    assert shown.degraded[0].startswith("max_vision_tokens 18000 lowered to ")
    assert len(shown.degraded) > 1
    assert shown.frames is not None
    assert shown.frames.count // 2 * shown.frames.width // 32 * shown.frames.height // 32 < 4096


async def test_what_could_not_be_decoded_is_said_as_well() -> None:
    bench = Bench()
    bench.media.degraded = ("2 of 120 frames could not be decoded",)
    await bench.run()
    assert bench.emitted[0].degraded == ["2 of 120 frames could not be decoded"]


async def test_structured_answers_are_parsed() -> None:
    bench = Bench()
    bench.engine.answers[0] = ['{ "walls": 1 }']
    schema = json.dumps({"type": "object", "required": ["walls"]})
    await bench.run(make_job(response_schema=schema, end_time=50.0, aggregate=False))
    assert bench.emitted[0].parsed == '{"walls":1}'
    assert bench.engine.requests[0].sampling.response_schema == schema


@pytest.mark.parametrize(
    ("fields", "code", "names"),
    [
        ({"start_time": 300.0}, ErrorCode.EVENT_INVALID, "start_time"),
        ({"chunk_overlap": 100.0}, ErrorCode.EVENT_INVALID, "chunk_overlap"),
        ({"response_schema": '{"type": 7}'}, ErrorCode.EVENT_INVALID, "response_schema"),
        ({"deadline": NOW_MS - 1}, ErrorCode.DEADLINE_EXCEEDED, "deadline"),
    ],
)
async def test_a_job_that_cannot_be_done_fails_as_a_whole(
    fields: dict[str, object], code: ErrorCode, names: str
) -> None:
    bench = Bench()
    final = await bench.run(make_job(**fields))
    assert (final.success, final.status, final.chunks, final.aggregated_response) == (False, "failed", [], None)
    assert final.error is not None
    assert final.error.code is code
    assert names in final.error.message
    assert (bench.emitted, bench.engine.requests) == ([], [])
    assert bench.media.closed == len(bench.library.opened)


async def test_a_deadline_ahead_is_no_obstacle() -> None:
    assert (await Bench().run(make_job(deadline=NOW_MS + 1))).status == "succeeded"


async def test_a_context_too_small_for_any_clip() -> None:
    final = await Bench(limits=EngineLimits(512, 512)).run()
    assert final.error is not None
    assert (final.status, final.error.code) == ("failed", ErrorCode.BUDGET_TOO_SMALL)
    assert final.video_info is not None


async def test_a_source_that_is_not_there() -> None:
    bench = Bench()
    bench.library.failures = [PermanentError(ErrorCode.SOURCE_NOT_FOUND, "There is no a.mp4 in videos.")]
    final = await bench.run()
    assert (final.status, final.chunks, final.num_chunks, final.video_info) == ("failed", [], 0, None)
    assert final.error is not None
    assert (final.error.code, final.error.retryable) == (ErrorCode.SOURCE_NOT_FOUND, False)
    assert len(bench.library.opened) == 1


async def test_a_store_that_is_away_for_half_a_minute_costs_time_only() -> None:
    bench = Bench()
    bench.library.failures = [AWAY] * 6
    bench.media.failures[2] = [AWAY] * 6
    final = await bench.run()
    assert final.status == "succeeded"
    assert sum(bench.time.slept) > 20
    assert bench.by_index()[2].success


async def test_a_store_that_stays_away_fails_the_job_as_retryable() -> None:
    bench = Bench(retry_seconds=60)
    bench.library.failures = [AWAY] * 100
    final = await bench.run()
    assert final.error is not None
    assert (final.status, final.error.code, final.error.retryable) == ("failed", ErrorCode.SOURCE_UNREACHABLE, True)
    assert sum(bench.time.slept) <= 60


async def test_one_bad_chunk_does_not_sink_the_job() -> None:
    bench = Bench()
    bench.media.failures[1] = [DARK]
    final = await bench.run()
    bad = bench.by_index()[1]
    assert (bad.success, bad.response, bad.frames) == (False, None, None)
    assert bad.error is not None
    assert bad.error.code is ErrorCode.CHUNK_NO_FRAMES
    assert (final.success, final.status, final.total_successful_chunks) == (False, "partial", 4)
    assert [ref.error_code for ref in final.chunks] == [None, ErrorCode.CHUNK_NO_FRAMES, None, None, None]
    assert final.coverage is not None
    assert final.coverage.gaps == [[60.0, 116.0]]
    told = bench.engine.requests[-1].subject
    assert isinstance(told, AggregateSubject)
    assert (told.chunks, told.gaps) == (4, ((60.0, 116.0),))
    assert final.aggregated_response is not None


async def test_all_chunks_bad_is_failed_with_the_most_frequent_code() -> None:
    bench = Bench()
    bench.media.failures = {index: [DARK] for index in range(5)}
    bench.media.failures[0] = [PermanentError(ErrorCode.MEDIA_UNREADABLE, "Broken.")]
    final = await bench.run()
    assert final.error is not None
    assert (final.status, final.error.code) == ("failed", ErrorCode.CHUNK_NO_FRAMES)
    assert (len(bench.emitted), len(final.chunks), bench.engine.requests) == (5, 5, [])


async def test_a_transient_engine_error_is_tried_again() -> None:
    bench = Bench()
    bench.engine.answers[3] = [TransientError(ErrorCode.ENGINE_TIMEOUT, "Slow."), "At last."]
    final = await bench.run()
    assert (final.status, bench.by_index()[3].response) == ("succeeded", "At last.")


async def test_a_rejected_request_is_not() -> None:
    bench = Bench()
    bench.engine.answers[3] = [PermanentError(ErrorCode.ENGINE_REJECTED, "Too long.")]
    final = await bench.run()
    assert (final.status, bench.time.slept) == ("partial", [])
    assert bench.engine.chunk_requests().count(3) == 1


async def test_metrics_count_what_happened() -> None:
    bench = Bench()
    bench.media.failures[1] = [DARK]
    await bench.run()
    assert bench.value("chunks_total", status="succeeded") == 4
    assert bench.value("chunks_total", status="failed") == 1
    assert bench.value("chunk_failures_total", code="CHUNK_NO_FRAMES") == 1
    assert (bench.value("job_video_seconds_count"), bench.value("job_video_seconds_sum")) == (1, 290)
    assert bench.value("tokens_total", kind="vision") == 4 * 8
    assert bench.value("tokens_total", kind="completion") == 5 * 5
    assert bench.value("source_bytes_total") == 12_345
    assert bench.value("chunk_stage_seconds_count", stage="decode") == 4
    assert bench.value("video_seconds_total") == 60 + 60 + 60 + 58
    assert bench.value("frames_total") == sum(one.frames.count for one in bench.emitted if one.frames)
    assert bench.value("chunks_in_flight") == bench.value("backlog_video_seconds", basis="in_work") == 0
