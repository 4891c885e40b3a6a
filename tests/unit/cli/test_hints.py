"""What is asked back where a SOURCE was mistyped."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from consumer.cli.sources import recognise


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("s3:/videos/talk.mp4", "s3://videos/talk.mp4"),
        ("s3:videos/talk.mp4", "s3://videos/talk.mp4"),
        ("s3a://videos/talk.mp4", "s3://videos/talk.mp4"),
        ("HTPS://host/talk.mp4", "https://host/talk.mp4"),
        ("https:/host/talk.mp4", "https://host/talk.mp4"),
        ("htps://user:secret@host/talk.mp4?token=secret", "https://host/talk.mp4"),
        ("file:///films/talk.mp4", "/films/talk.mp4"),
        ("example.com/talk.mp4", "https://example.com/talk.mp4"),
        ("tlak.mp4", "talk.mp4"),
    ],
)
def test_what_was_probably_meant_is_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, meant: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "talk.mp4").write_bytes(b"")
    with pytest.raises(click.UsageError) as refused:
        recognise(text)
    assert str(refused.value).endswith(f"; did you mean {meant}?")


@pytest.mark.parametrize(
    "text",
    [
        "ftp://host/x.mp4",
        "gs://bucket/x.mp4",
        "s3://bucket",
        "nothing/like/it",
        "x:y.mp4",
        "clip.mp4",
        "tal*.mkv",
        "empty",
    ],
)
def test_where_nobody_can_tell_nothing_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "talk.mp4").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    with pytest.raises(click.UsageError) as refused:
        recognise(text)
    assert "did you mean" not in str(refused.value)
