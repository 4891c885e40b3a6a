"""Right answers are marked right, wrong ones wrong, and the card says by how much an aim was missed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from consumer.demo.score import Score
from consumer.demo.sentences import Answer, Told, as_json, as_lines, parse
from consumer.inference.merge_prompt import gaps_sentence
from tools.tiny_model.card import CARD, EVALUATION, TRAINING, write_again, write_card
from tools.tiny_model.exam import (
    MOST_CHUNKS,
    OFFSETS,
    ChunkExam,
    chunk_exams,
    line_score,
    mark,
    merge_exams,
    merge_is_right,
)
from tools.tiny_model.results import Results
from tools.tiny_model.wording import Question


@pytest.fixture(scope="module")
def exams() -> list[ChunkExam]:
    return [exam for video in chunk_exams(24, 5) for exam in video]


def right(exam: ChunkExam) -> Answer:
    told = tuple(Told(event.time + exam.offset + 0.3, event.sentence) for event in exam.events)
    return Answer(exam.script.marker, told, ())


def test_there_are_as_many_chunks_as_asked_for_with_all_offsets(exams: list[ChunkExam]) -> None:
    assert [exam.number for exam in exams] == list(range(24))
    assert {exam.offset for exam in exams} == set(OFFSETS[:3])
    assert {exam.most_at_once for exam in exams} <= {0, 1, 2, 3}
    assert {exam.question for exam in exams} == set(Question)
    assert sum(len(exam.events) for exam in exams) > 100


def test_a_right_answer_is_exact_as_lines_and_as_json(exams: list[ChunkExam]) -> None:
    for exam in exams:
        for text in (as_lines(right(exam)), as_json(right(exam))):
            assert mark(text, exam).exact
            assert mark(text, exam).score == Score(len(exam.events), len(exam.events), len(exam.events))


def test_what_is_wrong_is_not_exact(exams: list[ChunkExam]) -> None:
    exam = next(one for one in exams if len(one.events) > 2)
    answer = right(exam)
    late = replace(answer.told[0], time=answer.told[0].time + 1)
    for wrong in (
        replace(answer, marker=(exam.script.marker + 1) % 100),
        replace(answer, told=answer.told[1:]),
        replace(answer, told=(late, *answer.told[1:])),
        replace(answer, told=(*answer.told, answer.told[-1])),
        replace(answer, other=("and so on",)),
    ):
        assert not mark(as_lines(wrong), exam).exact
    assert mark(as_lines(replace(answer, other=("and so on",))), exam).score.precision < 1


def test_questions_have_the_answers_that_the_events_give(exams: list[ChunkExam]) -> None:
    for exam in exams:
        enters = [event for event in exam.events if event.verb == "enters"]
        expected = {
            Question.ENTERED: str(len(enters)),
            Question.MARKER: f"{exam.script.marker:02d}",
            Question.STOPS: "yes" if any(event.verb == "stops" for event in exam.events) else "no",
        }
        if exam.question in expected:
            assert exam.right == expected[exam.question]
        elif exam.question is Question.SEEN:
            assert int(exam.right) >= len(enters)
        elif enters:
            assert exam.right in (enters[0].colour, enters[0].shape, enters[0].side)


def test_merges_are_right_only_whole() -> None:
    merges = merge_exams(MOST_CHUNKS, 5)
    assert any(exam.gaps for exam in merges) and not all(exam.gaps for exam in merges)
    for exam in merges:
        text = as_lines(exam.right)
        assert merge_is_right(text, exam)
        assert text.endswith(gaps_sentence(exam.gaps))
        for chunk, told in exam.chunks:
            assert all(chunk.start_time + 1 <= one.time < chunk.end_time for one in parse(told).told)
        lines = text.splitlines()
        doubled = "\n".join([*lines[:2], lines[1], *lines[2:]])
        assert not merge_is_right(doubled, exam)
        assert not merge_is_right("\n".join(lines[:-1]), exam)
        assert line_score(doubled, exam).precision < 1


def test_the_card_tells_what_was_reached_and_what_is_short(tmp_path: Path, exams: list[ChunkExam]) -> None:
    results = Results()
    for exam in exams:
        results.add_lines(exam, as_lines(right(exam)), 0.5)
        results.add_json(exam, as_json(replace(right(exam), other=())) if exam.number else "{", "as JSON")
        results.add_answer(exam, exam.right, "What?")
    for merge in merge_exams(4, 5):
        results.add_merge(merge, as_lines(merge.right) if merge.number else "")
    found = results.figures()
    assert found["lines"]["recall"] == found["lines"]["precision"] == found["questions"]["right"] == 1.0
    assert found["merges"]["right"] == 0.75
    assert [one["asked"] for one in found["mistakes"]] == ["JSON: as JSON", "merge"]
    evaluation = {"engine": "vllm 1", "seed": 5, **found}
    training = {"parameters": 5, "steps": 7, "seconds": 9, "seed": 1, "device": "CPU"}
    trial = {"windows tried": 2, "windows exact": 0.5, "merges tried": 2, "merges exact": 1.0}
    (tmp_path / TRAINING).write_text(json.dumps(training | trial))
    (tmp_path / EVALUATION).write_text(json.dumps(evaluation))
    (tmp_path / "model.safetensors").write_bytes(b"0" * 1000)
    write_card(tmp_path)
    text = (tmp_path / CARD).read_text()
    assert "| merged lists right as a whole | 75.00%, short by 20.00 points | 95.00% |" in text
    assert "| questions | 100.00% | 97.00% |" in text
    assert "| JSON valid against the schema | 95.83%, short by 4.17 points | 100.00% |" in text
    assert "--seed 1 --steps 7" in text and "Another training" not in text
    other = tmp_path / "other"
    other.mkdir()
    (other / TRAINING).write_text(json.dumps(training | trial | {"seed": 2}))
    (other / EVALUATION).write_text(json.dumps(evaluation | {"questions": {**found["questions"], "right": 0.9}}))
    write_again(tmp_path, other)
    text, _, again = (tmp_path / CARD).read_text().partition("Another training")
    assert "| questions | 100.00% | 97.00% |" in text and "seed 2, 7 steps" in again
    assert "| questions | 90.00%, short by 7.00 points | 97.00% |" in again
