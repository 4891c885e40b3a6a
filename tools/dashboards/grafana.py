"""Boards as Grafana's JSON, by Grafana's own builders."""

from __future__ import annotations

from string import ascii_uppercase

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, DataSourceRef

from tools.dashboards.panels import Board, Panel

SOURCE = DataSourceRef("prometheus", "${datasource}")
HEIGHT, STAT_HEIGHT = 8, 4
_FILL, _NO_FILL = 40, 8


def as_json(board: Board) -> str:
    """The file's text: the same board gives the same text."""
    made = (
        dashboard.Dashboard(board.title)
        .uid(board.uid)
        .description(board.text)
        .tags(["video-consumer"])
        .time(board.since, "now")
        .refresh("30s")
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .with_variable(dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
    )
    if board.by_instance:
        made.with_variable(
            dashboard.QueryVariable("instance")
            .label("Worker")
            .datasource(SOURCE)
            .query("label_values(video_consumer_build_info, instance)")
            .multi(True)
            .include_all(True)
            .all_value(".*")
        )
    for row in board.rows:
        made.with_row(dashboard.Row(row.title))
        for panel in row.panels:
            made.with_panel(_stat(panel) if panel.kind == "stat" else _series(panel))
    return JSONEncoder(sort_keys=True, indent=2).encode(made.build()) + "\n"


def _stat(panel: Panel) -> stat.Panel:
    made = stat.Panel().title(panel.title).description(panel.text).unit(panel.unit).datasource(SOURCE)
    made.height(STAT_HEIGHT).span(panel.width)
    for target in _targets(panel):
        made.with_target(target.instant())
    return made


def _series(panel: Panel) -> timeseries.Panel:
    made = timeseries.Panel().title(panel.title).description(panel.text).unit(panel.unit).datasource(SOURCE)
    made.height(HEIGHT).span(panel.width).min(0)
    legend = common.VizLegendOptions().display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM)
    made.legend(legend.show_legend(True))
    made.tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
    made.fill_opacity(_FILL if panel.stacked else _NO_FILL)
    if panel.stacked:
        made.stacking(common.StackingConfig().mode(StackingMode.NORMAL))
    for target in _targets(panel):
        made.with_target(target.range())
    return made


def _targets(panel: Panel) -> list[prometheus.Dataquery]:
    return [
        prometheus.Dataquery().expr(query.expression).legend_format(query.legend).ref_id(letter)
        for query, letter in zip(panel.queries, ascii_uppercase, strict=False)
    ]
