"""Second questions on finished jobs: through the runner, as a worker does them."""

from __future__ import annotations

import pytest

from consumer.errors import ErrorCode, PermanentError, TransientError
from consumer.events.models import ChunkResult, VideoJob
from consumer.inference.engine import ChoiceSubject, EngineLimits
from consumer.job import Run, Stored
from consumer.job.second import MOST_CHUNKS
from tests.unit.job.fakes import Bench, make_job

SOURCE = {"source_job_id": "job-0", "source_run_id": "run-0"}
AGAIN = {**SOURCE, "prompt": "What is red?", "video_url": None}
ZOOM = {**SOURCE, "prompt": "What is red?", "zoom": True}


async def first() -> Stored:
    """Five chunks of a minute, described."""
    bench = Bench()
    final = await bench.runner.run(make_job(job_id="job-0"), Run("run-0", 1, {}), bench.emit)
    return Stored(final, tuple(bench.in_order()))


async def second(**fields: object) -> tuple[Bench, Stored, VideoJob]:
    stored = await first()

    def find(job_id: str, run_id: str) -> Stored:
        assert (job_id, run_id) == ("job-0", "run-0")
        return stored

    return Bench(stored=find), stored, make_job(**{"metadata": {"ticket": "7"}, **fields})


async def test_stored_answers_are_put_together_again_without_the_video() -> None:
    bench, stored, job = await second(**AGAIN)
    bench.engine.answers[None] = ["A red door."]
    final = await bench.run(job)
    assert (final.job_id, final.run_id, final.status) == ("job-1", "run-1", "succeeded")
    assert final.aggregated_response == "A red door."
    assert final.metadata == {"ticket": "7"}
    assert final.chunks == stored.final.chunks
    assert (bench.library.opened, bench.emitted) == ([], [])
    (request,) = bench.engine.requests
    assert "What is red?" in request.prompt
    assert "Chunk 3 shows a grey wall." in request.prompt
    assert final.provenance is not None
    assert (final.provenance.source_job_id, final.provenance.source_run_id) == ("job-0", "run-0")
    assert final.aggregation is not None
    assert final.tokens == final.aggregation.tokens, "it counts what this answer took"


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> None:
    """The scripted video has five chunks: of these two may be chosen."""
    monkeypatch.setattr("consumer.job.second.MOST_CHUNKS", 2)


@pytest.mark.usefixtures("two")
async def test_zooming_looks_at_the_chunks_that_the_model_chose() -> None:
    bench, _, job = await second(**ZOOM, fps=None)
    bench.engine.answers[None] = ["[3, 1]", "Two red doors."]
    final = await bench.run(job)
    choice, *_, answer = bench.engine.requests
    assert choice.subject == ChoiceSubject("job-1", (0, 1, 2, 3, 4), 2)
    assert "Question: What is red?" in choice.prompt
    assert (choice.clip, choice.sampling.temperature) == (None, 0.0)
    assert sorted(bench.engine.chunk_requests()) == [1, 3]
    assert [(one.chunk_index, one.start_time, one.num_chunks) for one in bench.in_order()] == [
        (1, 58.0, 2),
        (3, 174.0, 2),
    ]
    assert (final.status, final.num_chunks, final.aggregated_response) == ("succeeded", 2, "Two red doors.")
    assert "Not described" not in answer.prompt, "what nobody was to look at is not missing"
    for made in (*(one.provenance for one in bench.emitted), final.provenance):
        assert made is not None
        assert (made.source_job_id, made.source_run_id) == ("job-0", "run-0")


@pytest.mark.usefixtures("two")
async def test_zooming_goes_on_with_what_an_earlier_try_published() -> None:
    bench, _, job = await second(**ZOOM)
    bench.engine.answers[None] = ["[3, 1]", "All."]
    await bench.run(job)
    found: dict[int, ChunkResult] = bench.by_index()
    again, _, _ = await second(**ZOOM)
    # Whatever is chosen this time, what was published stays.
    again.engine.answers[None] = ["[0, 1]", "All."]
    final = await again.run(job, recovered={3: found[3]}, attempt=2)
    assert sorted(again.engine.chunk_requests()) == [0, 1]
    assert [one.chunk_index for one in final.chunks] == [0, 1, 3]


async def test_where_no_more_chunks_are_there_than_may_be_chosen_all_are_looked_at() -> None:
    assert MOST_CHUNKS >= 5
    bench, _, job = await second(**ZOOM)
    await bench.run(job)
    assert sorted(bench.engine.chunk_requests()) == [0, 1, 2, 3, 4]


