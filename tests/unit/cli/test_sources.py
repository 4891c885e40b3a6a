"""What a SOURCE may be."""

from __future__ import annotations

import os
from pathlib import Path

import click
import pytest

from consumer.cli.sources import Local, Remote, expand, recognise


@pytest.mark.parametrize(
    "text",
    [
        "s3://bucket/key",
        "s3://bucket/a/b c.mp4?versionId=3",
        "https://host/x.mp4?X-Amz-Signature=1",
        "HTTP://host/x",
        "s3://b/#1?.mp4",
    ],
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
        ("http://[bad/x.mp4", "it is no address (Invalid IPv6 URL)"),
        ("*.mp4", "no file matches the pattern *.mp4"),
        ("no*", "no video matches the pattern no*"),
        ("https:///x.mp4", "must look like https://HOST/..."),
        ("missing.mp4", "there is no file missing.mp4"),
        ("/dev/null", "neither a file nor a directory"),
        ("a" * 300, "there is no file aaa"),
    ],
)
def test_anything_else_is_refused_with_a_reason(text: str, part: str) -> None:
    with pytest.raises(click.UsageError) as refused:
        recognise(text)
    assert part in refused.value.message


def test_a_pattern_is_the_videos_that_match_or_the_files_with_its_suffix(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("b.MP4", "a.mkv", "notes.txt", "deep/c.webm"):
        (tmp_path / name).write_bytes(b"")

    def names(pattern: str) -> list[str]:
        found = expand([f"{tmp_path}/{pattern}"])
        return [str(one.path.relative_to(tmp_path)) for one in found if isinstance(one, Local)]

    assert names("[ab]*") == ["a.mkv", "b.MP4"]
    assert names("*") == ["a.mkv", "b.MP4", "deep/c.webm"]
    assert names("**") == ["a.mkv", "b.MP4", "deep/c.webm"]
    assert names("*.txt") == ["notes.txt"]


def test_a_file_whose_name_looks_like_a_pattern_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "talk [1].mp4").write_bytes(b"")
    assert recognise(f"{tmp_path}/talk [1].mp4") == Local(tmp_path / "talk [1].mp4")


def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.mp4").write_bytes(b"")
    # The user that runs the tests may be root, who may read everything.
    monkeypatch.setattr("os.access", lambda path, mode: mode != os.R_OK)
    with pytest.raises(click.UsageError, match=r"a\.mp4 may not be read by this user; change its permissions"):
        recognise(str(tmp_path / "a.mp4"))


def test_an_empty_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(click.UsageError, match="no video below"):
        recognise(str(tmp_path))


def test_a_refused_address_is_shown_without_its_secrets() -> None:
    with pytest.raises(click.UsageError) as refused:
        recognise("s3://user:hidden@bucket?sig=hidden")
    assert "s3://bucket" in refused.value.message
    assert "hidden" not in refused.value.message
