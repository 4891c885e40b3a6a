"""Decoders on a card: what it does not do, the CPU does."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from consumer.errors import ErrorCode, PermanentError
from consumer.media.decoders import MOST_GPU_FAILURES, NICE_BESIDE_GPU, DecoderPool, _DecoderError
from tests.media.rig import Rig


@pytest.fixture
def gpu_rig(large: Path) -> Iterator[Rig]:
    """With decoders for a card; this machine may have none, and then each of them fails."""
    pool = DecoderPool(keep=1, gpu_threads=2)
    rig = Rig(large, pool)
    yield rig
    rig.media.close()
    pool.close()


def test_what_the_card_does_not_do_the_cpu_does(gpu_rig: Rig) -> None:
    gpu_rig.source.reading = lambda: _kill_quietly(gpu_rig)
    assert gpu_rig.works_again(), "in the same call"
    assert gpu_rig.pool._gpu_failures == {gpu_rig.media._number}
    assert gpu_rig.works_again()
    gpu_rig.media.close()
    assert gpu_rig.pool._gpu_failures == set()


def test_decoders_beside_a_card_give_way(gpu_rig: Rig, large: Path) -> None:
    own = os.getpriority(os.PRIO_PROCESS, 0)
    assert gpu_rig.works_again()
    assert os.getpriority(os.PRIO_PROCESS, gpu_rig.pid) == min(own + NICE_BESIDE_GPU, 19)
    assert os.getsid(gpu_rig.pid) == os.getsid(0) and os.getpgid(gpu_rig.pid) != os.getpgid(0)
    alone = Rig(large, DecoderPool(keep=1))
    assert alone.works_again()
    assert os.getpriority(os.PRIO_PROCESS, alone.pid) == own
    alone.media.close()
    alone.pool.close()


def test_a_card_that_fails_at_everything_is_left_alone(gpu_rig: Rig, large: Path) -> None:
    before = set(threading.enumerate())
    for _ in range(MOST_GPU_FAILURES):
        other = Rig(large, gpu_rig.pool)
        other.source.reading = lambda: _kill_quietly(gpu_rig)
        assert other.works_again()
        other.media.close()
    assert gpu_rig.pool._gpu is not None
    assert gpu_rig.pool._gpu._process is None
    assert gpu_rig.works_again()
    assert gpu_rig.pool._gpu._process is None, "nothing is started for it any more"
    assert set(threading.enumerate()) <= before


class _Together:
    """Decoders on a card that fail at what so many threads ask, all of them at once."""

    def __init__(self, threads: int, code: ErrorCode) -> None:
        self._all_there, self._code = threading.Barrier(threads), code

    def ask(self, *_: object) -> None:
        self._all_there.wait(10)
        raise _DecoderError(PermanentError(self._code, "The card does not do this."))

    def close(self) -> None:
        """Nothing is there."""


@pytest.mark.parametrize(
    ("code", "left"),
    [(ErrorCode.MEDIA_UNREADABLE, MOST_GPU_FAILURES - 1), (ErrorCode.MEDIA_UNSUPPORTED, MOST_GPU_FAILURES)],
)
def test_chunks_of_one_video_that_fail_together_are_one_failure(large: Path, code: ErrorCode, left: int) -> None:
    pool, threads = DecoderPool(keep=1), MOST_GPU_FAILURES + 1
    rig = Rig(large, pool)
    pool._gpu = _Together(threads, code)  # type: ignore[assignment]
    with ThreadPoolExecutor(threads) as many:
        assert all(many.map(lambda _: rig.works_again(), range(threads)))
    assert pool._gpu_tries == left, "a codec that no card decodes says nothing of the card"
    rig.media.close()
    pool.close()


def _kill_quietly(rig: Rig) -> None:
    """The card's process, if there is one."""
    gpu = rig.pool._gpu
    if gpu is not None and gpu._process is not None:
        gpu._process.kill()
