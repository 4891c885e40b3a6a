"""Which jobs a cancel request means."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from consumer.stream.control import CancelRequests


def test_a_request_means_the_records_before_it_and_none_that_come_later() -> None:
    requests = CancelRequests()
    requests.note("job", 1_000)
    assert requests.mean("job", 999)
    assert requests.mean("job", 1_000)
    assert not requests.mean("job", 1_001), "the same id was sent again after the request"
    assert not requests.mean("other", 1)


def test_a_record_without_a_time_stamp_is_meant_by_any_request() -> None:
    requests = CancelRequests()
    assert not requests.mean("job", -1)
    requests.note("job", 0)
    assert requests.mean("job", -1)


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 100)), max_size=40))
def test_the_newest_request_counts_and_the_oldest_are_forgotten(notes: list[tuple[str, int]]) -> None:
    requests = CancelRequests(most=3)
    for job_id, timestamp in notes:
        requests.note(job_id, timestamp)
    recent = list(dict.fromkeys(job_id for job_id, _ in reversed(notes)))[:3]
    for job_id in recent:
        assert requests.mean(job_id, 0)
    for job_id in set("abcdef") - set(recent):
        assert not requests.mean(job_id, 0)
