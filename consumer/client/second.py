"""Second questions on finished jobs, as jobs of their own (pure)."""

from __future__ import annotations

from consumer.client.jobs import JobResults
from consumer.errors import VideoConsumerError
from consumer.events.models import VideoJob, VideoResult


class NotDoneError(VideoConsumerError):
    """The job has no final result, so nothing can be asked about it."""


def source_of(results: JobResults) -> tuple[str, str]:
    """The job_id and run_id whose chunk results are asked about: the job's own, or those that it asked about itself.

    Raises:
        NotDoneError: the job is not done.
    """
    final = require_done(results)
    made = final.provenance
    if not results.chunks and made is not None and made.source_job_id is not None and made.source_run_id is not None:
        return made.source_job_id, made.source_run_id
    return final.job_id, final.run_id


def require_done(results: JobResults) -> VideoResult:
    """The final result.

    Raises:
        NotDoneError: there is none.
    """
    if results.final is None:
        raise NotDoneError(
            f"The job {results.job_id} is not done; follow it with `video-consumer watch {results.job_id}`, then ask."
        )
    return results.final


def again_job(job_id: str, source: tuple[str, str], question: str) -> VideoJob:
    """Put the stored answers together again, as `question` says; no video is looked at."""
    return VideoJob(
        job_id=job_id, prompt=question, aggregation_prompt=question, source_job_id=source[0], source_run_id=source[1]
    )


def zoom_job(job_id: str, source: tuple[str, str], question: str, first: VideoJob) -> VideoJob:
    """Look at the chunks that matter to `question` again, with as many frames as fit, and answer from these alone.

    Args:
        first: the job that was submitted for the video; its part of the video and its sampling are kept.
    """
    tokens = VideoJob.model_fields["max_vision_tokens"].default
    asked = {
        "job_id": job_id,
        "prompt": question,
        "aggregation_prompt": question,
        "aggregate": True,
        "response_schema": None,
        "deadline": None,
        "fps": None,
        "keyframes_only": False,
        "max_frames_per_chunk": None,
        "max_vision_tokens": max(tokens, first.max_vision_tokens),
        "source_job_id": source[0],
        "source_run_id": source[1],
        "zoom": True,
    }
    return VideoJob.model_validate(first.model_dump() | asked)
