"""The client of the consumer: `VideoJobs` submits jobs and reads their results."""

from consumer.client.ids import new_job_id
from consumer.client.jobs import JobResults, VideoJobs
from consumer.client.problems import JobTooLargeError, SubmitError, UnknownJobError, UploadError, WaitTimeoutError
from consumer.client.producer import JobHandle

__all__ = [
    "JobHandle",
    "JobResults",
    "JobTooLargeError",
    "SubmitError",
    "UnknownJobError",
    "UploadError",
    "VideoJobs",
    "WaitTimeoutError",
    "new_job_id",
]
