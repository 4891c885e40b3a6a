"""Whole downloads leave nothing on disk: not when all is well, not when the disk is full, not when they are killed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from consumer.errors import CodedError, ErrorCode
from consumer.media.scratch import ScratchSpace
from tests.media.bad_server import Asked, bad_server

HALF = 300_000

PROGRAM = """
import sys, time
from consumer.media.hosts import HostRules
from consumer.media.http_source import HttpStore
from consumer.media.scratch import ScratchSpace
HttpStore(HostRules(["127.0.0.1"]), ScratchSpace(2**30), 60.0).open(sys.argv[1], 2**30, time.monotonic() + 60)
"""


def test_a_process_that_is_killed_in_the_middle_of_a_download(tmp_path: Path) -> None:
    def half(asked: Asked) -> None:
        asked.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (2 * HALF) + bytes(HALF))
        asked.drip_for_ever(b"\0")

    with bad_server(half) as server:
        environment = {**os.environ, "TMPDIR": str(tmp_path)}
        process = subprocess.Popen([sys.executable, "-c", PROGRAM, server.url], env=environment)
        try:
            deadline = time.monotonic() + 60
            while _bytes_in(process.pid, tmp_path) < HALF:
                assert process.poll() is None
                assert time.monotonic() < deadline
                os.sched_yield()
            assert list(tmp_path.iterdir()) == [], "it has no name at any time"
        finally:
            process.kill()
            process.wait()
    assert list(tmp_path.iterdir()) == []


def _bytes_in(pid: int, directory: Path) -> int:
    """In files of the directory that the process has open."""
    total = 0
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            if str(link.readlink()).startswith(f"{directory}/"):
                total += link.stat().st_size
        except FileNotFoundError:
            continue
    return total


def test_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: Path("/dev/full").open("r+b", buffering=0))  # noqa: SIM115 - closed by the scratch file
    space = ScratchSpace(1000)
    file = space.create()
    with pytest.raises(CodedError, match="No space left") as caught:
        file.append(b"some")
    assert caught.value.code is ErrorCode.SOURCE_UNREACHABLE
    file.close()
    assert space.used == 0


def test_files_share_the_quota(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    space = ScratchSpace(1000)
    first, second = space.create(), space.create()
    first.append(bytes(600))
    second.append(bytes(400))
    with pytest.raises(CodedError, match="other jobs") as caught:
        second.append(b"x")
    assert caught.value.code is ErrorCode.SOURCE_UNREACHABLE
    first.close()
    second.append(b"x" * 600)
    with pytest.raises(CodedError, match="larger than MAX_SCRATCH_BYTES") as caught:
        second.append(b"x")
    assert caught.value.code is ErrorCode.SOURCE_TOO_LARGE
    assert second.read_at(399, 3) == b"\0xx"
    second.close()
    assert space.used == 0
    assert list(tmp_path.iterdir()) == []
