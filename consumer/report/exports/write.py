"""Writes the file that a suffix asks for, whole or not at all."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path

from consumer.report.exports.cues import cues
from consumer.report.exports.markdown import markdown
from consumer.report.exports.outcome import Outcome, response
from consumer.report.exports.subtitles import subrip, webvtt
from consumer.report.exports.table import comma_separated, parquet
from consumer.report.files import place_problem, write_whole


def _json(outcome: Outcome) -> str:
    return json.dumps(response(outcome), indent=2, ensure_ascii=False) + "\n"


_TEXTS: dict[str, Callable[[Outcome], str]] = {
    ".srt": lambda outcome: subrip(cues(outcome)),
    ".vtt": lambda outcome: webvtt(cues(outcome)),
    ".md": markdown,
    ".json": _json,
    ".csv": comma_separated,
}
SUFFIXES = (*_TEXTS, ".parquet")


def check_export(path: Path) -> str | None:
    """Why nothing can be exported to this file, as the end of a sentence; None: it can."""
    if path.suffix.lower() not in SUFFIXES:
        return f"the suffix of {path.name} says no format; take one of {', '.join(SUFFIXES)}"
    if path.suffix.lower() == ".parquet" and importlib.util.find_spec("pyarrow") is None:
        return "Parquet needs the package pyarrow; install video-consumer[parquet]"
    return place_problem(path)


def write_export(path: Path, outcome: Outcome) -> None:
    """Write the file that the suffix asks for; one that is there is replaced.

    Raises:
        UnwritableError: it cannot be written; a file that was there is as it was.
    """
    suffix = path.suffix.lower()
    write_whole(path, parquet(outcome) if suffix == ".parquet" else _TEXTS[suffix](outcome), "--export")
