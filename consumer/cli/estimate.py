"""`estimate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from consumer.cli.completion import files
from consumer.cli.invocation import Invocation, pass_invocation
from consumer.cli.job_options import job_options

if TYPE_CHECKING:
    from consumer.job.throughput import Throughput
    from consumer.settings import Settings

# As in consumer.job.throughput, which `--help` must not import.
_CARDS = ("h200-bf16", "h200-fp8")


@click.command(short_help="Say what jobs will cost; nothing is spent.")
@click.argument("sources", nargs=-1, metavar="SOURCE...", shell_complete=files)
@job_options
@click.option("--card", type=click.Choice(_CARDS), help="Whose throughput was measured.  [default: by MODEL_NAME]")
@click.option("--tokens-per-second", type=click.FloatRange(min=1), metavar="NUMBER", help="Your own throughput.")
@click.option("--like", metavar="JOB", help="The throughput of this finished job.")
@click.option("--price-per-hour", type=click.FloatRange(min=0), metavar="NUMBER", help="Of the card.")
@click.option("--decode", is_flag=True, help="Decode every chunk and count its frames, which takes its time.")
@click.option("--compare/--no-compare", default=True, help="Show what other values would change.  [default: yes]")
@click.option("--json", "json_output", is_flag=True, help="As a JSON object.")
@pass_invocation
def command(
    invocation: Invocation,
    /,
    sources: tuple[str, ...],
    card: str | None,
    tokens_per_second: float | None,
    like: str | None,
    price_per_hour: float | None,
    decode: bool,
    compare: bool,
    json_output: bool,
    **fields: Any,
) -> int:
    """Say what jobs on each SOURCE would cost: chunks, frames, tokens, seconds of a GPU, price. Nothing is spent.

    SOURCE is an s3:// or http(s):// address, a file, a directory, or s3://BUCKET/PREFIX/ for all videos below it. Of
    each video the index is read. Tokens are exact where the model's vocabulary is on this machine, and otherwise exact
    but for the text of the prompt; of key frames three chunks are decoded to reckon the others, unless --decode. The
    step that puts the chunks' answers together is not in it. Exit code 1 if a video cannot be read.
    """
    from consumer.cli.estimating import estimates
    from consumer.cli.estimation_table import as_fields, table
    from consumer.cli.format import as_json

    if sum(value is not None for value in (card, tokens_per_second, like)) > 1:
        raise click.UsageError("give one of --card, --tokens-per-second and --like")
    if not sources:
        raise click.UsageError("give at least one SOURCE")
    if any(fields.get(name) is not None for name in ("video_url", "video_path", "job_id")):
        raise click.UsageError("--video-url, --video-path and --job-id are not for estimates; give SOURCE")
    settings = invocation.settings()
    throughput = _throughput(settings, card, tokens_per_second, like)
    found = estimates(sources, fields, settings, decode=decode, compare=compare)
    if json_output:
        click.echo(as_json(as_fields(found, throughput, price_per_hour)))
    elif found.videos:
        click.echo(table(found, throughput, price_per_hour))
    for failure in found.failures:
        click.echo(failure, err=True)
    return 1 if found.failures else 0


def _throughput(settings: Settings, card: str | None, tokens_per_second: float | None, like: str | None) -> Throughput:
    from consumer.errors import VideoConsumerError
    from consumer.job.throughput import CARDS, Throughput, throughput_of

    if tokens_per_second is not None:
        return Throughput("what --tokens-per-second says", tokens_per_second, None)
    if like is None:
        fp8 = "fp8" in f"{settings.model_name} {settings.quantization or ''}".lower()
        return CARDS[card or ("h200-fp8" if fp8 else "h200-bf16")]
    from consumer.client import VideoJobs

    with VideoJobs(settings) as client:
        results = client.results(like)
    found = throughput_of(results.final, results.chunks) if results.final is not None else None
    if found is None:
        raise VideoConsumerError(f"--like: the job {like} is not done or has read nothing; name a finished one.")
    return found
