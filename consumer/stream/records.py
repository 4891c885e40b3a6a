"""What a transaction writes: the events of a partition's state machine as Kafka messages."""

from __future__ import annotations

from collections.abc import Callable

from consumer.errors import CODES
from consumer.events.codec import EventCodec
from consumer.events.headers import (
    JobPosition,
    chunk_kind,
    cloud_event_headers,
    dead_letter_headers,
    event_id,
    final_kind,
)
from consumer.events.models import ChunkRef, ChunkResult, ErrorInfo, Timings, Tokens, VideoResult
from consumer.events.topics import Topics
from consumer.stream.effects import Transact
from consumer.stream.transaction import Message
from consumer.stream.values import JobRecord, Published, Rejection


class RecordWriter:
    """Turns `Transact` effects into messages.

    Args:
        worker: this process's name, for dead letters.
        now: milliseconds since the epoch.
    """

    def __init__(self, *, codec: EventCodec, topics: Topics, worker: str, now: Callable[[], int]) -> None:
        self._codec, self._topics, self._worker, self._now = codec, topics, worker, now

    def messages(self, effect: Transact) -> list[Message]:
        """The records of one transaction: chunk results first, in their order; then final result and dead letter."""
        record = effect.record
        messages = [self._chunk(record, result) for result in effect.chunks]
        final, rejection = effect.final, effect.rejection
        if rejection is not None and rejection.job_id is not None:
            final = self._rejected(record, rejection, effect)
        if final is not None:
            final = final.model_copy(update={"chunks": _with_places(final, effect.published, record)})
            messages.append(self._final(record, final))
            if rejection is None and final.status == "failed" and final.error is not None:
                rejection = Rejection(final.error.code, final.error.message, final.job_id, "job")
        if rejection is not None:
            messages.append(self._dead_letter(record, rejection, effect.attempt))
        return messages

    def _chunk(self, record: JobRecord, result: ChunkResult) -> Message:
        return self._event(record, self._topics.chunk_results, chunk_kind(result.success), result, result.chunk_index)

    def _final(self, record: JobRecord, final: VideoResult) -> Message:
        return self._event(record, self._topics.results, final_kind(final.status), final, None)

    def _event(
        self, record: JobRecord, topic: str, kind: str, event: ChunkResult | VideoResult, chunk_index: int | None
    ) -> Message:
        # Never older than the job record: a reading from the job's timestamp on must find it, whatever clocks say.
        timestamp = max(self._now(), record.timestamp)
        headers = cloud_event_headers(
            position=_position(record),
            kind=kind,
            chunk_index=chunk_index,
            subject=event.job_id,
            time_ms=timestamp,
            content_type=self._codec.content_type,
            traceparent=record.parent.value if record.parent is not None else None,
        )
        value = self._codec.encode(event, topic)
        return Message(topic, record.partition, event.job_id.encode(), value, list(headers), timestamp)

    def _dead_letter(self, record: JobRecord, rejection: Rejection, attempt: int) -> Message:
        headers = dead_letter_headers(
            list(record.headers),
            code=rejection.code,
            message=rejection.message,
            position=_position(record),
            timestamp_ms=record.timestamp,
            attempt=attempt,
            stage=rejection.stage,
            worker=self._worker,
        )
        topic = self._topics.dead_letters
        return Message(topic, record.partition, record.key, record.value, headers, max(self._now(), record.timestamp))

    def _rejected(self, record: JobRecord, rejection: Rejection, effect: Transact) -> VideoResult:
        """The failed final result of a record that never became work, or that ended its worker every time."""
        done = [one.result for one in effect.published]
        return VideoResult(
            success=False,
            video_info=None,
            num_chunks=done[0].num_chunks if done else 0,
            aggregated_response=None,
            total_successful_chunks=sum(result.success for result in done),
            total_processing_time=sum(result.processing_time for result in done),
            job_id=rejection.job_id or "",
            run_id=event_id(record.topic, record.partition, record.offset, "run"),
            status="failed",
            error=ErrorInfo(code=rejection.code, message=rejection.message, retryable=CODES[rejection.code].transient),
            chunks=[_reference(one, record) for one in effect.published],
            coverage=None,
            aggregation=None,
            tokens=Tokens(),
            timings=Timings(),
            attempts=effect.attempt,
            provenance=done[0].provenance if done else None,
            metadata=done[0].metadata if done else {},
            created_at=self._now(),
        )


def _position(record: JobRecord) -> JobPosition:
    return JobPosition(record.topic, record.partition, record.offset)


def _reference(one: Published, record: JobRecord) -> ChunkRef:
    result = one.result
    return ChunkRef(
        chunk_index=result.chunk_index,
        start_time=result.start_time,
        end_time=result.end_time,
        success=result.success,
        error_code=result.error.code if result.error is not None else None,
        partition=one.partition,
        offset=one.offset,
        event_id=event_id(record.topic, record.partition, record.offset, "chunk", result.chunk_index),
    )


def _with_places(final: VideoResult, published: tuple[Published, ...], record: JobRecord) -> list[ChunkRef]:
    """The final result's chunk list, with what stands in the chunk-results topic in place of the bare references."""
    places = {one.result.chunk_index: _reference(one, record) for one in published}
    return [places.get(chunk.chunk_index, chunk) for chunk in final.chunks]
