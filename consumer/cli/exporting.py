"""`--export FILE`, for every command that has results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from consumer.events.models import ChunkResult, VideoResult
    from consumer.settings import Settings


def _checked(_context: click.Context, _parameter: click.Parameter, paths: tuple[Path, ...]) -> tuple[Path, ...]:
    if paths:
        from consumer.report.exports import check_export

        for path in paths:
            problem = check_export(path)
            if problem is not None:
                raise click.UsageError(f"--export: {problem}")
    return paths


export_option = click.option(
    "--export",
    "exports",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    callback=_checked,
    help="Write FILE.srt, .vtt, .md, .json, .csv or .parquet; may be repeated.",
)


def write_exports(
    paths: Sequence[Path], settings: Settings, job_id: str, chunks: Sequence[ChunkResult], final: VideoResult | None
) -> None:
    """Write them all.

    Raises:
        UnwritableError: one cannot be written.
    """
    if not paths:
        return
    from consumer.report.exports import Outcome, write_export

    outcome = Outcome.of(job_id, chunks, final, relative_times=settings.timestamps == "relative")
    for path in paths:
        write_export(path, outcome)
