"""The table of `watch`: as many columns and rows as the terminal has room for."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from consumer.cli.board import Board, JobRow
from consumer.cli.format import clock, printable

_COLOURS = {"succeeded": "green", "partial": "yellow", "cancelled": "yellow", "failed": "red", "running": "cyan"}
_RIGHT = frozenset({"chunks", "failed", "speed", "left"})
# From which width on a column is there; the other ones always are.
_FROM_WIDTH = {"left": 48, "speed": 58, "failed": 68, "worker": 92}
_COLUMNS = ("job", "state", "chunks", "failed", "speed", "left", "worker")
_LINES_BESIDES_ROWS = 5
_WORKER_WIDTH = 20


def board_table(board: Board, now: float, width: int, height: int) -> RenderableType:
    """All of it.

    Args:
        now: seconds of the monotonic clock.
        width, height: of the terminal, in characters.
    """
    names = [name for name in _COLUMNS if width >= _FROM_WIDTH.get(name, 0)]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in names:
        justify = "right" if name in _RIGHT else "left"
        table.add_column(name, justify=justify, no_wrap=True, overflow="ellipsis")  # type: ignore[arg-type]  # a Literal
    rows = board.shown(max(1, height - _LINES_BESIDES_ROWS))
    longest = max(8, width - sum(_widths(name) for name in names if name != "job"))
    for row in rows:
        cells = _cells(row, now, longest)
        table.add_row(*(cells[name] for name in names))
    counts = board.counts
    summary = ", ".join(f"{count} {state}" for state, count in counts.items()) or "no job yet"
    more = sum(counts.values()) - len(rows)
    hidden = f" ({more} not shown)" if more else ""
    return Group(Rule(style="dim"), table, Text(f"{summary}{hidden}", style="dim", overflow="ellipsis", no_wrap=True))


def shortened(job_id: str, width: int) -> str:
    """A job's id in so many characters: begin and end, since ids that were made together begin alike."""
    shown = printable(job_id)
    if len(shown) <= width:
        return shown
    tail = (width - 1) * 2 // 3
    return f"{shown[: width - 1 - tail]}…{shown[len(shown) - tail :]}"


def _cells(row: JobRow, now: float, longest: int) -> dict[str, Text]:
    left, factor = row.left(now), row.factor
    failures = row.failures
    return {
        "job": Text(shortened(row.job_id, longest)),
        "state": Text(row.state, style=_COLOURS.get(row.state, "")),
        "chunks": Text(f"{row.done}/{row.planned}" if row.planned is not None else "-"),
        "failed": Text(str(failures), style="red" if failures else ""),
        "speed": Text("-" if factor is None else f"{factor:.1f}x" if factor < 100 else f"{factor:.0f}x"),
        "left": Text(_left(left)),
        "worker": Text(shortened(row.worker, _WORKER_WIDTH)),
    }


def _left(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"~{clock(round(seconds))}" if seconds >= 1 else "soon"


def _widths(name: str) -> int:
    """What a column takes, with its padding, at most as a rule."""
    return {"state": 11, "chunks": 11, "failed": 8, "speed": 8, "left": 11, "worker": _WORKER_WIDTH + 2}[name]
