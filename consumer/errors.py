"""Everything that can go wrong with a job, as one enum, and the exceptions that carry it.

The exception's type says what to do: `TransientError` is tried again with backoff, `PermanentError` ends the chunk or
the job with its code, `ConfigurationError` stops the process with exit code 4. Anything else is a bug and crashes
loudly.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ErrorCode(StrEnum):
    """The reason codes of results and dead letters (contract; never renamed, only added to)."""

    EVENT_UNDECODABLE = "EVENT_UNDECODABLE"
    EVENT_INVALID = "EVENT_INVALID"
    SOURCE_NOT_FOUND = "SOURCE_NOT_FOUND"
    SOURCE_FORBIDDEN = "SOURCE_FORBIDDEN"
    SOURCE_REFUSED = "SOURCE_REFUSED"
    SOURCE_UNREACHABLE = "SOURCE_UNREACHABLE"
    SOURCE_CHANGED = "SOURCE_CHANGED"
    SOURCE_TOO_LARGE = "SOURCE_TOO_LARGE"
    MEDIA_UNREADABLE = "MEDIA_UNREADABLE"
    MEDIA_NO_VIDEO = "MEDIA_NO_VIDEO"
    MEDIA_UNSUPPORTED = "MEDIA_UNSUPPORTED"
    MEDIA_TOO_LONG = "MEDIA_TOO_LONG"
    CHUNK_NO_FRAMES = "CHUNK_NO_FRAMES"
    BUDGET_TOO_SMALL = "BUDGET_TOO_SMALL"
    ENGINE_REJECTED = "ENGINE_REJECTED"
    ENGINE_TIMEOUT = "ENGINE_TIMEOUT"
    ENGINE_DIED = "ENGINE_DIED"
    OUTPUT_EMPTY = "OUTPUT_EMPTY"
    OUTPUT_REPETITIVE = "OUTPUT_REPETITIVE"
    OUTPUT_INVALID_JSON = "OUTPUT_INVALID_JSON"
    RESULT_TOO_LARGE = "RESULT_TOO_LARGE"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    ATTEMPTS_EXHAUSTED = "ATTEMPTS_EXHAUSTED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True)
class CodeInfo:
    """What a code means, whether trying again can help, and what its reader can do about it."""

    sentence: str
    transient: bool
    remedy: str


CODES: dict[ErrorCode, CodeInfo] = {
    ErrorCode.EVENT_UNDECODABLE: CodeInfo(
        "The record's value is not an event in any of the accepted wire formats.",
        False,
        "Send Avro (Confluent wire format or single-object encoding) or a JSON object.",
    ),
    ErrorCode.EVENT_INVALID: CodeInfo(
        "The event was decoded, but a field is missing, unknown or out of range.",
        False,
        "Correct the field that the message names and send the job again.",
    ),
    ErrorCode.SOURCE_NOT_FOUND: CodeInfo(
        "The video does not exist at the given address.", False, "Check bucket, key and version, or the path."
    ),
    ErrorCode.SOURCE_FORBIDDEN: CodeInfo(
        "The store refused to hand the video out.",
        False,
        "Check S3_ACCESS_KEY and S3_SECRET_KEY and the bucket's policy, or make a new presigned URL.",
    ),
    ErrorCode.SOURCE_REFUSED: CodeInfo(
        "A security rule of this consumer forbids the address.",
        False,
        "Add the host to ALLOWED_HOSTS or the directory to ALLOWED_PATHS if it is meant to be read.",
    ),
    ErrorCode.SOURCE_UNREACHABLE: CodeInfo(
        "The store did not answer in time.", True, "Check that the store runs and can be reached, then try again."
    ),
    ErrorCode.SOURCE_CHANGED: CodeInfo(
        "The video was replaced while the job ran.", False, "Send the job again, with a version id if it may change."
    ),
    ErrorCode.SOURCE_TOO_LARGE: CodeInfo(
        "The video is larger than the limit.", False, "Raise MAX_SOURCE_BYTES or send a smaller file."
    ),
    ErrorCode.MEDIA_UNREADABLE: CodeInfo(
        "The file is not a video that can be read.", False, "Check that the file plays; encode it again if it does not."
    ),
    ErrorCode.MEDIA_NO_VIDEO: CodeInfo("The file has no video stream.", False, "Send a file with a picture."),
    ErrorCode.MEDIA_UNSUPPORTED: CodeInfo(
        "The video's codec or geometry is not supported.", False, "Encode it again, for example as H.264 in MP4."
    ),
    ErrorCode.MEDIA_TOO_LONG: CodeInfo(
        "The video is longer than the limit.", False, "Raise MAX_VIDEO_SECONDS or use start_time and end_time."
    ),
    ErrorCode.CHUNK_NO_FRAMES: CodeInfo(
        "No frame could be decoded in this chunk.", False, "Check that the video plays at this place."
    ),
    ErrorCode.BUDGET_TOO_SMALL: CodeInfo(
        "The prompt and the smallest possible clip do not fit into the model's context.",
        False,
        "Lower max_tokens, shorten the prompt or raise MAX_MODEL_LEN.",
    ),
    ErrorCode.ENGINE_REJECTED: CodeInfo(
        "The engine refused the request.", False, "Read the message; it names what the engine objected to."
    ),
    ErrorCode.ENGINE_TIMEOUT: CodeInfo(
        "The engine did not answer in time.", True, "Raise GENERATE_TIMEOUT_SECONDS or lower the number in flight."
    ),
    ErrorCode.ENGINE_DIED: CodeInfo(
        "The engine's process ended.", True, "The worker restarts and resumes; look for an out-of-memory message."
    ),
    ErrorCode.OUTPUT_EMPTY: CodeInfo(
        "The model answered with nothing.", True, "Change the prompt or the sampling values."
    ),
    ErrorCode.OUTPUT_REPETITIVE: CodeInfo(
        "The model repeated itself until it was stopped.", True, "Raise presence_penalty or lower max_tokens."
    ),
    ErrorCode.OUTPUT_INVALID_JSON: CodeInfo(
        "The answer does not fit response_schema.", True, "Raise max_tokens or simplify the schema."
    ),
    ErrorCode.RESULT_TOO_LARGE: CodeInfo(
        "The result does not fit into one Kafka message.", False, "Lower max_tokens or use longer chunks."
    ),
    ErrorCode.DEADLINE_EXCEEDED: CodeInfo(
        "The job's deadline had passed before it could start.", False, "Send it again with a later deadline."
    ),
    ErrorCode.ATTEMPTS_EXHAUSTED: CodeInfo(
        "The job ended its worker's process every time it was tried.",
        False,
        "Look at the workers' logs for this job before sending it again.",
    ),
    ErrorCode.CANCELLED: CodeInfo("The job was cancelled on request.", False, "Nothing: finished chunks were kept."),
}


def explained(code: ErrorCode, message: str) -> str:
    """The code, what it means in this case, and what can be done."""
    return f"{code.value}: {message.rstrip('.')}. {CODES[code].remedy}"


class VideoConsumerError(Exception):
    """Base of all expected errors; `str()` is one sentence fit for a user, without secrets."""


class CodedError(VideoConsumerError):
    """An expected failure of a chunk or a job.

    Args:
        code: the reason code that results and dead letters carry.
        message: one sentence that names the field or thing concerned.
    """

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class TransientError(CodedError):
    """Trying again, with backoff, can help."""


class PermanentError(CodedError):
    """Trying again gives the same; the chunk or job fails with this code."""


class ConfigurationError(VideoConsumerError):
    """A setting is wrong or unknown; the process must not start (exit code 4)."""


class FencedError(VideoConsumerError):
    """Another process took this one's place; it must end (exit code 3)."""
