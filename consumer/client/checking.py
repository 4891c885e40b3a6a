"""Why the consumer would refuse a job, told before anything is sent (pure)."""

from __future__ import annotations

from pathlib import Path

from consumer.client.problems import RefusedJobError
from consumer.errors import PermanentError
from consumer.events.addresses import address_problem
from consumer.events.models import VideoJob
from consumer.events.response_schema import schema_validator
from consumer.settings import Settings


def require_acceptable(job: VideoJob, settings: Settings, now_ms: int) -> None:
    """Let a job pass unless the consumer would refuse it whatever the video is.

    The model has looked at each field; here come the rules that the consumer applies later. What only it can know
    (ALLOWED_HOSTS, ALLOWED_PATHS, how long the video is) is left to it.

    Args:
        settings: CHUNK_DURATION is taken for the consumer's own.
        now_ms: milliseconds since the epoch.

    Raises:
        RefusedJobError: the sentence names the field and what to do.
    """
    problem = _problem(job, settings, now_ms)
    if problem is not None:
        raise RefusedJobError(job.job_id, problem)


def _problem(job: VideoJob, settings: Settings, now_ms: int) -> str | None:
    if job.video_url is not None and (reason := address_problem(job.video_url)) is not None:
        return f"video_url: {reason}"
    if job.video_path is not None and ".." in Path(job.video_path).parts:
        return "video_path: it must not contain '..'; give the path straight down, as the consumer's machine sees it"
    if job.deadline is not None and job.deadline < now_ms:
        return "deadline: it has passed; name a later one, or none"
    overlap = job.chunk_overlap
    if job.chunk_duration is None and overlap is not None and overlap >= settings.chunk_duration:
        return (
            f"chunk_overlap: {overlap:g} s is not shorter than CHUNK_DURATION ({settings.chunk_duration:g} s); "
            "set chunk_duration, too"
        )
    if job.response_schema is not None:
        try:
            schema_validator(job.response_schema)
        except PermanentError as error:
            return error.message.rstrip(".")
    return None
