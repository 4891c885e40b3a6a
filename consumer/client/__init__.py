"""The client of the consumer: `VideoJobs` submits jobs and reads their results, `AsyncVideoJobs` does so in asyncio."""

from consumer.client.asynchronous import AsyncVideoJobs
from consumer.client.ids import new_job_id
from consumer.client.jobs import JobResults, VideoJobs
from consumer.client.problems import (
    JobTooLargeError,
    RefusedJobError,
    SubmitError,
    UnknownJobError,
    UploadError,
    WaitTimeoutError,
)
from consumer.client.producer import JobHandle
from consumer.events.models import ChunkResult, VideoJob, VideoResult
from consumer.settings import Settings, load_settings

__all__ = [
    "AsyncVideoJobs",
    "ChunkResult",
    "JobHandle",
    "JobResults",
    "JobTooLargeError",
    "RefusedJobError",
    "Settings",
    "SubmitError",
    "UnknownJobError",
    "UploadError",
    "VideoJob",
    "VideoJobs",
    "VideoResult",
    "WaitTimeoutError",
    "load_settings",
    "new_job_id",
]
