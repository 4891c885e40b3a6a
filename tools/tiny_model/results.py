"""What an evaluation found, one answer after the other, and the figures that come of it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np
from jsonschema import Draft202012Validator

from consumer.demo.score import Score
from tools.tiny_model.exam import SCHEMA, ChunkExam, Mark, MergeExam, line_score, mark, merge_is_right, share, summary

_KEPT_MISTAKES = 30


class Results:
    """The marks of all answers so far."""

    def __init__(self) -> None:
        self._lines: list[tuple[ChunkExam, Mark]] = []
        self._json: list[tuple[bool, Mark]] = []
        self._questions: list[tuple[str, bool]] = []
        self._merges: list[tuple[int, bool, Score]] = []
        self._seconds: list[float] = []
        self._mistakes: list[dict[str, Any]] = []
        self._failures = 0

    @property
    def chunks(self) -> int:
        """Chunks that were described."""
        return len(self._lines)

    def add_lines(self, exam: ChunkExam, text: str, seconds: float) -> None:
        """A description, and how long it took."""
        self._lines.append((exam, mark(text, exam)))
        self._seconds.append(seconds)
        self._note(self._lines[-1][1].exact, "lines", exam, text)

    def add_json(self, exam: ChunkExam, text: str, prompt: str) -> None:
        """A description that a schema was given for."""
        self._json.append((_is_valid(text), mark(text, exam)))
        self._note(self._json[-1][1].exact, f"JSON: {prompt}", exam, text)

    def add_answer(self, exam: ChunkExam, text: str, prompt: str) -> None:
        """The answer to a question."""
        right = text.strip() == exam.right
        self._questions.append((exam.question.name.lower().replace("_", " "), right))
        self._keep(right, prompt, exam.number, text, [exam.right])

    def add_merge(self, exam: MergeExam, text: str) -> None:
        """The list of a whole job."""
        right = merge_is_right(text, exam)
        self._merges.append((len(exam.chunks), right, line_score(text, exam)))
        self._keep(right, "merge", exam.number, text, [f"[{one.time}s] {one.sentence}" for one in exam.right.told])

    def add_failure(self, message: str) -> None:
        """A request that had no answer."""
        self._failures += 1
        self._keep(False, "failed", -1, message, ())

    def figures(self) -> dict[str, Any]:
        """All figures, and the first mistakes."""
        by_offset, by_things = defaultdict[int, list[Mark]](list), defaultdict[int, list[Mark]](list)
        for exam, one in self._lines:
            by_offset[exam.offset].append(one)
            by_things[exam.most_at_once].append(one)
        kinds = sorted({kind for kind, _ in self._questions})
        lines = sum((score for _, _, score in self._merges), Score(0, 0, 0))
        sizes = sorted({size for size, _, _ in self._merges})
        return {
            "seconds a chunk in the median": round(float(np.median(self._seconds)), 2) if self._seconds else None,
            "failed requests": self._failures,
            "lines": summary([one for _, one in self._lines]),
            "lines by time offset": {key: summary(by_offset[key]) for key in sorted(by_offset)},
            "lines by things at once": {key: summary(by_things[key]) for key in sorted(by_things)},
            "json": {**summary([one for _, one in self._json]), "valid": share([valid for valid, _ in self._json])},
            "questions": {
                "right": share([right for _, right in self._questions]),
                "by question": {
                    kind: share([right for one, right in self._questions if one == kind]) for kind in kinds
                },
            },
            "merges": {
                "jobs": len(self._merges),
                "right": share([right for _, right, _ in self._merges]),
                "recall of lines": round(lines.recall, 5),
                "precision of lines": round(lines.precision, 5),
                "by chunks": {size: share([right for one, right, _ in self._merges if one == size]) for size in sizes},
            },
            "mistakes": self._mistakes,
        }

    def _note(self, right: bool, asked: str, exam: ChunkExam, said: str) -> None:
        truth = [f"marker {exam.script.marker:02d}"]
        truth += [f"{event.time + exam.offset:.1f} {event.sentence}" for event in exam.events]
        self._keep(right, asked, exam.number, said, truth)

    def _keep(self, right: bool, asked: str, number: int, said: str, truth: Iterable[str]) -> None:
        if not right and len(self._mistakes) < _KEPT_MISTAKES:
            self._mistakes.append({"asked": asked, "number": number, "said": said, "truth": list(truth)})


def _is_valid(text: str) -> bool:
    try:
        found = json.loads(text)
    except ValueError:
        return False
    return bool(Draft202012Validator(json.loads(SCHEMA)).is_valid(found))
