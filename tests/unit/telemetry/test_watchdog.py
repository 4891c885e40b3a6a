"""The watchdog ends a process whose engine hangs or is gone, and no other."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from queue import Queue

import pytest
from structlog.testing import capture_logs

from consumer.telemetry.watchdog import Watchdog, thread_stacks

LIMIT = 30.0


class Scene:
    """An engine that the test plays; `ended` and `left` come from the watchdog's thread."""

    def __init__(self, patience: float = 30.0) -> None:
        self.alive, self.seconds = True, 0.0
        self.looks: Queue[float] = Queue()
        self.ended: Queue[str] = Queue()
        self.left: Queue[int] = Queue()
        self.watchdog = Watchdog(
            alive=lambda: self.alive,
            still=self.look,
            limit=LIMIT,
            end=self.ended.put,
            leave=self.left.put,
            tick=0.001,
            patience=patience,
        )

    def look(self) -> float:
        self.looks.put(self.seconds)
        return self.seconds

    def looked(self, seconds: float) -> None:
        """The watchdog has seen these."""
        while self.looks.get(timeout=30) != seconds:
            pass


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene(patience=0.001)
    yield made
    made.watchdog.stop()


def test_an_engine_that_gets_on_is_left_alone(scene: Scene) -> None:
    scene.watchdog.start()
    for seconds in (0.0, 20.0, LIMIT, 3.0):
        scene.seconds = seconds
        scene.looked(seconds)
    scene.watchdog.stop()
    assert scene.ended.empty()


def test_one_that_stands_still_ends_the_process_and_the_log_says_where_it_stood(scene: Scene) -> None:
    with capture_logs() as logs:
        scene.seconds = LIMIT + 0.5
        scene.watchdog.start()
        assert "ENGINE_STALL_SECONDS (30 s)" in scene.ended.get(timeout=30)
        assert scene.left.get(timeout=30) == 1, "it did not end by itself"
    stalled = [one for one in logs if one["event"] == "engine_stalled"]
    assert [one["seconds"] for one in stalled] == [30.5]
    assert "in wait" in stalled[0]["stacks"]
    assert "test_watchdog" in stalled[0]["stacks"], "the main thread, which is here"
    assert scene.ended.empty(), "it is said once"


def test_one_that_died_while_nothing_was_asked_of_it_ends_the_process_too(scene: Scene) -> None:
    scene.alive = False
    scene.watchdog.start()
    assert "ended" in scene.ended.get(timeout=30)
    assert scene.left.get(timeout=30) == 1


def test_a_process_that_leaves_by_itself_is_given_the_time() -> None:
    scene = Scene(patience=3600.0)
    scene.seconds = LIMIT + 1
    scene.watchdog.start()
    scene.ended.get(timeout=30)
    assert scene.left.empty()


def test_a_watchdog_that_was_stopped_says_nothing(scene: Scene) -> None:
    scene.watchdog.start()
    scene.looked(0.0)
    scene.watchdog.stop()
    scene.alive = False
    scene.watchdog._thread.join(30)
    assert not scene.watchdog._thread.is_alive()
    assert scene.ended.empty()


def test_stacks_name_every_thread_s_place() -> None:
    inside, out = threading.Event(), threading.Event()

    def dwell_in_a_known_place() -> None:
        inside.set()
        out.wait(30)

    thread = threading.Thread(target=dwell_in_a_known_place)
    thread.start()
    assert inside.wait(30)
    stacks = thread_stacks()
    out.set()
    thread.join(30)
    assert "dwell_in_a_known_place" in stacks
    assert "test_stacks_name_every_thread_s_place" in stacks
