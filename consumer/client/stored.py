"""The stored results of a job, for a worker that is asked about them."""

from __future__ import annotations

from consumer.client.jobs import VideoJobs
from consumer.client.problems import UnknownJobError
from consumer.errors import ErrorCode, PermanentError, TransientError
from consumer.events.models import ChunkResult, VideoResult
from consumer.settings import Settings
from consumer.stream.unavailable import KafkaUnavailableError


def stored_results(settings: Settings, job_id: str, run_id: str) -> tuple[VideoResult, tuple[ChunkResult, ...]]:
    """The final result of a finished job, and its chunks' by index. Blocks.

    Raises:
        PermanentError: EVENT_INVALID, there are none, or it is not done.
        TransientError: SOURCE_UNREACHABLE, no broker answers.
    """
    try:
        with VideoJobs(settings) as client:
            found = client.results(job_id, run_id)
    except UnknownJobError:
        message = f"source_job_id: nothing is stored of the job {job_id} with the run_id {run_id}."
        raise PermanentError(ErrorCode.EVENT_INVALID, message) from None
    except KafkaUnavailableError as error:
        raise TransientError(ErrorCode.SOURCE_UNREACHABLE, str(error)) from None
    if found.final is None:
        raise PermanentError(ErrorCode.EVENT_INVALID, f"source_job_id: the job {job_id} is not done.")
    return found.final, found.chunks
