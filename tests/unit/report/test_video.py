"""Where a browser finds the video: only what it can open, and nothing that may be secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from consumer.report.video import Video, file_link, video_name, web_link


def test_a_moment_is_a_fragment() -> None:
    assert Video("a", "https://h.example/a.mp4").at(12.5) == "https://h.example/a.mp4#t=12.5"
    assert Video("a", "./a.mp4").at(0.0) == "./a.mp4#t=0"
    assert Video("a").at(1.0) is None


@pytest.mark.parametrize(
    ("url", "link"),
    [
        ("https://h.example/a b.mp4", "https://h.example/a%20b.mp4"),
        ("HTTP://h.example:8080/a.mp4#t=5", "http://h.example:8080/a.mp4"),
        ("https://h.example", "https://h.example/"),
        ("https://h.example/a.mp4?X-Amz-Signature=secret", None),
        ("https://user:word@h.example/a.mp4", None),
        ("s3://bucket/key", None),
        ("javascript:alert(1)", None),
        ("https://[h.example/a", None),
        ("https:///a.mp4", None),
    ],
)
def test_only_addresses_without_secrets_are_links(url: str, link: str | None) -> None:
    assert web_link(url) == link


def test_a_file_s_link_tells_the_way_from_the_page(tmp_path: Path) -> None:
    assert file_link(tmp_path / "a 1#2.mp4", tmp_path / "page.html") == "./a%201%232.mp4"
    assert file_link(tmp_path / "videos" / "a.mp4", tmp_path / "pages" / "page.html") == "../videos/a.mp4"
    assert file_link(tmp_path / "x:y.mp4", tmp_path / "page.html") == "./x%3Ay.mp4"


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("s3://bucket/talks/a.mp4", "a.mp4"),
        ("https://h.example/a.mp4?token=1", "a.mp4"),
        ("/data/a?b.mp4", "a?b.mp4"),
        ("https://h.example/", "video"),
    ],
)
def test_the_name_is_the_last_part(address: str, name: str) -> None:
    assert video_name(address) == name


@pytest.mark.parametrize(
    "link",
    ["javascript:alert(1)", "data:text/html,x", "file:///a", "//h.example/a", "https://a b", './a"b', "./a'b", ""],
)
def test_no_other_address_becomes_a_link(link: str) -> None:
    assert Video("a.mp4", link).at(3.0) is None
