"""Over TLS the sources do what they do without it, and whom nobody vouches for is not spoken to."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from consumer.errors import CodedError, ConfigurationError, ErrorCode
from consumer.media import http_source
from consumer.media.hosts import HostRules
from consumer.media.http_source import HttpStore
from consumer.media.s3_source import S3Store
from consumer.media.scratch import ScratchSpace
from consumer.media.source import Source
from consumer.settings import Settings
from tests.media.bad_server import Asked, bad_server
from tests.media.web_server import WebFiles, serving

DATA = bytes(range(256)) * 4000
LIMIT = 1.0
PATH = "/bucket/video.mp4"
KEYS = {"s3_access_key": "who", "s3_secret_key": "what", "s3_region": "us-east-1", "s3_secure": True}
Open = Callable[[int], Source]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def web(tls: ssl.SSLContext) -> Iterator[WebFiles]:
    with serving(tls=tls) as web:
        web.put(PATH, DATA)
        yield web


@pytest.fixture
def trusted(authority: trustme.CA, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The machine's store of certificates has the authority's."""
    file = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    monkeypatch.setattr(http_source, "_authorities", lambda: ssl.create_default_context(cafile=str(file)))


@pytest.fixture(params=["http", "s3"])
def open_at(request: pytest.FixtureRequest) -> Open:
    """Opens the video of the server at that port."""

    def http(port: int) -> Source:
        store = HttpStore(HostRules(["127.0.0.1"]), ScratchSpace(2**30), LIMIT)
        request.addfinalizer(store.close)
        return store.open(f"https://127.0.0.1:{port}{PATH}", 2**30, time.monotonic() + LIMIT)

    def s3(port: int) -> Source:
        values = {"s3_endpoint": f"127.0.0.1:{port}", "fetch_timeout_seconds": LIMIT, **KEYS}
        store = S3Store(Settings.model_validate(values))
        request.addfinalizer(store.close)
        return store.open(f"s3:/{PATH}", 2**30)

    return {"http": http, "s3": s3}[request.param]


def test_what_is_there_is_read(trusted: None, web: WebFiles, open_at: Open) -> None:
    source = open_at(web.port)
    assert (source.size, source.read_at(1000, 500_000)) == (len(DATA), DATA[1000:501_000])
    source.close()


def test_the_store_may_have_an_authority_of_its_own(authority: trustme.CA, web: WebFiles, tmp_path: Path) -> None:
    file = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(file))
    values = {"s3_endpoint": f"127.0.0.1:{web.port}", "s3_ssl_ca_location": str(file), **KEYS}
    store = S3Store(Settings.model_validate(values))
    source = store.open(f"s3:/{PATH}", 2**30)
    assert source.read_at(1000, 5000) == DATA[1000:6000]
    source.close()
    store.close()
    with pytest.raises(ConfigurationError, match="S3_SSL_CA_LOCATION names /none"):
        S3Store(Settings.model_validate(values | {"s3_ssl_ca_location": "/none"}))


def test_a_stranger_is_not_spoken_to(web: WebFiles, open_at: Open) -> None:
    with pytest.raises(CodedError) as caught:
        open_at(web.port)
    assert caught.value.code is ErrorCode.SOURCE_UNREACHABLE
    assert "certificate" in caught.value.message
    assert web.requests == []


def test_a_server_that_drips_meets_the_limit(trusted: None, tls: ssl.SSLContext, open_at: Open) -> None:
    def drip(asked: Asked) -> None:
        asked.send(b"HTTP/1.1 206 Partial Content\r\n")
        asked.drip_for_ever(b"X-More: of it\r\n")

    with bad_server(drip, tls) as server:
        began = time.monotonic()
        with pytest.raises(CodedError) as caught:
            open_at(server.port)
        assert time.monotonic() - began < 3 * LIMIT
        assert server.asked, "it was spoken to"
    assert caught.value.code is ErrorCode.SOURCE_UNREACHABLE
