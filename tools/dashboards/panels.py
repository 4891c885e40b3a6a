"""What a dashboard is made of, without Grafana: rows of panels, each with its questions to Prometheus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

NARROW, HALF, WIDE = 4, 12, 24
"""Widths of panels; a row has 24."""


@dataclass(frozen=True, slots=True)
class Query:
    """A question in PromQL; `legend` names its series, `{{label}}` by a label's value."""

    expression: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture.

    Args:
        text: what a reader has to know of it, a sentence or two.
        unit: Grafana's name of it.
        kind: `stat` is one number over the range that is looked at, `series` its course.
        needs: what a worker must have, or that there must be an autoscaler, for the series to be there.
    """

    title: str
    text: str
    unit: str
    queries: tuple[Query, ...]
    kind: Literal["stat", "series"] = "series"
    width: int = HALF
    stacked: bool = False
    needs: Literal["", "gpu", "vllm", "autoscaler"] = ""


@dataclass(frozen=True, slots=True)
class Row:
    """Panels that belong together."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Board:
    """A dashboard.

    Args:
        uid: its identity in Grafana and the name of its file.
        since: how far back it looks at first.
        by_instance: whether single workers can be chosen.
    """

    uid: str
    title: str
    text: str
    since: str
    rows: tuple[Row, ...]
    by_instance: bool = False

    @property
    def panels(self) -> list[Panel]:
        """All panels, in their order."""
        return [panel for row in self.rows for panel in row.panels]
