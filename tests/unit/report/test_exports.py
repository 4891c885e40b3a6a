"""Exports, read back by programs that are not ours: FFmpeg, a Markdown parser, csv, Arrow."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
from pathlib import Path
from typing import Any

import av
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from consumer.errors import ErrorCode
from consumer.events.models import ChunkResult, Coverage, ErrorInfo, VideoResult
from consumer.report.exports import SUFFIXES, Outcome, check_export, write_export
from consumer.report.exports.cues import Cue, cues
from consumer.report.exports.markdown import markdown
from consumer.report.exports.subtitles import subrip, webvtt
from consumer.report.files import UnwritableError
from tests.unit.stream.builders import chunk, final

LOST = ErrorInfo(code=ErrorCode.MEDIA_UNREADABLE, message="It is <b>broken</b>.", retryable=False)
EVIL = (
    "# Heading\n<script>alert(1)</script> ![x](http://evil/x.png) [y](http://evil) [z][r]\n\n[r]: http://evil\n\n"
    "---\n\n--> a & b {\\an8}\n\nText\n====\n\n```\nopen"
)


def outcome(*chunks: ChunkResult, done: VideoResult | None = None, relative: bool = True) -> Outcome:
    return Outcome.of("job", chunks, done, relative_times=relative)


def events(index: int, *timed: dict[str, Any]) -> ChunkResult:
    value = json.dumps({"events": list(timed)})
    return chunk(index).model_copy(update={"response": value, "parsed": value})


def read_by_ffmpeg(path: Path) -> list[tuple[float, float, str]]:
    """Start, end and text of the cues."""
    with av.open(str(path)) as container:
        stream = container.streams.subtitles[0]
        return [
            (
                float((packet.pts or 0) * packet.time_base),
                float(((packet.pts or 0) + (packet.duration or 0)) * packet.time_base),
                bytes(packet).decode(),
            )
            for packet in container.demux(stream)
            if packet.size
        ]


@pytest.mark.parametrize("suffix", [".srt", ".vtt"])
def test_subtitles_are_a_cue_a_chunk_without_overlap(tmp_path: Path, suffix: str) -> None:
    failed = chunk(1).model_copy(update={"success": False, "response": None, "error": LOST})
    path = tmp_path / f"job{suffix}"
    write_export(path, outcome(chunk(3), chunk(0), failed, chunk(2), done=final(4)))
    assert read_by_ffmpeg(path) == [
        (0.0, 60.0, "text 0"),
        (116.0, 174.0, "text 2"),
        (174.0, 234.0, "text 3"),
    ]


def test_timed_events_are_cues_of_their_own() -> None:
    first = events(0, {"start": 1.5, "end": 4, "description": "a car"}, {"time": "0:10", "event": "a dog"})
    second = events(1, {"start_time": "00:02.5", "end_time": "70 s", "label": "a cat"}, {"t": 4, "who": "Ann", "n": 1})
    assert cues(outcome(second, first, chunk(2))) == [
        Cue(1.5, 4.0, "a car"),
        Cue(10.0, 14.0, "a dog"),
        Cue(60.5, 118.0, "a cat"),
        Cue(62.0, 66.0, "Ann"),
        Cue(116.0, 176.0, "text 2"),
    ]


def test_absolute_times_are_those_of_the_source() -> None:
    one = events(1, {"start": 60, "text": "in it"}, {"start": 5, "text": "cannot be"})
    assert cues(outcome(one, relative=False)) == [Cue(60.0, 64.0, "in it")]


@pytest.mark.parametrize(
    "parsed", ["3", "[]", '{"events": []}', '[{"start": true, "text": "x"}]', '[{"start": 1}]', "{"]
)
def test_answers_without_timed_events_are_whole_cues(parsed: str) -> None:
    one = chunk(0).model_copy(update={"parsed": parsed})
    assert cues(outcome(one)) == [Cue(0.0, 60.0, "text 0")]


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["start", "end", "text", "x"]), inner),
)


@given(JSON)
def test_cues_lie_in_their_chunk_whatever_the_model_writes(value: Any) -> None:
    one = chunk(1).model_copy(update={"parsed": json.dumps(value)})
    for cue in cues(outcome(one)):
        assert 58.0 <= cue.start < cue.end <= 118.2
        assert cue.text


@given(st.lists(st.text(alphabet=st.sampled_from("a \n\r\t\x0b\x00\u2028->"), min_size=1), max_size=4))
def test_no_text_makes_more_cues_than_there_are(texts: list[str]) -> None:
    given_cues = [Cue(float(n), n + 1.0, text) for n, text in enumerate(texts)]
    seen = sum(any(one.isprintable() and one != " " for one in text) for text in texts)
    blocks = [block for block in subrip(given_cues).split("\n\n") if block]
    assert [block.split("\n")[0] for block in blocks] == [str(n + 1) for n in range(seen)]
    head, *blocks = webvtt(given_cues).split("\n\n")
    assert head.strip() == "WEBVTT"
    assert [block.count(" --> ") for block in blocks if block] == [1] * seen


def test_markup_in_subtitles_is_text(tmp_path: Path) -> None:
    one = chunk(0).model_copy(update={"response": EVIL})
    write_export(tmp_path / "a.vtt", outcome(one))
    assert "&lt;script&gt;" in (tmp_path / "a.vtt").read_text()
    write_export(tmp_path / "a.srt", outcome(one))
    assert not set("<>{}") & set((tmp_path / "a.srt").read_text().replace("-->", ""))
    assert len(read_by_ffmpeg(tmp_path / "a.srt")) == len(read_by_ffmpeg(tmp_path / "a.vtt")) == 1


def rendered(text: str) -> str:
    # As sites render it: HTML in the text counts.
    return str(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))


def test_markdown_has_the_answer_the_figures_and_every_chunk() -> None:
    failed = chunk(1).model_copy(update={"success": False, "response": None, "error": LOST})
    done = final(3, status="partial").model_copy(
        update={"coverage": Coverage(covered_seconds=60, total_seconds=118, gaps=[[60.0, 118.0]])}
    )
    page = rendered(markdown(outcome(chunk(0), failed, done=done)))
    for part in (
        "<h1>job</h1>",
        "<p>all of it</p>",
        "<td>partial</td>",
        "<td>not described</td>\n<td>1:00 – 1:58</td>",
        "<h3>0:00 – 1:00</h3>\n<p>text 0</p>",
        "<h3>0:58 – 1:58</h3>\n<p><strong>MEDIA_UNREADABLE</strong>: It is &lt;b&gt;broken&lt;/b&gt;.",
        "<h3>1:56 – 2:56</h3>\n<p><em>Its text is not at hand.</em></p>",
    ):
        assert part in page, part


def test_the_model_s_lists_stay_and_its_markup_does_not_work() -> None:
    one = chunk(0).model_copy(update={"response": "- **a**\n- b"})
    assert "<li><strong>a</strong></li>" in rendered(markdown(outcome(one)))
    evil = chunk(0).model_copy(update={"response": EVIL})
    done = final(1).model_copy(update={"aggregated_response": EVIL, "metadata": {"a|b": "<img src=x>"}})
    page = rendered(markdown(outcome(evil, chunk(1), done=done)))
    assert not [bad for bad in ("<script", "<img", "<a ", "<hr") if bad in page]
    assert (page.count("<h1>"), page.count("<h2>"), page.count("<h3>")) == (1, 1, 1)
    assert "a|b" in page


def test_json_is_the_http_response(tmp_path: Path) -> None:
    write_export(tmp_path / "a.json", outcome(chunk(1), chunk(0), done=final(2)))
    answer = json.loads((tmp_path / "a.json").read_text())
    assert [one["chunk_index"] for one in answer["chunk_results"]] == [0, 1]
    assert {"success", "video_info", "num_chunks", "aggregated_response", "total_processing_time"} <= set(answer)


def test_csv_is_a_row_a_chunk_and_runs_no_formula(tmp_path: Path) -> None:
    texts = ['=HYPERLINK("http://evil")', 'two\nlines, "quoted"', None]
    chunks = [chunk(n).model_copy(update={"response": text, "degraded": ["a", "b"]}) for n, text in enumerate(texts)]
    write_export(tmp_path / "a.csv", outcome(*chunks))
    rows = list(csv.DictReader(io.StringIO((tmp_path / "a.csv").read_bytes().decode(), newline="")))
    assert [row["response"] for row in rows] == ['\'=HYPERLINK("http://evil")', 'two\nlines, "quoted"', ""]
    assert [(row["start_time"], row["success"], row["degraded"]) for row in rows][1] == ("58.0", "true", "a; b")


def test_parquet_has_types_and_the_final_result(tmp_path: Path) -> None:
    failed = chunk(1).model_copy(update={"success": False, "response": None, "error": LOST})
    write_export(tmp_path / "a.parquet", outcome(chunk(0), failed, done=final(2)))
    table = pyarrow.parquet.read_table(tmp_path / "a.parquet")
    rows = table.to_pylist()
    assert [(row["chunk_index"], row["response"], row["error_code"]) for row in rows] == [
        (0, "text 0", None),
        (1, None, "MEDIA_UNREADABLE"),
    ]
    assert [str(table.schema.field(name).type) for name in ("start_time", "degraded", "created_at")] == [
        "double",
        "list<element: string>",
        "timestamp[ms, tz=UTC]",
    ]
    assert VideoResult.model_validate_json(table.schema.metadata[b"video_result"]) == final(2)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_job_without_chunks_is_exported_all_the_same(tmp_path: Path, suffix: str) -> None:
    failed = final(0, status="failed", code=ErrorCode.SOURCE_NOT_FOUND)
    for done in (failed, None):
        write_export(tmp_path / f"a{suffix}", outcome(done=done))
        assert (tmp_path / f"a{suffix}").stat().st_size >= (suffix != ".srt")


def test_a_file_is_whole_or_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.md"
    path.write_text("before")

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(UnwritableError, match=r"^--export: .*a\.md cannot be written: No space left on device\.$"):
        write_export(path, outcome(chunk(0)))
    assert [one.name for one in tmp_path.iterdir()] == ["a.md"]
    assert path.read_text() == "before"


def test_others_may_read_what_they_could_read_of_any_new_file(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        write_export(tmp_path / "a.md", outcome(chunk(0)))
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "a.md").stat().st_mode) == 0o640


def test_where_nothing_can_be_written_it_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "d.md").mkdir()
    assert check_export(tmp_path / "a.MD") is None
    assert check_export(tmp_path / "a.doc") == (
        "the suffix of a.doc says no format; take one of .srt, .vtt, .md, .json, .csv, .parquet"
    )
    assert check_export(tmp_path / "d.md") == f"{tmp_path / 'd.md'} is a directory; name a file"
    assert "can be called aaa" in str(check_export(tmp_path / f"{'a' * 300}.md"))
    assert check_export(tmp_path / "no" / "a.md") == f"there is no directory {tmp_path / 'no'}"
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert check_export(tmp_path / "a.parquet") == (
        "Parquet needs the package pyarrow; install video-consumer[parquet]"
    )
