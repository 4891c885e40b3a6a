"""What PyAV does at the end of some files, without those files."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

from consumer.media.container import OpenContainer
from consumer.media.seeking import video_packets


def test_a_stream_that_turned_up_late_ends_the_packets() -> None:
    """PyAV looks for it, at the end, among the streams that there were in the beginning: IndexError."""
    packet = SimpleNamespace(size=100)

    def demux(_: Any) -> Iterator[Any]:
        yield packet
        raise IndexError("list index out of range")

    opened = SimpleNamespace(
        container=SimpleNamespace(demux=demux), stream=None, reader=SimpleNamespace(check=lambda: None)
    )
    assert list(video_packets(cast(OpenContainer, opened))) == [packet]
