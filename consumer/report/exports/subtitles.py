"""Cues as SubRip and as WebVTT: what the model wrote is text, never markup."""

from __future__ import annotations

from collections.abc import Sequence

from consumer.report.exports.cues import Cue

# What SubRip's players take for formatting; the format knows no escape.
_SUBRIP = str.maketrans({"<": "‹", ">": "›", "{": "❴", "}": "❵"})
# WebVTT, section 4.2.2: these three, and then `-->` cannot stand in a cue either.
_WEBVTT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def subrip(cues: Sequence[Cue]) -> str:
    """A file of type .srt."""
    blocks = [
        f"{number}\n{_stamp(cue.start, ',')} --> {_stamp(cue.end, ',')}\n{text.translate(_SUBRIP)}\n"
        for number, (cue, text) in enumerate(_shown(cues), 1)
    ]
    return "\n".join(blocks)


def webvtt(cues: Sequence[Cue]) -> str:
    """A file of type .vtt."""
    blocks = [
        f"{_stamp(cue.start, '.')} --> {_stamp(cue.end, '.')}\n{text.translate(_WEBVTT)}\n"
        for cue, text in _shown(cues)
    ]
    return "\n".join(["WEBVTT\n", *blocks])


def _shown(cues: Sequence[Cue]) -> list[tuple[Cue, str]]:
    """The cues of which something is to be seen, with that."""
    return [(cue, text) for cue in cues if (text := _lines(cue.text))]


def _stamp(seconds: float, point: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{rest // 1000:02}{point}{rest % 1000:03}"


def _lines(text: str) -> str:
    """Without empty lines, which would end the cue, and without control characters."""
    lines = ("".join(one for one in line if one.isprintable() or one == "\t").strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line)
