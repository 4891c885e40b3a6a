"""Dead letters as lines and as a page: text from outside, shown without control characters and without secrets."""

from __future__ import annotations

import datetime
import heapq
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Self

from consumer.cli.format import as_json
from consumer.errors import CODES, ErrorCode
from consumer.events.dead_letters import REDRIVEN_FROM, REDRIVEN_PREFIX, DeadLetter
from consumer.events.dissection import Dissection
from consumer.events.headers import DEAD_LETTER_PREFIX
from consumer.events.models import LATEST_MS
from consumer.telemetry.masking import masked, masked_text

LONGEST_TEXT = 4000
_HOPELESS = (ErrorCode.EVENT_UNDECODABLE, ErrorCode.EVENT_INVALID)
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (0, "s"))


@dataclass(frozen=True, slots=True)
class Entry:
    """A dead letter without its value, as `list` needs it; `job_id` None where nobody can tell."""

    timestamp: int
    place: str
    code: str
    attempt: int
    job_id: str | None
    sentence: str
    redriven: bool
    times_redriven: int

    @classmethod
    def of(cls, letter: DeadLetter, job_id: str | None, *, redriven: bool) -> Self:
        return cls(
            timestamp=letter.timestamp,
            place=letter.place,
            code=letter.error("code") or "UNKNOWN",
            attempt=letter.attempt,
            job_id=job_id,
            sentence=shown(letter.sentence),
            redriven=redriven,
            times_redriven=letter.times_redriven,
        )

    def fields(self) -> dict[str, Any]:
        return {
            "name": self.place,
            "code": shown(self.code),
            "created_at": self.timestamp,
            "attempt": self.attempt,
            "job_id": self.job_id,
            "message": self.sentence,
            "redriven": self.redriven,
            "times_redriven": self.times_redriven,
        }


@dataclass(slots=True)
class Listed:
    """Keeps the newest `limit` entries, and counts all."""

    limit: int
    _kept: list[tuple[int, int, Entry]] = field(default_factory=list)
    _counts: Counter[str] = field(default_factory=Counter)

    def add(self, letter: DeadLetter, job_id: str | None, redriven: bool) -> None:
        entry = Entry.of(letter, job_id, redriven=redriven)
        self._counts[shown(entry.code)] += 1
        heapq.heappush(self._kept, (entry.timestamp, self._counts.total(), entry))
        if len(self._kept) > self.limit:
            heapq.heappop(self._kept)

    @property
    def newest(self) -> list[Entry]:
        """Oldest first."""
        return [entry for _, _, entry in sorted(self._kept, key=lambda kept: kept[:2])]

    @property
    def summary(self) -> str:
        total = self._counts.total()
        if not total:
            return "No dead letters."
        by_code = ", ".join(f"{count} {code}" for code, count in self._counts.most_common())
        left = f"; the newest {len(self._kept)} are shown" if len(self._kept) < total else ""
        return f"{total} dead letter{'s' if total > 1 else ''}: {by_code}{left}."


def cannot_succeed(letter: DeadLetter) -> bool:
    """Whether the same bytes must fail again."""
    return letter.code in _HOPELESS


def line(entry: Entry, *, now_ms: int) -> str:
    """One dead letter for a person."""
    notes = [f"attempt {entry.attempt}"] if entry.attempt else []
    notes += [f"sent again {entry.times_redriven} times before"] if entry.times_redriven else []
    notes += ["sent again"] if entry.redriven else []
    head = f"{entry.place:<8} {shown(entry.code):<18} {age(now_ms - entry.timestamp):>7}"
    return f"{head}  {entry.job_id or '(no job id)'}  {', '.join(notes)}{'  ' if notes else ''}{entry.sentence}"


def whole(letter: DeadLetter, job_id: str | None, redriven: bool, found: Dissection) -> dict[str, Any]:
    """Everything about one dead letter, for a program and for `page`."""
    names = ("code", "message", "topic", "partition", "offset", "timestamp", "attempt", "stage", "worker")
    others = [one for one in letter.headers if not one[0].startswith((DEAD_LETTER_PREFIX, REDRIVEN_PREFIX))]
    return {
        **Entry.of(letter, job_id, redriven=redriven).fields(),
        "errors": {name: shown(text) for name in names if (text := letter.error(name)) is not None},
        "redriven_from": _header(letter, REDRIVEN_FROM),
        "headers": [[shown(name), masked(_text(value), name)] for name, value in others],
        "key": _text(letter.key),
        "value": {
            "bytes": None if letter.value is None else len(letter.value),
            "format": found.form,
            "problem": shown(found.problem) if found.problem else None,
            "fields": masked(found.fields),
            "text": cut(found.text) if found.text else None,
        },
    }


def page(letter: DeadLetter, fields: dict[str, Any], *, now_ms: int) -> str:
    """One dead letter for a person."""
    errors, value = fields["errors"], fields["value"]
    at = datetime.datetime.fromtimestamp(min(max(letter.timestamp, 0), LATEST_MS) / 1000, datetime.UTC)
    code = letter.code
    rows = [
        (
            "dead letter",
            f"{letter.place} of {letter.topic}, {at:%Y-%m-%d %H:%M:%S} UTC, {age(now_ms - letter.timestamp)} old",
        ),
        ("job", fields["job_id"] or "(no job id)"),
        ("code", fields["code"] + (f": {CODES[code].sentence}" if code is not None else "")),
        ("because", fields["message"]),
        ("received", " ".join(f"{name} {errors[name]}" for name in ("topic", "partition", "offset") if name in errors)),
        ("ended in", ", ".join(f"{name} {errors[name]}" for name in ("stage", "attempt", "worker") if name in errors)),
        ("sent again", "yes" if fields["redriven"] else "no"),
        ("made from", fields["redriven_from"] or ""),
        ("key", fields["key"] or ""),
        *(("header", f"{name}: {text}") for name, text in fields["headers"]),
        ("value", f"{value['bytes'] or 0:,} bytes, {value['format']}: {value['problem'] or 'a valid job.'}"),
    ]
    lines = [f"{name:<12} {text}" for name, text in rows if text]
    body = as_json(value["fields"]) if value["fields"] is not None else value["text"]
    return "\n".join(lines) + (f"\n\n{body}" if body else "")


def age(milliseconds: int) -> str:
    """How long ago, in the largest unit that fits; a clock that is behind makes it 0 s."""
    seconds = max(0, milliseconds // 1000)
    size, unit = next((size, unit) for size, unit in _UNITS if seconds >= size)
    return f"{seconds // max(size, 1)} {unit}"


def shown(text: str) -> str:
    """Text from outside on one line, without what a terminal would obey, without secrets."""
    # Before it is masked: a secret must not hide behind a character that is taken out.
    return masked_text(" ".join("".join(one if one.isprintable() else " " for one in text).split()))


def cut(text: str) -> str:
    """The same of a longer text, with its lines."""
    begin = "".join(one if one.isprintable() or one == "\n" else " " for one in text[: 2 * LONGEST_TEXT])
    clean = masked_text(begin)
    return clean if len(text) <= LONGEST_TEXT else f"{clean[:LONGEST_TEXT]}\n... of {len(text):,} characters"


def _text(value: bytes | None) -> str | None:
    return None if value is None else shown(value.decode(errors="replace"))[:LONGEST_TEXT]


def _header(letter: DeadLetter, name: str) -> str | None:
    return next((_text(value) for header, value in reversed(letter.headers) if header == name), None)
