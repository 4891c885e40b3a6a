"""`process`."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import TYPE_CHECKING, Any

import click

from consumer.cli.completion import files
from consumer.cli.exporting import export_option, write_exports
from consumer.cli.invocation import Invocation, pass_invocation
from consumer.cli.job_options import build_job, job_options
from consumer.cli.reporting import ReportOn, pictures_option, report_option, write_report
from consumer.cli.sources import located

if TYPE_CHECKING:
    from pathlib import Path

    from consumer.events.models import ChunkResult, VideoJob, VideoResult
    from consumer.media.library import MediaLibrary
    from consumer.settings import Settings

_TERMINATED = 128 + signal.SIGTERM


@click.command(short_help="Describe one video without Kafka.")
@click.argument("source", required=False, metavar="SOURCE", shell_complete=files)
@job_options
@click.option("--json", "json_output", is_flag=True, help="Only the HTTP response, when all is done.")
@export_option
@report_option
@pictures_option
@pass_invocation
def command(
    invocation: Invocation,
    /,
    source: str | None,
    json_output: bool,
    exports: tuple[Path, ...],
    report: Path | None,
    pictures: bool,
    **fields: Any,
) -> int:
    """Describe the video SOURCE (a path, or an s3:// or http(s):// address): each chunk's text when it is there, then
    the answer.

    The file's directory or the address's host counts as allowed. Exit code 1 unless every chunk was described.
    """
    from consumer.cli.format import answer_text, as_json, failure
    from consumer.report.exports.outcome import Outcome, response

    settings, job = plan(source, fields, invocation.settings(log_level="WARNING"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))
    result, chunks = asyncio.run(_process(settings, job, quiet=json_output))
    if json_output:
        click.echo(as_json(response(Outcome.of(job.job_id, chunks, result, relative_times=True))))
    elif result.aggregated_response:
        click.echo(f"\n{answer_text(result)}")
    if result.status != "succeeded":
        click.echo(failure(result.error) if result.error else f"The job ended as {result.status}.", err=True)
    # Last, so that a file that cannot be written hides nothing of what was found.
    write_exports(exports, settings, job.job_id, chunks, result)
    if report is not None:
        where = ReportOn(job.job_id, chunks, result, job, job.video_url, job.video_path, job)
        write_report(report, settings, where, pictures=pictures)
    return 0 if result.status == "succeeded" else 1


def plan(source: str | None, fields: dict[str, Any], settings: Settings) -> tuple[Settings, VideoJob]:
    """The job, and the settings under which its source may be read.

    Raises:
        click.UsageError: a field is wrong, or there is not exactly one source.
    """
    from consumer.client.ids import new_job_id

    named = [name for name in ("video_url", "video_path") if fields.get(name) is not None]
    if (source is not None) == bool(named):
        raise click.UsageError(
            "give one SOURCE" if source is None else f"give SOURCE or --{named[0].replace('_', '-')}, not both"
        )
    text = source if source is not None else fields[named[0]]
    settings, address = located(text, settings)
    return settings, build_job(fields | {"job_id": fields.get("job_id") or new_job_id()} | address)


async def _process(settings: Settings, job: VideoJob, *, quiet: bool) -> tuple[VideoResult, list[ChunkResult]]:
    from rich.console import Console

    from consumer.cli.format import chunk_text, span
    from consumer.inference.factory import make_engine
    from consumer.job import JobRunner, Run, WatchedRunner
    from consumer.job.tools import Tools
    from consumer.media.library import MediaLibrary
    from consumer.telemetry.metrics import Metrics
    from consumer.telemetry.tracing_choice import make_tracing

    chunks: list[ChunkResult] = []

    async def emit(chunk: ChunkResult) -> None:
        chunks.append(chunk)
        if not quiet:
            click.echo(f"[{span(chunk)}] {chunk_text(chunk)}")

    tracing = make_tracing(settings, "process")
    engine = make_engine(settings)
    media = MediaLibrary.from_settings(settings)
    tools = Tools(tracing=tracing)
    runner = JobRunner(media=media, engine=engine, settings=settings, metrics=Metrics(), worker="process", tools=tools)
    watched = WatchedRunner(runner, settings.engine_stall_seconds)
    try:
        # A model takes minutes to load: not for a video that is none. Then the run says what is wrong with it.
        if await asyncio.to_thread(_can_be_read, media, job):
            with Console(stderr=True).status(f"Loading {settings.model_name} ..."):
                await engine.start()
        watched.start()
        return await watched.run(job, Run(run_id=job.job_id, attempt=1, recovered={}), emit), chunks
    finally:
        watched.stop()
        await engine.stop()
        runner.close()
        media.close()
        await asyncio.to_thread(tracing.stop)


def _can_be_read(media: MediaLibrary, job: VideoJob) -> bool:
    """False where no try can help; a store that does not answer now may answer later."""
    from consumer.errors import CodedError, TransientError

    try:
        media.open(video_url=job.video_url, video_path=job.video_path).close()
    except CodedError as error:
        return isinstance(error, TransientError)
    return True
