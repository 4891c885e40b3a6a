"""Opens the videos of `estimate` and adds up what jobs on them would cost, as asked and with other values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from consumer.cli.format import explained
from consumer.cli.job_options import build_job
from consumer.cli.sources import VIDEO_SUFFIXES, Remote, Source, expand
from consumer.errors import CodedError, VideoConsumerError
from consumer.events.models import VideoJob
from consumer.inference.tokenizer import text_counter
from consumer.job.estimate import Estimate, PlannedEngine, ShownTimes, estimate, planned
from consumer.job.plan import chunk_length
from consumer.media.frames import MIN_FRAMES, FramePlan
from consumer.media.library import Media, MediaLibrary
from consumer.settings import Settings
from consumer.telemetry.masking import masked_text

MOST_VIDEOS = 10_000
OPENED_AT_ONCE = 8
LOOKED_AT = 3
"""Chunks of which the key frames are decoded to reckon those of the others."""

FPS = (0.5, 1.0, 2.0, 4.0)
CHUNK_SECONDS = (30.0, 60.0, 120.0)


@dataclass(frozen=True, slots=True)
class Video:
    """One video, with what its job would cost: as asked, then by change."""

    name: str
    asked: Estimate
    changed: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True)
class Estimates:
    """All videos.

    Args:
        exact_text: whether the prompt's text was counted with the model's own vocabulary.
        failures: a sentence for each video that cannot be estimated.
    """

    videos: list[Video]
    exact_text: bool
    failures: list[str] = field(default_factory=list)

    @property
    def total(self) -> Estimate:
        return sum((video.asked for video in self.videos), Estimate())

    @property
    def changes(self) -> dict[str, Estimate]:
        """The sums by what would be changed, as far as it would do for every video."""
        first = self.videos[0].changed if self.videos else {}
        names = [name for name in first if all(name in video.changed for video in self.videos)]
        return {name: sum((one.changed[name] for one in self.videos), Estimate()) for name in names}


def estimates(
    texts: Sequence[str], fields: Mapping[str, Any], settings: Settings, *, decode: bool, compare: bool
) -> Estimates:
    """Open all videos and add up.

    Raises:
        click.UsageError: a field is wrong, or a source is none.
        VideoConsumerError: a bucket cannot be listed.
    """
    job = build_job({**fields, "job_id": "estimate", "video_url": "s3://bucket/key"})
    counter = text_counter(settings)
    engine = PlannedEngine.of(settings, counter)
    prefixes = [text for text in texts if _is_prefix(text)]
    sources = expand(text for text in texts if text not in prefixes)
    allowed = _allowed(sources, settings)
    library = MediaLibrary.from_settings(allowed)
    try:
        for prefix in prefixes:
            sources += _below(library, prefix)
        found = Estimates([], counter.exact)
        look = partial(
            _video, library=library, job=job, engine=engine, settings=allowed, decode=decode, compare=compare
        )
        with ThreadPoolExecutor(OPENED_AT_ONCE, "estimate") as pool:
            for outcome in pool.map(look, sources):
                if isinstance(outcome, Video):
                    found.videos.append(outcome)
                else:
                    found.failures.append(outcome)
        return found
    finally:
        library.close()


def _is_prefix(text: str) -> bool:
    scheme, _, rest = text.partition("://")
    return scheme.lower() == "s3" and bool(rest.strip("/")) and (text.endswith("/") or "/" not in rest)


def _below(library: MediaLibrary, prefix: str) -> list[Source]:
    try:
        addresses = library.below(prefix, MOST_VIDEOS + 1)
    except CodedError as error:
        raise VideoConsumerError(f"{prefix}: {explained(error.code, error.message)}") from None
    if len(addresses) > MOST_VIDEOS:
        raise click.UsageError(f"there are more than {MOST_VIDEOS:,} objects below {prefix}; name a longer prefix")
    videos: list[Source] = [Remote(one) for one in addresses if Path(one).suffix.lower() in VIDEO_SUFFIXES]
    if not videos:
        raise click.UsageError(f"there is no video below {prefix} (looked for {', '.join(sorted(VIDEO_SUFFIXES))})")
    return videos


def _allowed(sources: Sequence[Source], settings: Settings) -> Settings:
    """What is named on the command line may be read, as by `process`."""
    remote = [urlsplit(one.url) for one in sources if isinstance(one, Remote)]
    hosts = dict.fromkeys(parts.hostname or "" for parts in remote if parts.scheme.lower() != "s3")
    paths = dict.fromkeys(str(one.path.resolve().parent) for one in sources if not isinstance(one, Remote))
    return settings.model_copy(
        update={
            "allowed_hosts": (*settings.allowed_hosts, *hosts),
            "allowed_paths": (*settings.allowed_paths, *paths),
        }
    )


def _video(
    source: Source,
    *,
    library: MediaLibrary,
    job: VideoJob,
    engine: PlannedEngine,
    settings: Settings,
    decode: bool,
    compare: bool,
) -> Video | str:
    """What the video would cost, or why nobody can tell."""
    name = masked_text(source.url) if isinstance(source, Remote) else str(source.path)
    address = (
        {"video_url": source.url, "video_path": None}
        if isinstance(source, Remote)
        else {
            "video_url": None,
            "video_path": str(source.path.resolve()),
        }
    )
    try:
        with library.open(**address) as media:
            asked = _estimate(media, job, engine, settings, decode=decode)
            changed = {}
            for change, one in _changes(job, settings).items() if compare else ():
                # A change with which the job would fail is none to recommend.
                with suppress(CodedError):
                    changed[change] = _estimate(media, one, engine, settings, decode=False)
    except CodedError as error:
        return f"{name}: {explained(error.code, error.message)}"
    return Video(name, asked, changed)


def _changes(job: VideoJob, settings: Settings) -> dict[str, VideoJob]:
    """The same job with one value changed, by what that is."""
    length = chunk_length(job, settings).duration
    changed = {f"fps {fps:g}": {"fps": fps} for fps in FPS if fps != job.fps}
    changed |= {
        f"chunk_duration {seconds:g}": {"chunk_duration": seconds}
        for seconds in CHUNK_SECONDS
        if seconds != length and seconds > (job.chunk_overlap or 0.0)
    }
    changed |= {} if job.keyframes_only else {"keyframes_only": {"keyframes_only": True}}
    return {name: job.model_copy(update=update) for name, update in changed.items()}


def _estimate(media: Media, job: VideoJob, engine: PlannedEngine, settings: Settings, *, decode: bool) -> Estimate:
    if decode:
        return estimate(job, media.info, engine, settings, lambda plan: media.decode(plan).times)
    if not job.keyframes_only:
        return estimate(job, media.info, engine, settings)
    shown, about = _key_frames(media, planned(job, media.info, engine, settings))
    return replace(estimate(job, media.info, engine, settings, shown), about=about)


def _key_frames(media: Media, plans: Sequence[FramePlan]) -> tuple[ShownTimes, bool]:
    """Of some chunks the key frames that there are, of others as many a second; and whether there are others."""
    step = max(1, (len(plans) - 1) // (LOOKED_AT - 1)) if len(plans) > LOOKED_AT else 1
    known = {plan.chunk.index: media.decode(plan).times for plan in plans[::step][:LOOKED_AT]}
    seen = sum(plan.chunk.seconds for plan in plans if plan.chunk.index in known)
    rate = sum(len(times) for times in known.values()) / seen

    def shown(plan: FramePlan) -> Sequence[float]:
        if plan.chunk.index in known:
            return known[plan.chunk.index]
        wanted = round(rate * plan.chunk.seconds) // 2 * 2
        count = max(MIN_FRAMES, min(len(plan.times), wanted))
        return [plan.times[index * len(plan.times) // count] for index in range(count)]

    return shown, len(known) < len(plans)
