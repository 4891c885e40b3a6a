"""Which results are handed out, in which order, and when a job is done."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from consumer.client.following import GRACE_SECONDS, Following
from consumer.client.producer import JobHandle
from consumer.events.models import ChunkResult, VideoResult
from tests.unit.stream.builders import chunk, final

HANDLE = JobHandle("job", "video.jobs", 3, 17, 1_000)
OTHER = JobHandle("job", "video.jobs", 3, 18, 2_000)


def chunk_of(run_id: str, index: int, job_id: str = "job") -> ChunkResult:
    return chunk(index, job_id=job_id).model_copy(update={"run_id": run_id})


def final_of(run_id: str, chunks: int, job_id: str = "job", first_offset: int = 0) -> VideoResult:
    """A final result whose chunk results stand one behind the other in their topic."""
    result = final(chunks, job_id=job_id)
    refs = [ref.model_copy(update={"partition": 3, "offset": first_offset + ref.chunk_index}) for ref in result.chunks]
    return result.model_copy(update={"run_id": run_id, "chunks": refs})


def test_a_final_result_waits_for_its_chunk_results() -> None:
    following = Following(["job"])
    following.final(final_of("run", 2), 3, now=0.0)
    assert following.released(0.0) == []
    assert following.chunk(chunk_of("run", 1))
    assert following.released(0.0) == []
    assert not following.done
    assert following.chunk(chunk_of("run", 0))
    assert following.released(0.0) == [final_of("run", 2)]
    assert following.done
    assert following.released(0.0) == []


def test_chunk_results_before_the_place_of_reading_are_not_waited_for() -> None:
    following = Following(["job"])
    following.at(3, 6)
    following.final(final_of("run", 2, first_offset=5), 3, now=0.0)
    assert following.released(0.0) == []
    following.at(3, 7)
    assert len(following.released(0.0)) == 1


def test_a_place_of_reading_never_moves_back() -> None:
    following = Following(["job"])
    following.at(3, 7)
    following.at(3, 2)
    following.final(final_of("run", 2, first_offset=5), 3, now=0.0)
    assert len(following.released(0.0)) == 1


def test_chunk_results_that_are_gone_are_not_waited_for_for_ever() -> None:
    following = Following(["job"])
    following.final(final_of("run", 2), 3, now=100.0)
    assert following.released(100.0 + GRACE_SECONDS) == []
    assert len(following.released(100.1 + GRACE_SECONDS)) == 1
    assert following.done


def test_a_job_without_chunks_is_done_with_its_final_result() -> None:
    following = Following(["job"])
    following.final(final_of("run", 0), 3, now=0.0)
    assert len(following.released(0.0)) == 1


def test_a_handle_means_its_record_and_no_other_of_the_same_id() -> None:
    following = Following([HANDLE])
    assert not following.chunk(chunk_of(OTHER.run_id, 0))
    following.final(final_of(OTHER.run_id, 0), 3, now=0.0)
    assert following.released(0.0) == []
    assert following.chunk(chunk_of(HANDLE.run_id, 0))
    following.final(final_of(HANDLE.run_id, 1), 3, now=0.0)
    assert [result.run_id for result in following.released(0.0)] == [HANDLE.run_id]
    assert following.done


def test_two_records_of_one_id_are_two_jobs() -> None:
    following = Following([HANDLE, OTHER])
    following.final(final_of(HANDLE.run_id, 0), 3, now=0.0)
    assert len(following.released(0.0)) == 1
    assert following.missing == ["job"]
    following.final(final_of(OTHER.run_id, 0), 3, now=0.0)
    assert len(following.released(0.0)) == 1
    assert following.done


def test_a_final_result_read_twice_is_handed_out_once() -> None:
    following = Following(["job"])
    for now in (0.0, 1.0):
        following.final(final_of("run", 0), 3, now=now)
    assert len(following.released(1.0)) == 1
    following.final(final_of("run", 0), 3, now=2.0)
    assert following.released(2.0) == []


def test_only_keys_of_named_jobs_are_decoded() -> None:
    following = Following(["job", HANDLE])
    assert following.wants(b"job")
    assert not following.wants(b"other")
    assert not following.wants(b"\xff")
    assert not following.wants(None)
    assert Following(None).wants(None)


def test_following_all_never_ends() -> None:
    following = Following(None)
    assert following.chunk(chunk_of("run", 0))
    following.final(final_of("run", 1), 3, now=0.0)
    assert len(following.released(0.0)) == 1
    assert not following.done
    assert following.missing == []


@given(st.data())
def test_whatever_the_order_of_two_topics_each_final_comes_once_and_last(data: st.DataObject) -> None:
    """Each topic keeps its order, the one may be read ahead of the other by any number of records."""
    counts = data.draw(st.lists(st.integers(0, 4), min_size=1, max_size=4), label="chunks of each job")
    names = [f"job-{number}" for number in range(len(counts))]
    pieces = [(name, index) for name, count in zip(names, counts, strict=True) for index in range(count)]
    pieces = data.draw(st.permutations(pieces), label="the chunk topic")
    offsets = {piece: offset for offset, piece in enumerate(pieces)}
    finals = data.draw(st.permutations(list(zip(names, counts, strict=True))), label="the result topic")
    turns = data.draw(st.permutations([True] * len(pieces) + [False] * len(finals)), label="whose turn it is")

    following = Following(names)
    handed: list[tuple[str, int | None]] = []
    read = iter(pieces), iter(finals)
    for from_chunks in turns:
        if from_chunks:
            name, index = next(read[0])
            assert following.chunk(chunk_of(name, index, name))
            handed.append((name, index))
            following.at(3, offsets[name, index] + 1)
        else:
            name, count = next(read[1])
            result = final_of(name, count, name)
            refs = [ref.model_copy(update={"offset": offsets[name, ref.chunk_index]}) for ref in result.chunks]
            following.final(result.model_copy(update={"chunks": refs}), 3, now=0.0)
        handed += [(result.job_id, None) for result in following.released(0.0)]
    assert following.done
    for name, count in zip(names, counts, strict=True):
        own = [index for job, index in handed if job == name]
        assert own.count(None) == 1
        assert own[-1] is None
        assert sorted(own[:-1], key=str) == list(range(count))
