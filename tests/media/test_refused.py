"""Nothing is sent to an address that is refused, however it is spelt or led to."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from consumer.errors import CodedError, ErrorCode
from consumer.media.library import MediaLibrary
from consumer.settings import Settings
from tests.media.web_server import WebFiles, serving
from tests.refused_addresses import SECRET, Listener, listening, refused_hosts, refused_schemes


@pytest.fixture
def listener() -> Iterator[Listener]:
    """Nobody may come."""
    with listening() as listener:
        yield listener
        assert listener.connections == 0


@pytest.fixture
def web() -> Iterator[WebFiles]:
    with serving() as web:
        yield web


def library(*hosts: str, paths: tuple[Path, ...] = ()) -> MediaLibrary:
    values = {"allowed_hosts": list(hosts), "allowed_paths": [str(path) for path in paths], "probe_timeout_seconds": 5}
    return MediaLibrary.from_settings(Settings.model_validate(values))


def code(made: MediaLibrary, url: str) -> ErrorCode:
    with pytest.raises(CodedError) as caught:
        made.open(video_url=url, video_path=None)
    assert SECRET not in caught.value.message
    assert SECRET not in repr(caught.value.__cause__)
    return caught.value.code


def test_the_listener_hears_who_comes() -> None:
    with listening() as listener:
        for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            with socket.socket(family) as one:
                one.connect((address, listener.port))
                assert one.recv(1) == b""
        assert listener.connections == 2


def test_hosts_in_every_spelling(listener: Listener) -> None:
    made = library("*", "*.example.com")
    codes = {url: code(made, url) for url in refused_hosts(listener.port)}
    assert codes == dict.fromkeys(codes, ErrorCode.SOURCE_REFUSED)
    made.close()


def test_hosts_that_are_not_listed_are_not_even_resolved(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **_: asked.append(arguments))
    made = library("videos.example.com", "127.0.0.1:1")
    codes = {url: code(made, url) for url in refused_hosts(listener.port)}
    assert codes == dict.fromkeys(codes, ErrorCode.SOURCE_REFUSED)
    assert asked == []
    made.close()


def test_other_schemes(listener: Listener) -> None:
    made = library("*", "127.0.0.1")
    codes = {url: code(made, url) for url in refused_schemes(listener.port)}
    assert codes == dict.fromkeys(codes, ErrorCode.SOURCE_REFUSED)
    made.close()


def test_redirects_to_them(listener: Listener, web: WebFiles) -> None:
    made = library("*", f"127.0.0.1:{web.port}")
    targets = refused_hosts(listener.port) + [url for url in refused_schemes(listener.port) if ":" in url]
    codes = {}
    for number, target in enumerate(targets):
        if not target.isascii() or target.startswith((" ", "http:127", "subfile")):
            # A header cannot say the first, and what the others mean depends on the page that they stand on.
            continue
        web.answers[f"/{number}"] = (302, {"Location": f"/{number}/on?token={SECRET}"})
        web.answers[f"/{number}/on"] = (307, {"Location": target})
        codes[target] = code(made, f"{web.base}/{number}")
    assert codes == dict.fromkeys(codes, ErrorCode.SOURCE_REFUSED)
    assert len(codes) > 60
    made.close()


def test_a_name_that_leads_here_after_it_led_elsewhere(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is resolved once a request, and what was checked is what is connected to."""
    answers = iter(["203.0.113.9", "127.0.0.1"])
    connected: list[str] = []

    def resolve(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        # Whoever asks for an address gets itself; the name changes its meaning each time.
        address = host if host[0].isdigit() else next(answers)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    def connect(address: tuple[str, int], *_: object, **__: object) -> socket.socket:
        connected.append(address[0])
        raise OSError("nobody there")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket, "create_connection", connect)
    monkeypatch.setattr("consumer.media.hosts._is_public", lambda address: address != "127.0.0.1")
    made = library("*.example.com")
    url = f"http://videos.example.com:{listener.port}/video.mp4"
    assert code(made, url) is ErrorCode.SOURCE_UNREACHABLE
    assert connected == ["203.0.113.9"]
    assert code(made, url) is ErrorCode.SOURCE_REFUSED
    assert connected == ["203.0.113.9"]
    made.close()


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://{place}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile http://{place}\n",
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>http://{place}</BaseURL></MPD>',
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
        "[playlist]\nFile1=http://{place}\n",
        "<asx><entry><ref href='http://{place}'/></entry></asx>",
        "RTSPtextRTSP://{place}\n",
    ],
    ids=["hls", "concat", "dash", "sdp", "pls", "asx", "redirector"],
)
def test_files_that_name_addresses(listener: Listener, tmp_path: Path, text: str) -> None:
    made = library("*", "127.0.0.1", paths=(tmp_path,))
    for ending in ("mp4", "m3u8", "mov"):
        path = tmp_path / f"video.{ending}"
        path.write_text(text.format(place=f"127.0.0.1:{listener.port}/video.ts"))
        with pytest.raises(CodedError) as caught:
            made.open(video_url=None, video_path=str(path))
        assert caught.value.code is ErrorCode.MEDIA_UNREADABLE
    made.close()
