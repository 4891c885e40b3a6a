"""Job ids: version 7, sortable, telling their time."""

from __future__ import annotations

import re
import time
import uuid

from hypothesis import given
from hypothesis import strategies as st

from consumer.client.ids import made_at, new_job_id, uuid7
from consumer.events.models import JOB_ID_PATTERN

moments = st.integers(0, 2**48 - 1)
noise = st.binary(min_size=10, max_size=10)


def test_the_example_of_the_rfc() -> None:
    random = (0xCC3 << 64 | 0x18C4DC0C0C07398F).to_bytes(10)
    assert str(uuid7(0x017F22E279B0, random)) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


@given(moments, noise)
def test_version_variant_and_time(milliseconds: int, random: bytes) -> None:
    made = uuid7(milliseconds, random)
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made_at(str(made)) == milliseconds


@given(moments, moments, noise, noise)
def test_later_ids_sort_later(first: int, second: int, random: bytes, other: bytes) -> None:
    if first < second:
        assert str(uuid7(first, random)) < str(uuid7(second, other))


@given(st.text() | st.uuids(version=4).map(str))
def test_other_ids_tell_no_time(job_id: str) -> None:
    assert made_at(job_id) is None


def test_new_ids_differ_and_fit() -> None:
    before = time.time_ns() // 1_000_000
    ids = [new_job_id() for _ in range(100)]
    assert len(set(ids)) == 100
    assert all(re.match(JOB_ID_PATTERN, one) for one in ids)
    assert all(before <= (made_at(one) or 0) <= before + 10_000 for one in ids)
