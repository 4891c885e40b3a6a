"""The newest record of an id, in whatever order the partitions are read."""

from __future__ import annotations

from consumer.client.newest import newest_records
from consumer.client.reader import Line

JOBS = "video.jobs"


def record(key: bytes | None, partition: int, offset: int, timestamp: int) -> Line:
    return Line((JOBS, partition), offset, key, b"{", timestamp=timestamp)


def test_in_a_partition_the_later_counts_whatever_its_clock_says() -> None:
    lines = [record(b"job", 1, 4, 9_000), record(b"other", 1, 5, 9_001), record(b"job", 1, 6, 5_000)]
    assert newest_records(lines, ["job"])["job"].offset == 6


def test_of_two_partitions_the_later_time_counts() -> None:
    early, late = record(b"job", 0, 8, 1_000), record(b"job", 1, 2, 2_000)
    for lines in ([early, late], [late, early]):
        found = newest_records(lines, ["job"])["job"]
        assert (found.partition, found.offset, found.timestamp) == (1, 2, 2_000)


def test_ends_strangers_and_records_without_a_key_are_passed_over() -> None:
    lines = [record(None, 0, 1, 1), record(b"\xff", 0, 2, 1), Line((JOBS, 0), 3)]
    assert newest_records(lines, ["job"]) == {}
