"""docs/media.md: its tables, written from what the tests found and from what the code holds."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from consumer.media.chunks import MAX_CHUNKS
from consumer.media.container import MAX_ASPECT, MAX_PIXELS
from consumer.media.frames import MIN_FRAMES
from consumer.settings import Settings
from tests.formats import test_pictures, test_streams, test_times
from tests.formats.declared import CELLS, CODECS, CONTAINERS

PAGE = Path(__file__).parents[2] / "docs" / "media.md"
SETTINGS = {
    "max_source_bytes": "SOURCE_TOO_LARGE",
    "max_video_seconds": "MEDIA_TOO_LONG",
    "max_scratch_bytes": "SOURCE_TOO_LARGE",
    "max_frame_bytes": "chunks wait for one another",
    "probe_timeout_seconds": "SOURCE_UNREACHABLE; after half of it the header is believed, unread packets or not",
    "decode_timeout_seconds": "MEDIA_UNREADABLE",
}
CONSTANTS = {
    f"pixels of a frame: {MAX_PIXELS:,} (8K has 33 million)": "MEDIA_UNSUPPORTED",
    f"long side by short side: {MAX_ASPECT}": "MEDIA_UNSUPPORTED",
    f"chunks of a job: {MAX_CHUNKS:,}": "EVENT_INVALID",
    f"pictures of a chunk: at least {MIN_FRAMES}": "CHUNK_NO_FRAMES",
}

Row = tuple[str, str]


def properties() -> Iterator[Row]:
    """What the tests say of a file and of what is done with it (their marks `says`), in the order of the tests."""
    for module in (test_times, test_pictures, test_streams):
        for test in vars(module).values():
            for mark in getattr(test, "pytestmark", ()):
                if mark.name == "says":
                    yield mark.args


def written(page: str, failed_cells: Collection[Row] = (), failed_rows: Collection[Row] = ()) -> str:
    """The page with its tables written anew.

    Raises:
        ValueError: it has no place for one of them.
    """
    tables = {"formats": _formats(failed_cells), "properties": _properties(failed_rows), "limits": _limits()}
    for name, lines in tables.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        if page.count(begin) != 1 or page.count(end) != 1:
            raise ValueError(f"{PAGE.name} must hold {begin.strip()} and {end} once")
        page = page[: page.index(begin) + len(begin)] + "\n".join(lines) + "\n" + page[page.index(end) :]
    return page


def _formats(failed: Collection[Row]) -> Iterator[str]:
    yield f"| | {' | '.join(container.name for container in CONTAINERS.values())} |"
    yield "|---" * (len(CONTAINERS) + 1) + "|"
    for codec, one in CODECS.items():
        cells = ((codec, container) for container in CONTAINERS)
        marks = ("" if cell not in CELLS else "**no**" if cell in failed else "exact" for cell in cells)
        yield f"| {one.name} | {' | '.join(marks)} |"


def _properties(failed: Collection[Row]) -> Iterator[str]:
    yield "| a file that ... | what is done with it |"
    yield "|---|---|"
    for row in properties():
        yield f"| {row[0]} | {'**Fails:** ' if row in failed else ''}{_coded(row[1])} |"


def _limits() -> Iterator[str]:
    yield "| limit | beyond it |"
    yield "|---|---|"
    for name, beyond in SETTINGS.items():
        field = Settings.model_fields[name]
        yield f"| `{name.upper()}`: {field.description}; {field.default:,.0f} if not set | {_coded(beyond)} |"
    for limit, beyond in CONSTANTS.items():
        yield f"| {limit} | {_coded(beyond)} |"


def _coded(text: str) -> str:
    """Reason codes as such."""
    return re.sub(r"\b[A-Z]+(_[A-Z]+)+\b", lambda code: f"`{code[0]}`", text)
