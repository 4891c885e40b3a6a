"""Progress of one partition's job, as the metadata string of its committed offset.

Brokers keep at most 4096 characters and confluent-kafka sends a trailing NUL along, hence the limit of 4000. The string
is a hint and the durable attempt counter; the truth about finished chunks is the chunk-results partition. So a string
that is absent, foreign or damaged is never an error: it means that the log has to be asked.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

MAX_CHARACTERS = 4000
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Progress:
    """What the group coordinator remembers for us.

    Args:
        run_id: the job in work at the committed offset; empty when idle.
        plan_digest: of the chunks committed so far; empty before the first.
        attempt: starts of this job so far, this one included.
        spared: those of them that do not count any more: they ended in good order (the partition moved, or the worker
            was told to stop), or a later one brought a chunk.
        results_from: offset in chunk-results before which no record of this run stands.
        done: indexes of the chunks committed so far (None: more than the string can hold).
        verify_below: records of the jobs partition below this offset may have been finished already by someone whose
            offsets were lost (an operator's reset): the results are read before any work; 0 when there are none.
    """

    run_id: str = ""
    plan_digest: str = ""
    attempt: int = 0
    results_from: int = 0
    done: frozenset[int] | None = frozenset()
    verify_below: int = 0
    spared: int = 0

    @property
    def has_chunks(self) -> bool:
        """Whether chunk results of this run may stand in the log."""
        return self.done is None or bool(self.done)


def encode(progress: Progress, offset: int) -> str:
    """ASCII, at most MAX_CHARACTERS; drops the list of chunks rather than exceed it.

    `offset`, the one that it is committed with, stands in it: tools that reset a group may keep the string.
    """
    text = _dump(progress, offset, None if progress.done is None else _ranges(progress.done))
    return text if len(text) <= MAX_CHARACTERS else _dump(progress, offset, None)


def decode(text: str | None, offset: int) -> Progress | None:
    """The progress in `text`, or None where it is absent, not ours, or was committed with another offset."""
    try:
        fields = json.loads((text or "").rstrip("\0"))
        if (fields["v"], fields["at"]) != (_VERSION, offset):
            return None
        done = fields["done"]
        return Progress(
            run_id=str(fields["run"]),
            plan_digest=str(fields["plan"]),
            attempt=int(fields["attempt"]),
            results_from=int(fields["from"]),
            done=None if done is None else frozenset(_indexes(str(done))),
            verify_below=int(fields["verify"]),
            spared=int(fields.get("spared", 0)),
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _dump(progress: Progress, offset: int, done: str | None) -> str:
    fields = {
        "v": _VERSION,
        "at": offset,
        "run": progress.run_id,
        "plan": progress.plan_digest,
        "attempt": progress.attempt,
        "from": progress.results_from,
        "verify": progress.verify_below,
        "spared": progress.spared,
        "done": done,
    }
    return json.dumps(fields, separators=(",", ":"))


def _ranges(indexes: Iterable[int]) -> str:
    """{0, 1, 2, 5} as "0-2,5"."""
    spans: list[list[int]] = []
    for index in sorted(indexes):
        if spans and spans[-1][1] == index - 1:
            spans[-1][1] = index
        else:
            spans.append([index, index])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)


def _indexes(text: str) -> Iterable[int]:
    for span in text.split(",") if text else ():
        first, _, last = span.partition("-")
        begin, end = int(first), int(last or first)
        if not 0 <= begin <= end < 1_000_000:
            raise ValueError(f"not a span of chunk indexes: {span}")
        yield from range(begin, end + 1)
