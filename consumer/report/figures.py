"""Numbers as people read them (pure)."""

from __future__ import annotations

import datetime


def clock(seconds: float) -> str:
    """Source time as m:ss or h:mm:ss, with tenths where there are any."""
    tenths = round(seconds * 10)
    hours, rest = divmod(tenths, 36_000)
    minutes, rest = divmod(rest, 600)
    whole, tenth = divmod(rest, 10)
    fraction = f".{tenth}" if tenth else ""
    return f"{hours}:{minutes:02}:{whole:02}{fraction}" if hours else f"{minutes}:{whole:02}{fraction}"


def span(start: float, end: float) -> str:
    return f"{clock(start)} – {clock(end)}"


def count(number: int) -> str:
    """1234567 as 1,234,567."""
    return f"{number:,}"


def size(number: int) -> str:
    """Bytes with a unit of 1000."""
    value = float(number)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} TB"


def share(part: float, whole: float) -> str:
    """A percentage that says 100 % only where nothing is missing."""
    if whole <= 0:
        return "–"
    percent = 100 * part / whole
    return f"{percent:.1f} %" if percent >= 100 else f"{min(percent, 99.9):.1f} %"


def moment(milliseconds: int) -> str:
    """An instant in UTC."""
    instant = datetime.datetime.fromtimestamp(milliseconds / 1000, tz=datetime.UTC)
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"
