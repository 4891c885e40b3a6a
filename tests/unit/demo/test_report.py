"""What is shown beside the truth, and how it counts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from consumer.demo import report
from consumer.demo.score import Score
from consumer.demo.sentences import Event
from consumer.demo.thing import Thing
from consumer.demo.world import Background, Script
from consumer.events.models import ChunkResult, Frames, Provenance, Sampling, Timings, Tokens, VideoResult

CIRCLE = Thing(
    shape="circle",
    colour="red",
    radius=20,
    rotation=0,
    origin="left",
    goal="right",
    start=(-20, 100),
    end=(212, 100),
    enters=20,
    leaves=24,
)
SCRIPT = Script(
    60, 7, Background((0, 0, 0), (9, 9, 9), 0), (CIRCLE, replace(CIRCLE, colour="blue", enters=30, leaves=34))
)
ENTERS, LEAVES = "a red circle enters from the left", "the red circle leaves to the right"

PROVENANCE = Provenance(
    model="m",
    revision=None,
    quantization=None,
    engine="e",
    engine_version="1",
    prompt_digest="",
    sampling=Sampling(max_tokens=1, temperature=0, top_p=1, top_k=1, presence_penalty=0, seed=None),
    plan_digest="",
    consumer_version="0",
    worker="w",
)


def chunk(response: str | None) -> ChunkResult:
    return ChunkResult(
        chunk_index=1,
        start_time=18,
        end_time=30,
        success=response is not None,
        response=response,
        processing_time=1.25,
        job_id="demo",
        run_id="r",
        num_chunks=4,
        attempt=1,
        error=None,
        finish_reason="stop",
        truncated=False,
        degraded=[],
        frames=Frames(count=24, fps=2, width=192, height=192, first_time=18, last_time=29.5),
        tokens=Tokens(vision=500, prompt=600, completion=30),
        timings=Timings(),
        provenance=PROVENANCE,
        parsed=None,
        metadata={},
        created_at=0,
    )


def final(response: str | None) -> VideoResult:
    values: dict[str, Any] = dict.fromkeys(VideoResult.model_fields)
    values |= {"success": True, "num_chunks": 4, "total_successful_chunks": 4, "total_processing_time": 3.0}
    values |= {"job_id": "demo", "run_id": "r", "status": "succeeded", "chunks": [], "tokens": Tokens()}
    values |= {"timings": Timings(), "attempts": 1, "metadata": {}, "created_at": 0, "aggregated_response": response}
    values |= {"warnings": []}
    return VideoResult(**values)


def test_a_chunk_that_is_all_right() -> None:
    marked = report.mark_chunk(chunk(f"marker 07\n[20.2s] {ENTERS}\n[24.2s] {LEAVES}"), SCRIPT)
    assert (marked.score, marked.marker_right) == (Score(2, 2, 2), True)
    assert marked.lines == (
        "    right   marker 07",
        f"    right   [20.2s] {ENTERS} (script: 19.9 s)",
        f"    right   [24.2s] {LEAVES} (script: 23.9 s)",
    )


def test_what_is_missed_wrong_and_strange_stands_out_and_counts() -> None:
    marked = report.mark_chunk(chunk(f"marker 01\n[21.2s] {ENTERS}\n[24.2s] {LEAVES}\nbla"), SCRIPT)
    assert (marked.score, marked.marker_right) == (Score(2, 3, 1), False)
    assert marked.lines == (
        "    wrong   marker 01",
        f"    missed  {ENTERS} (script: 19.9 s)",
        f"    wrong   [21.2s] {ENTERS} (not in the script)",
        f"    right   [24.2s] {LEAVES} (script: 23.9 s)",
        "    ?       bla",
    )


@pytest.mark.parametrize("text", [None, "", "nothing happens"])
def test_an_empty_answer_misses_all(text: str | None) -> None:
    marked = report.mark_chunk(chunk(text), SCRIPT)
    assert (marked.score, marked.marker_right) == (Score(2, 0, 0), False)


def test_nothing_happens_can_be_right() -> None:
    quiet = replace(SCRIPT, things=())
    marked = report.mark_chunk(chunk("marker 07\nnothing happens"), quiet)
    assert marked.score == Score(0, 0, 0)
    assert marked.lines == ("    right   marker 07", "    right   nothing happens")


def test_the_whole_is_held_against_the_whole_script() -> None:
    marked = report.mark_final(final(f"marker 07\n[20.2s] {ENTERS}"), SCRIPT)
    assert marked.score == Score(4, 1, 1)
    assert [event.time for event in SCRIPT.events] == [19.9, 23.9, 29.9, 33.9]
    assert all(isinstance(event, Event) for event in SCRIPT.events)


def test_the_heading_tells_what_it_took() -> None:
    assert report.heading(chunk("")) == (
        "chunk 2 of 4, 18 s to 30 s, 24 frames of 192x192, 600 tokens in, 30 out, 1.2 s"
    )


def test_without_a_script_the_answer_stands_alone() -> None:
    assert report.plain(" a\nb ") == ["    a", "    b"]
    assert report.plain(None) == []
