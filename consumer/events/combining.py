"""What a final result makes of chunk results (pure)."""

from __future__ import annotations

from collections.abc import Sequence

from consumer.events.models import ChunkRef, ChunkResult, Timings, Tokens


def reference(result: ChunkResult) -> ChunkRef:
    """A chunk in the final event; where its own event stands is for the stream to say."""
    return ChunkRef(
        chunk_index=result.chunk_index,
        start_time=result.start_time,
        end_time=result.end_time,
        success=result.success,
        error_code=result.error.code if result.error is not None else None,
        partition=None,
        offset=None,
        event_id=None,
    )


def sum_tokens(parts: Sequence[Tokens]) -> Tokens:
    """Field by field."""
    return Tokens(
        vision=sum(part.vision for part in parts),
        prompt=sum(part.prompt for part in parts),
        completion=sum(part.completion for part in parts),
    )


def sum_timings(parts: Sequence[Timings]) -> Timings:
    """Field by field, seconds."""
    return Timings(
        fetch=sum(part.fetch for part in parts),
        decode=sum(part.decode for part in parts),
        wait=sum(part.wait for part in parts),
        first_token=sum(part.first_token for part in parts),
        generate=sum(part.generate for part in parts),
    )