@pytest.mark.usefixtures("two")
async def test_chunks_are_cut_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also by a worker with another CHUNK_DURATION."""
    stored = await first()
    bench = Bench(stored=lambda job_id, run_id: stored, chunk_duration=30.0)
    bench.engine.answers[None] = ["[2, 4]", "All."]
    await bench.run(make_job(**ZOOM))
    assert [one.start_time for one in bench.in_order()] == [116.0, 232.0]


async def test_another_video_than_the_one_that_was_described_is_not_looked_at() -> None:
    bench, _, job = await second(**ZOOM)
    bench.library.media.identity = "another"
    final = await bench.run(job)
    assert (final.status, final.error and final.error.code) == ("failed", ErrorCode.SOURCE_CHANGED)
    assert bench.engine.requests == []


@pytest.mark.usefixtures("two")
async def test_a_choice_that_cannot_be_made_fails_the_job_and_not_the_worker() -> None:
    bench, _, job = await second(**ZOOM)
    bench.engine.answers[None] = ["no list", "no list either"]
    final = await bench.run(job)
    assert final.error is not None
    assert final.error.code is ErrorCode.OUTPUT_INVALID_JSON
    assert final.error.message.startswith("The chunks to look at were not chosen: ")


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize("fields", [AGAIN, ZOOM])
async def test_an_engine_that_dies_blames_no_job(fields: dict[str, object]) -> None:
    bench, _, job = await second(**fields)
    bench.engine.answers[None] = [bench.engine.die()]
    with pytest.raises(TransientError):
        await bench.run(job)


@pytest.mark.parametrize("fields", [AGAIN, ZOOM])
async def test_without_results_there_is_nothing_to_ask_about(fields: dict[str, object]) -> None:
    def missing(job_id: str, run_id: str) -> Stored:
        raise PermanentError(ErrorCode.EVENT_INVALID, "nothing is stored")

    final = await Bench(stored=missing).run(make_job(**fields))
    assert (final.status, final.error and final.error.message) == ("failed", "nothing is stored")
    nowhere = await Bench().run(make_job(**fields))
    assert nowhere.error is not None
    assert nowhere.error.message.startswith("source_job_id asks about results in Kafka, and this process has none")


async def test_a_broker_that_is_away_is_waited_for() -> None:
    stored = await first()
    answers: list[Stored | TransientError] = [TransientError(ErrorCode.SOURCE_UNREACHABLE, "away"), stored]

    def find(job_id: str, run_id: str) -> Stored:
        answer = answers.pop(0)
        if isinstance(answer, TransientError):
            raise answer
        return answer

    final = await Bench(stored=find).run(make_job(**AGAIN))
    assert (final.status, answers) == ("succeeded", [])


@pytest.mark.usefixtures("two")
async def test_texts_that_do_not_fit_are_chosen_among_in_groups() -> None:
    stored = await first()
    long = [one.model_copy(update={"response": "word " * 1_000}) for one in stored.chunks]
    limits = EngineLimits(3_000, 131_072)
    bench = Bench(stored=lambda job_id, run_id: Stored(stored.final, tuple(long)), limits=limits)
    bench.engine.answers[None] = ["[0]", "[3]", "[0]"]
    await bench.run(make_job(**ZOOM, max_vision_tokens=1_000, aggregate=False))
    choices = [one.subject for one in bench.engine.requests if isinstance(one.subject, ChoiceSubject)]
    # The last chunk is alone in its group, where there is nothing to choose.
    assert [one.candidates for one in choices] == [(0, 1), (2, 3), (0, 3)]
    assert [one.chunk_index for one in bench.in_order()] == [0, 4]


@pytest.mark.usefixtures("two")
async def test_a_number_that_no_chunk_has_is_none() -> None:
    for answer, looked_at in (("[77, 2]", [2]), ("[77]", [0])):
        bench, _, job = await second(**ZOOM)
        bench.engine.answers[None] = [answer, "All."]
        await bench.run(job)
        assert bench.engine.chunk_requests() == looked_at


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"source_job_id": "a", "video_url": "s3://b/k"}, "source_job_id and source_run_id must be given together"),
        ({"source_run_id": "a", "video_url": "s3://b/k"}, "source_job_id and source_run_id must be given together"),
        ({"zoom": True, "video_url": "s3://b/k"}, "zoom needs source_job_id"),
        ({**SOURCE, "zoom": True}, "exactly one of video_url and video_path must be given"),
    ],
)
def test_fields_that_do_not_belong_together_are_told(fields: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        VideoJob.model_validate({"job_id": "a", "prompt": "p", **fields})
