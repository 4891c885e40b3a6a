"""What a SOURCE may be."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from consumer.cli.sources import Local, Remote, expand, recognise


@pytest.mark.parametrize(
    "text",
    ["s3://bucket/key", "s3://bucket/a/b c.mp4?versionId=3", "https://host/x.mp4?X-Amz-Signature=1", "HTTP://host/x"],
)
def test_addresses_are_kept_as_they_are(text: str) -> None:
    assert recognise(text) == Remote(text)


def test_a_file_is_local(tmp_path: Path) -> None:
    file = tmp_path / "anything.bin"
    file.write_bytes(b"")
    assert recognise(str(file)) == Local(file)


def test_a_directory_is_its_videos_in_order(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("b.MP4", "a.mkv", "notes.txt", "deep/c.webm"):
        (tmp_path / name).write_bytes(b"")
    names = ["a.mkv", "b.MP4", "deep/c.webm"]
    assert expand([str(tmp_path), "s3://b/k"]) == [*(Local(tmp_path / name) for name in names), Remote("s3://b/k")]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("ftp://host/x.mp4", "ftp:// is no address that can be fetched"),
        ("file:///x.mp4", "file:// is no address"),
        ("s3://bucket", "must look like s3://BUCKET/KEY"),
        ("s3:///key", "must look like s3://BUCKET/KEY"),
        ("https:///x.mp4", "must look like https://HOST/..."),
        ("missing.mp4", "there is no file missing.mp4"),
        ("/dev/null", "neither a file nor a directory"),
    ],
)
def test_anything_else_is_refused_with_a_reason(text: str, part: str) -> None:
    with pytest.raises(click.UsageError) as refused:
        recognise(text)
    assert part in refused.value.message


def test_an_empty_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(click.UsageError, match="no video below"):
        recognise(str(tmp_path))


def test_a_refused_address_is_shown_without_its_secrets() -> None:
    with pytest.raises(click.UsageError) as refused:
        recognise("s3://user:hidden@bucket?sig=hidden")
    assert "s3://bucket" in refused.value.message
    assert "hidden" not in refused.value.message
