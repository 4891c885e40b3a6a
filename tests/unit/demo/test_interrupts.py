"""A signal ends the demo, wherever it arrives."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Iterator

import pytest

from consumer.demo.interrupts import Interrupts


@pytest.fixture
def interrupts() -> Iterator[Interrupts]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    made = Interrupts()
    made.install()
    yield made
    for number, handler in before.items():
        signal.signal(number, handler)


def test_without_a_signal_nothing_is_raised(interrupts: Interrupts) -> None:
    interrupts.check()


@pytest.mark.parametrize(("number", "kind"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)])
def test_it_is_raised_where_it_arrives(interrupts: Interrupts, number: int, kind: type[BaseException]) -> None:
    with pytest.raises(kind):
        os.kill(os.getpid(), number)
    with pytest.raises(kind):
        interrupts.check()


def test_the_exit_code_is_that_of_a_shell(interrupts: Interrupts) -> None:
    with pytest.raises(SystemExit) as caught:
        os.kill(os.getpid(), signal.SIGTERM)
    assert caught.value.code == 143


def test_what_a_callback_swallows_is_raised_at_the_next_check(
    interrupts: Interrupts, monkeypatch: pytest.MonkeyPatch
) -> None:
    swallowed: list[type[BaseException] | None] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda told: swallowed.append(told.exc_type))

    def collecting(phase: str, _: object) -> None:
        if phase == "start":
            os.kill(os.getpid(), signal.SIGINT)

    gc.callbacks.append(collecting)
    try:
        gc.collect()
    finally:
        gc.callbacks.remove(collecting)
    assert swallowed == [KeyboardInterrupt]
    with pytest.raises(KeyboardInterrupt):
        interrupts.check()
