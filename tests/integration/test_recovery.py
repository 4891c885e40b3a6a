"""What a new owner does with a half-finished job, whatever became of the group's offset, its metadata, the version."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.integration.half_finished import (
    CHUNKS,
    PARTITION,
    finish,
    half_finished,
    leave_at_once,
    set_offset,
    submit,
    worker,
)
from tests.integration.system import Audit, System
from tests.integration.worker_process import WorkerProcess

pytestmark = pytest.mark.timeout(300)


def cut_off(metadata: str) -> str:
    return metadata[: len(metadata) // 2]


def of_another_offset(metadata: str) -> str:
    return json.dumps(json.loads(metadata) | {"at": 7})


def of_a_newer_version(metadata: str) -> str:
    return json.dumps(json.loads(metadata) | {"v": 99, "done": ""})


def with_a_bad_list(metadata: str) -> str:
    return json.dumps(json.loads(metadata) | {"done": "0-99999999"})


@pytest.mark.parametrize(
    "spoil",
    [
        None,
        cut_off,
        of_another_offset,
        of_a_newer_version,
        with_a_bad_list,
        lambda _: "",
        lambda _: "\x01\x7f" * 200,
        lambda _: "bitmap:AAEC/w==",
        lambda _: '{"leaderEpoch": 3}',
    ],
    ids=["absent", "cut-off", "of-another-offset", "newer", "bad-list", "empty", "noise", "foreign", "foreign-json"],
)
def test_without_usable_metadata_the_log_is_asked(
    system: System, audit: Audit, short_video: str, spoil: Callable[[str], str] | None
) -> None:
    done = half_finished(system, audit, short_video)
    offset, metadata = system.committed_offsets()[PARTITION]
    assert offset == 0
    set_offset(system, 0, spoil(metadata.rstrip("\0")) if spoil else None)
    figures = finish(system, audit)
    assert (figures["recovered_chunks_total"], figures["computed"]) == (len(done), CHUNKS - len(done))
    assert audit.finals()[0]["status"] == "succeeded"


def test_metadata_of_another_offset_is_not_believed(system: System, audit: Audit, short_video: str) -> None:
    """A tool that resets a group and keeps its strings: idle metadata over a finished job."""
    submit(system, "done", short_video)
    finish(system, audit)
    offset, metadata = system.committed_offsets()[PARTITION]
    assert offset == 1
    set_offset(system, 0, metadata.rstrip("\0"))
    submit(system, "new", short_video)
    figures = finish(system, audit, jobs=2)
    assert figures["computed"] == CHUNKS, "the new job's, and none of the old one's"


def test_an_operator_s_reset_to_the_beginning_does_nothing_twice(
    system: System, audit: Audit, short_video: str
) -> None:
    submit(system, "one", short_video)
    submit(system, "two", short_video)
    finish(system, audit, jobs=2)
    done = half_finished(system, audit, short_video, "three")
    set_offset(system, 0)
    figures = finish(system, audit, jobs=3)
    assert (figures["recovered_chunks_total"], figures["computed"]) == (2 * CHUNKS + len(done), CHUNKS - len(done))
    assert system.committed_offsets()[PARTITION][0] == 3


def test_a_reset_forwards_leaves_out_what_it_jumps_over(system: System, audit: Audit, short_video: str) -> None:
    done = half_finished(system, audit, short_video)
    submit(system, "after", short_video)
    set_offset(system, 1)
    with worker(system, "next"):
        audit.wait_finals(1, seconds=90)
    audit.reader.read(1.0)
    assert [one["job_id"] for one in audit.finals()] == ["after"]
    assert len(audit.chunks("half")) == len(done), "what was published stays, nothing is added"
    assert len(audit.chunks("after")) == CHUNKS


def test_metadata_that_says_more_than_the_log_is_not_believed(system: System, audit: Audit, short_video: str) -> None:
    """It is a hint at where to look; what is finished is what stands in the log."""
    done = half_finished(system, audit, short_video)
    _, metadata = system.committed_offsets()[PARTITION]
    set_offset(system, 0, json.dumps(json.loads(metadata.rstrip("\0")) | {"done": f"0-{CHUNKS - 1}"}))
    figures = finish(system, audit)
    assert (figures["recovered_chunks_total"], figures["computed"]) == (len(done), CHUNKS - len(done))


def test_other_settings_of_the_next_worker_change_no_job_that_was_begun(
    system: System, audit: Audit, short_video: str
) -> None:
    system.submit("half", partition=PARTITION, video_url=short_video)
    length: dict[str, str] = {"CHUNK_DURATION": "5", "CHUNK_OVERLAP": "1"}
    slow = {"SYNTHETIC_SECONDS_PER_CHUNK": "1.0", "MAX_CONCURRENT_CHUNKS": "1", **length}
    with worker(system, "killed", **slow) as process:
        audit.wait_chunks(2)
        leave_at_once(process)
    finish(system, audit, CHUNK_DURATION="7", CHUNK_OVERLAP="2")
    (final,) = audit.finals()
    assert (final["status"], final["num_chunks"]) == ("succeeded", CHUNKS)
    assert {one["provenance"]["plan_digest"] for one in audit.chunks()} == {final["provenance"]["plan_digest"]}


@pytest.mark.parametrize("later_first", [True, False], ids=["downgrade", "upgrade"])
def test_chunks_of_a_version_that_plans_differently_are_never_mixed(
    system: System, audit: Audit, short_video: str, later_first: bool
) -> None:
    """What is published stays, and nothing is added to it."""
    versions = (later, worker) if later_first else (worker, later)
    submit(system, "half", short_video)
    slow = {"SYNTHETIC_SECONDS_PER_CHUNK": "1.0", "MAX_CONCURRENT_CHUNKS": "1"}
    with versions[0](system, "first", **slow) as process:
        audit.wait_chunks(2)
        leave_at_once(process)
    audit.reader.read(0.5)
    done = {one["chunk_index"] for one in audit.chunks()}
    with versions[1](system, "next") as process:
        audit.wait_finals(1, seconds=90)
        assert process.metric("chunks_total", status="succeeded") == 0
    audit.check()
    (final,) = audit.finals()
    assert (final["status"], final["error"]["code"]) == ("partial", "SOURCE_CHANGED")
    assert {one["chunk_index"] for one in final["chunks"]} == done


@contextmanager
def later(system: System, name: str, **settings: str) -> Iterator[WorkerProcess]:
    """A worker of a version that makes plan digests in another way."""
    environment = system.environment(PYTHONPATH=str(Path(__file__).parents[2]), **settings)
    process = WorkerProcess(environment, system.directory / name, [sys.executable, "-m", "tests.chaos.mutant", "later"])
    try:
        yield process.wait_ready(90)
    finally:
        process.kill()


def test_a_video_that_was_replaced_meanwhile_is_never_mixed(
    system: System, audit: Audit, uploads: Any, short_video_file: Any
) -> None:
    name = f"{uuid.uuid4().hex[:8]}.mp4"
    data = short_video_file.read_bytes()
    address = uploads.put(name, data)
    done = half_finished(system, audit, address)
    # Bytes behind the last box: the same pictures in a file that is not the same.
    uploads.put(name, data + b"\0\0\0\x08free")
    finish(system, audit)
    (final,) = audit.finals()
    assert (final["status"], final["error"]["code"]) == ("partial", "SOURCE_CHANGED")
    assert sorted(one["chunk_index"] for one in final["chunks"]) == sorted(done)
