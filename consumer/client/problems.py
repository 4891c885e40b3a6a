"""What a producer or reader of jobs may be told; `str()` of each is one sentence fit for a user."""

from __future__ import annotations

from consumer.errors import VideoConsumerError


class SubmitError(VideoConsumerError):
    """Kafka did not take the job, or did not confirm it in time."""


class JobTooLargeError(SubmitError):
    """The job does not fit into one Kafka message."""


class RefusedJobError(SubmitError):
    """The consumer would refuse the job; it was not sent.

    Args:
        reason: begins with the field's name.
    """

    def __init__(self, job_id: str, reason: str) -> None:
        super().__init__(f"The job {job_id} would be refused: {reason}.")
        self.reason = reason


class UploadError(VideoConsumerError):
    """The store did not take the file."""


class UnknownJobError(VideoConsumerError):
    """The result topics hold nothing of this job."""


class WaitTimeoutError(VideoConsumerError):
    """The final result did not come in the time that was given."""


class UnknownDeadLetterError(VideoConsumerError):
    """There is no such dead letter."""


class RedriveError(VideoConsumerError):
    """Not every dead letter that was meant was sent again; those that were are remembered."""
