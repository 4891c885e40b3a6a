"""What one job will do, decided before the first frame is decoded (pure)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from consumer.errors import ErrorCode, PermanentError
from consumer.events.models import ChunkResult, VideoJob
from consumer.job.coverage import Span
from consumer.media.chunks import Chunk, plan_chunks
from consumer.settings import Settings

_NUMBER = r"\d+(?:\.\d+)?(?:e-?\d+)?"
_DIGEST = re.compile(rf"c({_NUMBER})-o({_NUMBER})-[0-9a-f]{{32}}")


@dataclass(frozen=True, slots=True)
class ChunkLength:
    """Seconds a chunk, and seconds that neighbours share."""

    duration: float
    overlap: float


@dataclass(frozen=True, slots=True)
class JobPlan:
    """The chunks of a job, and the digest that stands for them and for the very bytes they are cut from."""

    chunks: tuple[Chunk, ...]
    digest: str

    @property
    def span(self) -> Span:
        """The seconds of source time that were asked for and exist."""
        return self.chunks[0].start_time, self.chunks[-1].end_time


def chunk_length(job: VideoJob, settings: Settings) -> ChunkLength:
    """The job's values where it has them, else the settings'.

    A default overlap gives way to a short chunk_duration of the job (at most half of it).

    Raises:
        PermanentError: EVENT_INVALID, the job's chunk_overlap is not shorter than the default CHUNK_DURATION.
    """
    duration = settings.chunk_duration if job.chunk_duration is None else job.chunk_duration
    if job.chunk_overlap is None:
        return ChunkLength(duration, min(settings.chunk_overlap, duration / 2))
    if job.chunk_overlap >= duration:
        message = f"chunk_overlap ({job.chunk_overlap:g} s) must be shorter than chunk_duration ({duration:g} s)."
        raise PermanentError(ErrorCode.EVENT_INVALID, message)
    return ChunkLength(duration, job.chunk_overlap)


def make_plan(
    job: VideoJob, *, length: ChunkLength, duration: float, identity: str, recovered: Mapping[int, ChunkResult]
) -> JobPlan:
    """Cut the video (`duration` seconds long), the same way as an earlier attempt did if its results are there.

    The digest is `c<chunk seconds>-o<overlap seconds>-<hash>`; the hash is over the source's identity and every chunk's
    index and boundaries. An earlier attempt may have run with other settings (a worker that was updated meanwhile), and
    what it published stands: so its chunk length is taken from its digest and wins over `length`.

    Raises:
        PermanentError: SOURCE_CHANGED, the recovered results are not from this source or cannot be of this plan: to mix
            answers about two versions of a video would be worse than to stop. Else as `plan_chunks` raises.
    """
    digests = {result.provenance.plan_digest for result in recovered.values()}
    for digest in digests:
        length = length_of(digest) or length
    chunks = plan_chunks(
        duration=duration,
        chunk_duration=length.duration,
        chunk_overlap=length.overlap,
        start_time=job.start_time,
        end_time=job.end_time,
    )
    plan = JobPlan(chunks, _digest(length, identity, chunks))
    if digests - {plan.digest} or not all(_fits(plan, index, result) for index, result in recovered.items()):
        message = f"The video is not the one of which an earlier attempt described {len(recovered)} chunk(s)."
        raise PermanentError(ErrorCode.SOURCE_CHANGED, message)
    return plan


def _fits(plan: JobPlan, index: int, result: ChunkResult) -> bool:
    if not 0 <= index < len(plan.chunks) or result.chunk_index != index:
        return False
    chunk = plan.chunks[index]
    return (result.start_time, result.end_time) == (chunk.start_time, chunk.end_time)


def _digest(length: ChunkLength, identity: str, chunks: tuple[Chunk, ...]) -> str:
    content = [identity, *([chunk.index, chunk.start_time, chunk.end_time] for chunk in chunks)]
    hashed = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]
    return f"c{length.duration!r}-o{length.overlap!r}-{hashed}"


def length_of(digest: str) -> ChunkLength | None:
    """What a digest says of the chunks' length; None: it is not one of ours."""
    match = _DIGEST.fullmatch(digest)
    return ChunkLength(float(match[1]), float(match[2])) if match else None
