"""Decoder processes: what one of them does, or what is done to it, costs one chunk and nothing else."""

from __future__ import annotations

import os
import resource
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from consumer.errors import ErrorCode, PermanentError
from consumer.media import decoder_handle
from consumer.media.decoders import DecoderPool
from consumer.media.source import unreachable
from consumer.media.wire import RANGE, READ, ProbeRequest
from consumer.settings import Settings
from tests.media.conftest import open_descriptors, sample
from tests.media.rig import Rig


@pytest.fixture
def rig(large: Path) -> Iterator[Rig]:
    pool = DecoderPool(keep=1)
    rig = Rig(large, pool)
    yield rig
    rig.media.close()
    pool.close()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGXCPU])
def test_a_decoder_that_dies_costs_its_chunk(rig: Rig, number: signal.Signals) -> None:
    error = rig.decode_while(lambda pid: os.kill(pid, number))
    assert (error.code, type(error)) == (ErrorCode.MEDIA_UNREADABLE, PermanentError)
    assert str(-number) in error.message
    assert rig.works_again()


def test_a_decoder_that_was_killed_while_it_was_idle_costs_nothing(rig: Rig) -> None:
    (decoder,) = rig.pool._cpu.idle
    decoder.process.kill()
    decoder.process.wait()
    assert rig.works_again()


def test_a_decoder_that_hangs_is_killed(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.pool._cpu.idle.pop().kill()
    monkeypatch.setattr(decoder_handle, "GRACE_SECONDS", 0.2)
    monkeypatch.setattr(decoder_handle, "PATIENCE_SECONDS", 0.5)
    sample(rig.media, 0.0, 4.0)
    rig.media._settings = Settings.model_validate({"decode_timeout_seconds": 0.5})
    pid = rig.pid
    error = rig.decode_while(lambda pid: os.kill(pid, signal.SIGSTOP))
    assert error.code is ErrorCode.MEDIA_UNREADABLE
    assert not Path(f"/proc/{pid}").exists()
    rig.media._settings = Settings.model_validate({"decode_timeout_seconds": 30.0})
    assert rig.works_again()


def test_a_decoder_that_wants_too_much_memory_says_so(rig: Rig) -> None:
    def shrink(pid: int) -> None:
        used = int(Path(f"/proc/{pid}/statm").read_text().split()[5]) * resource.getpagesize()
        resource.prlimit(pid, resource.RLIMIT_DATA, (used // 2, used // 2))

    error = rig.decode_while(shrink)
    assert error.code is ErrorCode.MEDIA_UNREADABLE
    assert "memory" in error.message
    assert rig.pool._cpu.idle == [], "who ran out of memory once is not trusted with another chunk"
    assert rig.works_again()


def test_a_source_that_fails_is_not_the_decoder_s_fault(rig: Rig) -> None:
    before = rig.pid

    def fail(_: int) -> None:
        raise unreachable("The store is away.")

    error = rig.decode_while(fail)
    assert (error.code, error.message) == (ErrorCode.SOURCE_UNREACHABLE, "The store is away.")
    assert rig.pid == before, "it goes on"
    assert rig.works_again()


def test_a_source_that_takes_all_of_the_time_is_not_the_file_s_fault(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder_handle, "GRACE_SECONDS", 0.5)
    rig.media._settings = Settings.model_validate({"decode_timeout_seconds": 0.3})
    never = threading.Event()

    def late(_: int) -> None:
        never.wait(1.0)
        raise unreachable("The store is too slow.")

    error = rig.decode_while(late)
    assert error.code is ErrorCode.SOURCE_UNREACHABLE


def test_a_decoder_that_asks_for_ever_is_killed(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    class Asking:
        def poll(self, seconds: float) -> bool:
            return True

        def recv_bytes(self, most: int) -> bytes:
            return READ + RANGE.pack(0, 10)

        def send_bytes(self, message: bytes) -> None:
            pass

        def close(self) -> None:
            pass

    monkeypatch.setattr(decoder_handle, "GRACE_SECONDS", 0.2)
    rig.media._settings = Settings.model_validate({"decode_timeout_seconds": 0.3})
    (decoder,) = rig.pool._cpu.idle
    monkeypatch.setattr(decoder, "_connection", Asking())
    with pytest.raises(PermanentError, match="goes on after its time") as caught:
        sample(rig.media, 15.0, 19.0)
    assert caught.value.code is ErrorCode.MEDIA_UNREADABLE
    assert rig.pool._cpu.idle == []


def test_it_has_none_of_this_process_s_secrets_and_descriptors(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S3_SECRET_KEY", "secret-of-the-store")
    pool = DecoderPool(keep=1)
    rig = Rig(large, pool)
    assert b"secret-of-the-store" not in Path(f"/proc/{rig.pid}/environ").read_bytes()
    links = {str(link.readlink()) for link in Path(f"/proc/{rig.pid}/fd").iterdir()}
    assert str(large) not in links
    rig.media.close()
    pool.close()


def test_a_pool_that_is_closed_leaves_nothing(large: Path) -> None:
    before = open_descriptors()
    pool = DecoderPool(keep=2)
    rig = Rig(large, pool)
    pid = rig.pid
    rig.media.close()
    pool.close()
    assert not Path(f"/proc/{pid}").exists()
    assert open_descriptors() <= before
    with pytest.raises(ValueError, match="closed"):
        Rig(large, pool)


def test_more_than_are_to_be_kept_end_when_they_are_done(large: Path) -> None:
    pool = DecoderPool(keep=0)
    rig = Rig(large, pool)
    assert pool._cpu.idle == []
    assert rig.works_again()
    assert pool._cpu.idle == []
    rig.media.close()


@pytest.mark.parametrize(
    "answer", [b"", b"o", b"p{}", b"p[1]", b"x", b"f{}", b'f{"code": "NO_SUCH", "message": "", "bug": false}', b"r123"]
)
def test_what_a_decoder_says_is_not_believed_blindly(
    large: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    pool = DecoderPool(keep=1)
    rig = Rig(large, pool)
    (decoder,) = pool._cpu.idle
    ours, theirs = socket.socketpair()
    Connection(os.dup(theirs.fileno())).send_bytes(answer)
    monkeypatch.setattr(decoder, "_connection", Connection(os.dup(ours.fileno())))
    with pytest.raises(PermanentError) as caught:
        pool.probe(ProbeRequest(video=0, size=rig.source.size, seconds=5.0, scan_seconds=1.0), rig.source)
    assert caught.value.code is ErrorCode.MEDIA_UNREADABLE
    assert pool._cpu.idle == [], "it is not asked again"
    rig.media.close()
    for one in (ours, theirs):
        one.close()


def test_when_this_process_is_killed_its_decoders_end(large: Path) -> None:
    program = f"""
import sys, time
from pathlib import Path
from tests.media.rig import Rig
from consumer.media.decoders import DecoderPool
rig = Rig(Path({str(large)!r}), DecoderPool(keep=1))
print(rig.pid, flush=True)
time.sleep(600)
"""
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    descriptor = os.pidfd_open(pid)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    ended, _, _ = select.select([descriptor], [], [], 10)
    os.close(descriptor)
    assert ended
