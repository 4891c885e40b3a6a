"""What a consumer's error means for its process, above all under a static membership (KAFKA_GROUP_INSTANCE_ID).

librdkafka ends a consumer for good by an error of the code `_FATAL`, whose reason is in its text alone; nothing but a
new consumer can join again. Two of the reasons tell of another process under the same instance id:

* FENCED_INSTANCE_ID (classic protocol): it came later and took this one's place at once. Whoever comes last wins.
* UNRELEASED_INSTANCE_ID (KIP-848): it was there before, and is until it leaves or its session is over. Most often it
  is this one's own predecessor, killed a moment ago: then waiting helps, and a loaded model is worth it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

import structlog
from confluent_kafka import KafkaError

from consumer.errors import ConfigurationError, FencedError, VideoConsumerError
from consumer.settings import Settings
from consumer.stream.cluster import Cluster
from consumer.stream.refusals import refusal
from consumer.stream.unavailable import KafkaUnavailableError

_log = structlog.get_logger(__name__)

# Where the broker does not tell: the longest that it lets a group have unless it was told otherwise.
LONGEST_SESSION_SECONDS = 60.0
# The broker looks for sessions that are over, and the one who waits comes only every two seconds.
MARGIN_SECONDS = 10.0
PAUSE_SECONDS = 2.0

_REFUSALS = (
    KafkaError._AUTHENTICATION,
    KafkaError.SASL_AUTHENTICATION_FAILED,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
)
_UNSUPPORTED = (KafkaError._UNSUPPORTED_FEATURE, KafkaError.UNSUPPORTED_VERSION)


class InstanceHeldError(FencedError):
    """Another process still holds this one's instance id; it may be a predecessor that has died."""


def ending(settings: Settings, error: KafkaError) -> VideoConsumerError | None:
    """What to end the process with after this error of the consumer; None: librdkafka goes on by itself."""
    code = _reason(error) if error.code() == KafkaError._FATAL else error.code()
    if code in _REFUSALS:
        reason = KafkaError(code).str() if error.code() == KafkaError._FATAL else error.str()
        told = refusal(settings, reason)
        return ConfigurationError(told or f"Kafka refused this consumer: {reason}; check the KAFKA_ settings.")
    if error.code() != KafkaError._FATAL:
        return None
    group, name = settings.kafka_group_id, settings.kafka_group_instance_id
    if code == KafkaError.FENCED_INSTANCE_ID:
        return FencedError(
            f"Another process joined the group {group} as KAFKA_GROUP_INSTANCE_ID={name} and took this one's place; "
            "give each process an id of its own."
        )
    if code == KafkaError.UNRELEASED_INSTANCE_ID:
        return InstanceHeldError(
            f"Another process is in the group {group} as KAFKA_GROUP_INSTANCE_ID={name}; "
            "stop it, or give each process an id of its own."
        )
    if code in _UNSUPPORTED:
        return ConfigurationError(
            f"This Kafka does not know KAFKA_GROUP_PROTOCOL={settings.kafka_group_protocol}; set it to classic, or use "
            "Kafka 4.0 or newer."
        )
    return FencedError(f"Kafka ended this consumer's membership: {error.str().rstrip('.')}; start the process again.")


def _reason(error: KafkaError) -> int | None:
    """Which of the known errors a fatal one is, by librdkafka's own texts."""
    known = (*_REFUSALS, *_UNSUPPORTED, KafkaError.FENCED_INSTANCE_ID, KafkaError.UNRELEASED_INSTANCE_ID)
    return next((code for code in known if KafkaError(code).str() in error.str()), None)


def patience_seconds(settings: Settings) -> float:
    """How long a process that has died may hold its instance id, and a little more."""
    try:
        with Cluster(settings) as cluster:
            told = cluster.session_seconds(settings.kafka_group_id)
    except KafkaUnavailableError:
        told = None
    return (told or LONGEST_SESSION_SECONDS) + MARGIN_SECONDS


async def while_held(
    live: Callable[[], Awaitable[int]],
    *,
    patience: Callable[[], float],
    stopping: asyncio.Event,
    clock: Callable[[], float] = time.monotonic,
    pause: float = PAUSE_SECONDS,
) -> int:
    """Live as a member of the group; begin again while another process holds the instance id.

    Args:
        live: one life, with clients of its own; returns the exit code.
        patience: how long to wait, seconds; asked in another thread when it is needed.
        stopping: set when the process is to end: then waiting ends with exit code 0.

    Raises:
        InstanceHeldError: the id is held for longer than a dead process can hold it.
    """
    begun, limit = clock(), None
    while not stopping.is_set():
        started = clock()
        try:
            return await live()
        except InstanceHeldError as error:
            limit = await asyncio.to_thread(patience) if limit is None else limit
            if clock() - started > limit:
                # That was a membership, not a try: it was lost, and a new wait begins.
                begun = clock()
            if clock() - begun > limit:
                raise
            _log.warning("instance_id_held", reason=str(error), seconds_left=round(begun + limit - clock(), 1))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), pause)
    return 0
