"""The judgement itself: content with what is right, and with nothing that is wrong."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from tests.chaos import audit
from tests.chaos.audit import Asked, Sent, Standing
from tests.chaos.events import Seen

ATTEMPTS = 3
GOOD = Sent("good", 0, 0, b"good", chunks=2)
BAD = Sent("bad", 0, 1, b"bad", chunks=2, poison=True)
SENT = [GOOD, BAD]


def chunk(index: int, offset: int, job_id: str = "good", run_id: str = "run") -> Seen:
    event = {"job_id": job_id, "chunk_index": index, "run_id": run_id, "attempt": 1}
    headers = (("ce_id", f"{job_id}/{index}".encode()),)
    return Seen("chunk", 0, offset, job_id.encode(), b"", headers, event)


def final(job_id: str, status: str, offset: int, *chunks: Seen) -> Seen:
    listed = [{"chunk_index": one.event["chunk_index"], "partition": 0, "offset": one.offset} for one in chunks]
    event = {"job_id": job_id, "status": status, "chunks": listed, "run_id": "run"}
    return Seen("final", 0, offset, job_id.encode(), b"", (("ce_id", f"{job_id}/final".encode()),), event)


def dead(value: bytes, code: bytes = b"ATTEMPTS_EXHAUSTED", attempt: int = ATTEMPTS + 1) -> Seen:
    headers = (("__dlq.errors.code", code), ("__dlq.errors.attempt", str(attempt).encode()))
    return Seen("dead", 0, 0, b"bad", value, headers, {})


FIRST, SECOND = chunk(0, 0), chunk(1, 2)
RIGHT = [FIRST, SECOND, final("good", "succeeded", 0, FIRST, SECOND), final("bad", "failed", 2), dead(b"bad")]


def verdict(seen: list[Seen]) -> list[str]:
    return audit.results(SENT, seen) + audit.dead_letters(SENT, seen, ATTEMPTS)


def test_what_is_right_is_right() -> None:
    assert verdict(RIGHT) == []


def moved(seen: Seen, **changes: object) -> Seen:
    return dataclasses.replace(seen, **changes)  # type: ignore[arg-type]


WRONG: dict[str, tuple[Callable[[], list[Seen]], str]] = {
    "a chunk twice": (lambda: [*RIGHT, moved(SECOND, offset=4)], "is there 2 times"),
    "a final result twice": (lambda: [*RIGHT, moved(RIGHT[2], offset=4)], "is there 2 times"),
    "a dead letter twice": (lambda: [*RIGHT, moved(RIGHT[4], offset=1)], "is there 2 times"),
    "an event id twice": (lambda: [*RIGHT[:1], moved(SECOND, headers=FIRST.headers), *RIGHT[2:]], "event id"),
    "no final result": (lambda: RIGHT[:2] + RIGHT[3:], "good has no final result"),
    "a chunk that is listed and not there": (lambda: RIGHT[1:], "but the chunk topic has"),
    "a chunk that is there and not listed": (
        lambda: [FIRST, SECOND, final("good", "succeeded", 0, FIRST), *RIGHT[3:]],
        "but the chunk topic has",
    ),
    "a chunk too few": (lambda: [FIRST, final("good", "succeeded", 0, FIRST), *RIGHT[3:]], "the chunks [0] of 2"),
    "a chunk listed elsewhere": (lambda: [moved(FIRST, offset=7), *RIGHT[1:]], "but the chunk topic has"),
    "another partition": (lambda: [moved(FIRST, partition=1), *RIGHT[1:]], "not the job's partition"),
    "another key": (lambda: [moved(FIRST, key=b"x"), *RIGHT[1:]], "not the job's partition and key"),
    "another run": (lambda: [chunk(0, 0, run_id="x"), *RIGHT[1:]], "another record's run"),
    "a job that nobody sent": (lambda: [*RIGHT, chunk(0, 9, "strange")], "of no job that was sent"),
    "a job that failed": (lambda: [*RIGHT[:2], final("good", "failed", 0, FIRST, SECOND), *RIGHT[3:]], "good failed"),
    "poison that did not fail": (lambda: [*RIGHT[:3], final("bad", "succeeded", 2), RIGHT[4]], "bad succeeded"),
    "no dead letter": (lambda: RIGHT[:4], "bad is not among the dead letters"),
    "a good job among the dead letters": (lambda: [*RIGHT, dead(b"good")], "good is among the dead letters"),
    "a dead letter that was changed": (lambda: [*RIGHT[:4], dead(b"bed")], "is no job that was sent"),
    "a dead letter for another reason": (lambda: [*RIGHT[:4], dead(b"bad", code=b"OTHER")], "says"),
    "a dead letter too early": (lambda: [*RIGHT[:4], dead(b"bad", attempt=2)], "says"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_found(case: str) -> None:
    make, finding = WRONG[case]
    found = verdict(make())
    assert any(finding in one for one in found), found


def test_everything_is_passed_and_nothing_is_open() -> None:
    ends = {("jobs", 0): 2, ("chunks", 0): 3}
    assert audit.standing(SENT, Standing(ends, ends, {0: 2})) == []
    assert len(audit.standing(SENT, Standing(ends, ends, {0: 1}))) == 1
    assert len(audit.standing(SENT, Standing(ends, ends, {}))) == 1
    (found,) = audit.standing(SENT, Standing({**ends, ("chunks", 0): 1}, ends, {0: 2}))
    assert "a transaction is open" in found


def test_what_is_committed_is_not_computed_in_a_later_start() -> None:
    asked = [Asked("good", 0, 1, "a"), Asked("good", 1, 1, "a")]
    assert audit.computed(SENT, RIGHT, asked, most=0) == []
    (found,) = audit.computed(SENT, RIGHT, [*asked, Asked("good", 1, 2, "b")], most=1)
    assert "it stood already" in found


def test_what_is_computed_again_is_counted_but_for_poison() -> None:
    asked = [Asked("good", 0, 1, "a"), Asked("good", 0, 1, "b"), Asked("bad", 0, 1, "a"), Asked("bad", 0, 2, "a")]
    assert audit.recomputed(SENT, asked) == 1
    assert audit.computed(SENT, RIGHT, asked, most=1) == []
    (found,) = audit.computed(SENT, RIGHT, asked, most=0)
    assert "1 chunks were computed again" in found
