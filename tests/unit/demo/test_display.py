"""Nobody looks at a demo that has been silent for more than five seconds."""

from __future__ import annotations

import io
import itertools

from rich.console import Console

from consumer.demo.display import SILENCE_SECONDS, PlainDisplay, TerminalDisplay, display


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_plain_lines_break_every_silence() -> None:
    clock, stream = Clock(), io.StringIO()
    with PlainDisplay(stream, clock) as show:
        show.stage("starting vLLM")
        said = [0.0]
        while clock.now < 60:
            clock.now += 0.2
            before = stream.tell()
            show.tick("engine missing")
            if stream.tell() > before:
                said.append(clock.now)
        assert max(later - earlier for earlier, later in itertools.pairwise(said)) < 5
        assert len(said) < 60 / SILENCE_SECONDS + 1
        show.line("done")
    lines = stream.getvalue().splitlines()
    assert lines[0] == "... starting vLLM"
    assert lines[1] == f"... starting vLLM (engine missing), {SILENCE_SECONDS:.0f} s"
    assert lines[-1] == "done"


def test_results_are_signs_of_life_too() -> None:
    clock, stream = Clock(), io.StringIO()
    show = PlainDisplay(stream, clock)
    show.stage("a")
    clock.now = SILENCE_SECONDS - 0.1
    show.line("result")
    clock.now = 2 * SILENCE_SECONDS - 0.2
    show.tick()
    assert stream.getvalue() == "... a\nresult\n"


def test_a_terminal_gets_a_spinner_and_the_lines_stay() -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=200)
    with TerminalDisplay(console) as show:
        show.stage("starting [vLLM]")
        show.tick("12 [b]%")
        show.line("[3.9s] a line with [brackets]")
    text = stream.getvalue()
    assert "starting [vLLM] (12 [b]%)" in text and "0:00:00" in text
    assert "[3.9s] a line with [brackets]" in text


def test_what_is_no_terminal_gets_lines() -> None:
    assert isinstance(display(io.StringIO()), PlainDisplay)
