"""The table of `watch`: what is reckoned from the results, and what is left out where there is no room."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from consumer.cli import board as boards
from consumer.cli.board import Board, JobRow
from consumer.cli.board_table import board_table, shortened
from consumer.events.models import ChunkResult, Coverage
from tests.unit.stream.builders import chunk, final


def at(index: int, done: float, *, success: bool = True, job_id: str = "job", run_id: str = "run") -> ChunkResult:
    """A chunk of 60 s, 58 s behind the one before, that took 5 s until `done` (s)."""
    made = {"created_at": round(done * 1000), "processing_time": 5.0, "success": success, "run_id": run_id}
    return chunk(index, job_id=job_id).model_copy(update=made)


def test_a_job_goes_through_its_states() -> None:
    board = Board()
    row = board.row("job")
    states = [row.state]
    for index in range(4):
        board.take(at(index, 105.0), 0.0)
        states.append(row.state)
    board.take(final(4, status="partial"), 0.0)
    assert [*states, row.state] == ["waiting", "running", "running", "running", "answering", "partial"]


def test_speed_is_video_described_by_the_time_since_the_first_chunk_was_begun() -> None:
    row = JobRow("job")
    assert row.factor is None
    row.add(at(2, 105.0), 0.0)
    assert row.factor == pytest.approx(60 / 5)
    # The neighbour shares two seconds with it; the one that failed describes nothing.
    row.add(at(1, 110.0), 0.0)
    row.add(at(3, 110.0, success=False), 0.0)
    assert row.factor == pytest.approx(118 / 10)
    assert (row.done, row.failures) == (3, 1)


def test_a_chunk_that_comes_twice_counts_once() -> None:
    row = JobRow("job")
    row.add(at(0, 105.0), 0.0)
    row.add(at(0, 105.0), 0.0)
    assert (row.done, row.described) == (1, 60.0)


def test_the_final_result_says_how_fast_it_was() -> None:
    row = JobRow("job")
    coverage = Coverage(covered_seconds=120.0, total_seconds=120.0, gaps=[])
    row.end(final(4).model_copy(update={"coverage": coverage}))
    assert (row.factor, row.done, row.planned, row.failures) == (60.0, 4, 4, 0)


def test_time_left_is_that_of_the_chunks_so_far_and_goes_down_meanwhile() -> None:
    row = JobRow("job")
    assert row.left(0.0) is None
    row.add(at(0, 105.0), 7.0)
    assert row.left(7.0) == pytest.approx(15.0)
    row.add(at(1, 106.0), 8.0)
    assert row.left(8.0) == pytest.approx(6.0)
    assert row.left(10.0) == pytest.approx(4.0)
    assert row.left(100.0) == 0.0
    row.end(final(4))
    assert row.left(100.0) is None


def test_a_later_record_with_the_same_id_begins_anew() -> None:
    board = Board()
    for index in range(3):
        board.take(at(index, 105.0), 0.0)
    row = board.take(at(0, 205.0, run_id="again"), 0.0)
    assert (row.done, row.described, row.state) == (1, 60.0, "running")


def test_running_jobs_are_shown_before_waiting_ones_before_finished_ones() -> None:
    board = Board()
    for name in ("done", "waits", "runs", "done-later", "waits-too"):
        board.row(name)
    board.take(final(4, job_id="done"), 0.0)
    board.take(final(4, job_id="done-later"), 0.0)
    board.take(at(0, 105.0, job_id="runs"), 0.0)

    def names(most: int) -> list[str]:
        return [row.job_id for row in board.shown(most)]

    assert names(1) == ["runs"]
    assert names(3) == ["waits", "runs", "waits-too"]
    assert names(4) == ["waits", "runs", "done-later", "waits-too"]
    assert names(9) == ["done", "waits", "runs", "done-later", "waits-too"]


def test_jobs_without_end_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boards, "MOST_JOBS", 3)
    board = Board()
    board.take(at(0, 105.0, job_id="runs"), 0.0)
    for number in range(10):
        board.take(final(4, job_id=f"done-{number}"), 0.0)
    assert [row.job_id for row in board.shown(9)] == ["runs", "done-8", "done-9"]


def drawn(board: Board, width: int, height: int = 30) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, color_system=None)
    console.print(board_table(board, 0.0, width, height))
    assert isinstance(console.file, io.StringIO)
    rule, *lines = [line.rstrip() for line in console.file.getvalue().splitlines()]
    assert rule == "─" * width
    return lines


@pytest.fixture
def board() -> Board:
    board = Board()
    board.take(at(0, 105.0, job_id="01a217bc-e3ab-73c3-85c6-afb70d43029e"), 0.0)
    board.take(at(1, 106.0, success=False, job_id="01a217bc-e3ab-73c3-85c6-afb70d43029e"), 0.0)
    board.row("01a217bc-e3ab-7ff1-9cb3-c8d42dd8d4c9")
    return board


def test_a_wide_terminal_has_every_column(board: Board) -> None:
    heads, first, second, foot = drawn(board, 120)
    assert heads.split() == ["job", "state", "chunks", "failed", "speed", "left", "worker"]
    assert first.split() == ["01a217bc-e3ab-73c3-85c6-afb70d43029e", "running", "2/4", "1", "10.0x", "~0:00:06", "w"]
    assert second.split() == ["01a217bc-e3ab-7ff1-9cb3-c8d42dd8d4c9", "waiting", "-", "0", "-", "-"]
    assert foot == "1 waiting, 1 running"


@pytest.mark.parametrize(("width", "heads"), [(80, 6), (60, 5), (50, 4), (40, 3), (24, 3)])
def test_a_narrow_terminal_has_fewer_and_no_line_breaks(board: Board, width: int, heads: int) -> None:
    lines = drawn(board, width)
    assert len(lines) == 4
    assert max(map(len, lines)) <= width
    assert len(lines[0].split()) == heads
    names = [line.split()[0] for line in lines[1:3]]
    assert names[0] != names[1], "ids that begin alike are told apart"


def test_a_low_terminal_says_what_it_does_not_show(board: Board) -> None:
    assert drawn(board, 120, height=6)[-1] == "1 waiting, 1 running (1 not shown)"
    assert len(drawn(board, 120, height=6)) == 3


def test_ids_keep_their_begin_and_end() -> None:
    assert shortened("short", 8) == "short"
    assert shortened("01a217bc-e3ab-73c3", 10) == "01a…b-73c3"
    assert shortened("a\x1b[2J", 10) == "a�[2J"
