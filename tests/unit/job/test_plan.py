from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from consumer.errors import ErrorCode, PermanentError
from consumer.events.models import ChunkResult
from consumer.job.plan import ChunkLength, JobPlan, chunk_length, make_plan
from consumer.settings import Settings
from tests.unit.job.builders import chunk_result
from tests.unit.job.fakes import make_job

SETTINGS = Settings.model_validate({})
MINUTE = ChunkLength(60.0, 2.0)


def _plan(
    length: ChunkLength = MINUTE, identity: str = "a#1", recovered: Mapping[int, ChunkResult] | None = None
) -> JobPlan:
    return make_plan(make_job(), length=length, duration=290.0, identity=identity, recovered=recovered or {})


def _recovered(plan: JobPlan, *indexes: int) -> dict[int, ChunkResult]:
    return {
        index: chunk_result(index, plan.chunks[index].start_time, plan.chunks[index].end_time, plan_digest=plan.digest)
        for index in indexes
    }


def test_the_job_goes_before_the_settings() -> None:
    assert chunk_length(make_job(), SETTINGS) == ChunkLength(60.0, 2.0)
    assert chunk_length(make_job(chunk_duration=30, chunk_overlap=5), SETTINGS) == ChunkLength(30.0, 5.0)
    assert chunk_length(make_job(chunk_overlap=0), SETTINGS) == ChunkLength(60.0, 0.0)


def test_the_default_overlap_gives_way_to_a_short_chunk() -> None:
    assert chunk_length(make_job(chunk_duration=1), SETTINGS) == ChunkLength(1.0, 0.5)


def test_an_overlap_as_long_as_the_default_chunk_names_its_field() -> None:
    with pytest.raises(PermanentError, match=r"chunk_overlap \(60 s\) must be shorter") as caught:
        chunk_length(make_job(chunk_overlap=60), SETTINGS)
    assert caught.value.code is ErrorCode.EVENT_INVALID


def test_the_digest_stands_for_chunks_and_source() -> None:
    plan = _plan()
    assert re.fullmatch(r"c60\.0-o2\.0-[0-9a-f]{32}", plan.digest)
    assert plan.digest == _plan().digest
    assert plan.digest != _plan(identity="a#2").digest
    assert plan.digest != _plan(ChunkLength(60.0, 1.0)).digest


def test_recovered_results_of_the_same_plan_are_taken() -> None:
    plan = _plan()
    assert _plan(recovered=_recovered(plan, 0, 3)) == plan


def test_an_earlier_chunk_length_wins_over_new_settings() -> None:
    plan = _plan()
    assert _plan(ChunkLength(10.0, 0.0), recovered=_recovered(plan, 1)) == plan


def test_another_source_is_not_mixed_in() -> None:
    with pytest.raises(PermanentError, match="not the one") as caught:
        _plan(identity="a#2", recovered=_recovered(_plan(), 0))
    assert caught.value.code is ErrorCode.SOURCE_CHANGED


@pytest.mark.parametrize(
    "digest", ["", "unknown", "c1.5.5-o2-00000000000000000000000000000000", "c60.0-o2.0-" + "0" * 32]
)
def test_a_digest_that_is_not_of_this_plan_is_refused(digest: str) -> None:
    with pytest.raises(PermanentError):
        _plan(recovered={0: chunk_result(0, 0.0, 60.0, plan_digest=digest)})


def test_boundaries_and_indexes_must_agree() -> None:
    plan = _plan()
    for index, wrong in (
        (0, chunk_result(0, 0.0, 61.0, plan_digest=plan.digest)),
        (1, chunk_result(0, 0.0, 60.0, plan_digest=plan.digest)),
        (99, chunk_result(99, 0.0, 60.0, plan_digest=plan.digest)),
    ):
        with pytest.raises(PermanentError):
            _plan(recovered={index: wrong})
