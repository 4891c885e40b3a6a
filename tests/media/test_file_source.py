"""Files outside the allowed directories stay closed, by whatever way they are named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from consumer.errors import ErrorCode, PermanentError, TransientError
from consumer.media import file_source
from consumer.media.file_source import open_file


@pytest.fixture
def allowed(tmp_path: Path) -> Path:
    directory = tmp_path / "allowed"
    (directory / "deep").mkdir(parents=True)
    (directory / "deep" / "video.mp4").write_bytes(b"inside")
    (tmp_path / "secret.mp4").write_bytes(b"outside")
    return directory


def refused(path: Path | str, allowed: list[Path]) -> str:
    with pytest.raises(PermanentError) as caught:
        open_file(str(path), [str(root) for root in allowed], 2**30)
    assert caught.value.code is ErrorCode.SOURCE_REFUSED
    assert "video_path" in caught.value.message
    assert "ALLOWED_PATHS" in caught.value.message
    return caught.value.message


def test_inside(allowed: Path) -> None:
    source = open_file(str(allowed / "deep" / "video.mp4"), [str(allowed)], 2**30)
    assert source.read_at(0, 100) == b"inside"
    source.close()


def test_the_allowed_directory_itself_may_be_a_link(allowed: Path) -> None:
    link = allowed.parent / "videos"
    link.symlink_to(allowed)
    for path in (link / "deep" / "video.mp4", allowed / "deep" / "video.mp4"):
        open_file(str(path), [str(link)], 2**30).close()


def test_a_path_from_the_working_directory(allowed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(allowed)
    open_file("deep/video.mp4", ["."], 2**30).close()
    refused("../secret.mp4", [allowed])


def test_nothing_is_allowed_by_default(allowed: Path) -> None:
    refused(allowed / "deep" / "video.mp4", [])


def test_ways_out(allowed: Path) -> None:
    refused(allowed / "deep" / ".." / "deep" / "video.mp4", [allowed])
    refused(allowed / "nothing" / ".." / "deep" / "video.mp4", [allowed])
    refused(allowed / ".." / "secret.mp4", [allowed])
    refused(allowed.parent / "secret.mp4", [allowed])
    refused(f"{allowed}-more/video.mp4", [allowed])
    refused(allowed, [allowed])
    refused("/etc/passwd", [allowed])
    refused("/proc/self/environ", [allowed])
    refused(f"{allowed}/a\0b", [allowed])


def test_links(allowed: Path) -> None:
    (allowed / "inside.mp4").symlink_to(allowed / "deep" / "video.mp4")
    (allowed / "deeper").symlink_to(allowed / "deep")
    (allowed / "dangling.mp4").symlink_to(allowed / "nothing.mp4")
    (allowed / "link.mp4").symlink_to(allowed.parent / "secret.mp4")
    (allowed / "up").symlink_to(allowed.parent)
    refused(allowed / "link.mp4", [allowed])
    (allowed / "allowed").symlink_to(allowed)
    for name in ("inside.mp4", "deeper/video.mp4", "dangling.mp4", "link.mp4", "up/secret.mp4", "allowed/link.mp4"):
        assert "link" in refused(allowed / name, [allowed])


def test_a_link_in_a_circle(allowed: Path) -> None:
    (allowed / "circle").symlink_to(allowed / "circle")
    refused(allowed / "circle", [allowed])


def test_what_is_no_regular_file(allowed: Path) -> None:
    os.mkfifo(allowed / "pipe.mp4")
    refused(allowed / "pipe.mp4", [allowed])
    refused(allowed / "deep", [allowed])
    for device in ("/dev/zero", "/dev/null", "/dev/full", "/dev/tty"):
        refused(device, [Path("/dev")])


def test_a_device_is_not_even_opened(allowed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []
    real = os.open

    def noting(path: str, flags: int, **more: int) -> int:
        opened.append(path)
        return real(path, flags, **more)

    monkeypatch.setattr(os, "open", noting)
    refused("/dev/zero", [Path("/dev")])
    assert opened == [Path("/dev")]


def test_a_link_put_in_between_is_not_followed(allowed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (allowed / "up").symlink_to(allowed.parent)
    monkeypatch.setattr(file_source, "_check", lambda *_, **__: None)
    (allowed / "link.mp4").symlink_to(allowed.parent / "secret.mp4")
    for path in (allowed / "up" / "secret.mp4", allowed / "link.mp4"):
        with pytest.raises(PermanentError) as caught:
            open_file(str(path), [str(allowed)], 2**30)
        assert caught.value.code in (ErrorCode.SOURCE_REFUSED, ErrorCode.SOURCE_NOT_FOUND)


def test_a_file_that_may_not_be_read(allowed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", denied)
    with pytest.raises(PermanentError) as caught:
        open_file(str(allowed / "deep" / "video.mp4"), [str(allowed)], 2**30)
    assert caught.value.code is ErrorCode.SOURCE_FORBIDDEN


def test_a_disk_that_fails(allowed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = open_file(str(allowed / "deep" / "video.mp4"), [str(allowed)], 2**30)

    def failing(*_: int) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "pread", failing)
    with pytest.raises(TransientError, match="Input/output error") as caught:
        source.read_at(0, 10)
    assert caught.value.code is ErrorCode.SOURCE_UNREACHABLE
    source.close()
