"""Texts in which nothing loops and no moment of a video is named: what the checks on answers must let pass.

All of it is on any machine that has Python: documentation, licences, programs and their notes, word lists, JSON; and
texts as models write them, made here: lists of events, subtitles, tables, rows of figures.
"""

from __future__ import annotations

import json
import random
import sysconfig
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

# What `max_tokens` of some tens to some thousands leave of an answer, in characters.
LENGTHS = (200, 500, 1000, 2000, 4000, 8000)
_LARGEST = 400_000


def found_texts() -> Iterator[tuple[str, str]]:
    """Kind and text of every document that is there, in a fixed order."""
    from pydoc_data import topics

    for name in sorted(topics.topics):
        yield "documentation", topics.topics[name]
    library = Path(sysconfig.get_path("stdlib"))
    for path in sorted(library.glob("*.py")):
        yield "programs", _read(path)
    for path in sorted(library.glob("lib2to3/*.txt")) + sorted(library.glob("ensurepip/**/*.txt")):
        yield "documentation", _read(path)
    for distribution in sorted(distributions(), key=lambda one: one.metadata["Name"] or ""):
        yield "documentation", distribution.read_text("METADATA") or ""
        for file in sorted(distribution.files or (), key=str):
            if any(word in file.name.lower() for word in ("license", "licence", "copying", "notice")):
                yield "licences", _read(Path(str(file.locate())))
            elif file.suffix == ".json" and not file.name.startswith("tokenizer"):
                yield "JSON", _read(Path(str(file.locate())))


def made_texts(seed: int, count: int) -> Iterator[tuple[str, str]]:
    """Kind and text of answers as models write them, other ones for each seed; their times lie from 0 to 3,600 s."""
    for number in range(count):
        chance = random.Random(f"{seed}-{number}")
        kind = ("events", "events as JSON", "subtitles", "table", "figures", "inventory")[number % 6]
        yield kind, _made(kind, chance)


def pieces(texts: Iterator[tuple[str, str]], seed: int, most_each: int) -> Iterator[tuple[str, str]]:
    """Beginnings cut off anywhere: as an answer ends at `max_tokens`, from any place of a text on."""
    chance = random.Random(seed)
    for kind, text in texts:
        for _ in range(min(most_each, 1 + len(text) // LENGTHS[2])):
            start = chance.randrange(max(1, len(text) - LENGTHS[0]))
            piece = text[start : start + chance.choice(LENGTHS)]
            if piece.strip():
                yield kind, piece


def _read(path: Path) -> str:
    if not path.is_file():
        return ""
    return path.read_text(encoding="utf-8", errors="ignore")[:_LARGEST]


def _made(kind: str, chance: random.Random) -> str:
    times = sorted(round(chance.uniform(0, 3600), 1) for _ in range(chance.randrange(3, 60)))
    said = [_sentence(chance) for _ in times]
    if kind == "events":
        return "\n".join(f"[{time}s] {what}" for time, what in zip(times, said, strict=True))
    if kind == "events as JSON":
        return json.dumps({"events": [{"t": time, "what": what} for time, what in zip(times, said, strict=True)]})
    if kind == "subtitles":
        stamps = [f"{int(time) // 3600:02}:{int(time) // 60 % 60:02}:{int(time) % 60:02},000" for time in times]
        shown = zip(stamps, said, strict=True)
        return "\n\n".join(f"{number}\n{at} --> {at}\n{what}" for number, (at, what) in enumerate(shown, 1))
    if kind == "table":
        rows = [f"| {time} s | {what} | no change |" for time, what in zip(times, said, strict=True)]
        return "\n".join(["| time | what | remark |", "|---|---|---|", *rows])
    if kind == "figures":
        return "\n".join(",".join(str(chance.randrange(3)) for _ in range(12)) for _ in times)
    return "\n".join(f"- {chance.randrange(1, 4)} {_thing(chance)}: not moving" for _ in times)


def _thing(chance: random.Random) -> str:
    return f"{chance.choice(('red', 'blue', 'white'))} {chance.choice(('car', 'van', 'bus', 'bicycle'))}"


def _sentence(chance: random.Random) -> str:
    does = chance.choice(("enters from the left", "leaves to the right", "stops", "waits for 5 seconds", "moves on"))
    return f"a {_thing(chance)} {does}"
