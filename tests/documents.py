"""The project's pages as tests read them: links, anchors, blocks of code, and what stands in code within text."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[1]
SHELLS = frozenset({"sh", "bash", "console"})
_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_SPAN = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True)
class Page:
    """A Markdown file of the project."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def prose(self) -> str:
        """Without blocks of code."""
        return _FENCE.sub("", self.text)

    @property
    def links(self) -> list[str]:
        """What links inside the project name, as it is written."""
        return [link for link in _LINK.findall(self.prose) if "://" not in link and not link.startswith("mailto:")]

    @cached_property
    def anchors(self) -> set[str]:
        """The anchors of its headings, as GitHub makes them."""
        found: set[str] = set()
        for heading in re.findall(r"^#{1,6} +(.*?) *#*$", self.prose, re.MULTILINE):
            plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").strip().lower()
            anchor = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
            count = 1
            while anchor in found:
                anchor, count = f"{anchor.removesuffix(f'-{count - 1}')}-{count}", count + 1
            found.add(anchor)
        return found

    @property
    def spans(self) -> list[str]:
        """Code within text."""
        return _SPAN.findall(self.prose)

    @property
    def commands(self) -> list[str]:
        """Every command of its blocks for shells, a line each, without prompts, comments and output."""
        return [line for kind, block in self._blocks() if kind in SHELLS for line in _lines(kind, block)]

    @property
    def json_blocks(self) -> list[str]:
        return [block for kind, block in self._blocks() if kind == "json"]

    def _blocks(self) -> Iterator[tuple[str, str]]:
        for _, kind, block in _FENCE.findall(self.text):
            yield kind, block


def pages() -> list[Page]:
    """Every page that readers see; none is left out by being new."""
    found = [*ROOT.glob("*.md"), *(ROOT / ".github").rglob("*.md")]
    for directory in ("docs", "schemas", "deploy", "consumer", "tests", "examples"):
        found += (ROOT / directory).rglob("*.md")
    return [Page(path) for path in sorted(found) if "node_modules" not in path.parts]


def _lines(kind: str, block: str) -> Iterator[str]:
    joined = re.sub(r"\\\n\s*", " ", block)
    for line in joined.splitlines():
        if kind == "console" and not line.startswith("$ "):
            continue
        command = line.removeprefix("$ ").strip()
        if shlex.split(command, comments=True):
            yield command
