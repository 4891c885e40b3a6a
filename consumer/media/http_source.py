"""Files on web servers, presigned addresses included."""

from __future__ import annotations

import contextlib
import hashlib
import re
import socket
import ssl
import time
from collections.abc import Iterator
from functools import cache

import httpx

from consumer.errors import CodedError
from consumer.media.hosts import HostRules
from consumer.media.http_client import HttpClient
from consumer.media.request_time import until
from consumer.media.scratch import ScratchFile, ScratchSpace
from consumer.media.source import (
    Source,
    changed,
    check_size,
    forbidden,
    lies_behind,
    not_found,
    refused,
    resumed,
    unreachable,
    unresolved,
)

MAX_REDIRECTS = 5
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


@cache
def _authorities() -> ssl.SSLContext:
    """Whose certificates are trusted; reading them takes a while."""
    return httpx.create_ssl_context(trust_env=False)


class HttpStore:
    """One client for all http(s) sources of a process: no proxies, no cookies, no credentials but the address's own.

    Every address, redirects included, is checked before it is asked; where the rules fix addresses, exactly those are
    connected to, so that a name cannot change its meaning between the check and the request.
    """

    def __init__(self, rules: HostRules, scratch: ScratchSpace, fetch_timeout: float) -> None:
        self._rules, self._scratch, self._fetch_timeout = rules, scratch, fetch_timeout
        timeout = httpx.Timeout(fetch_timeout, connect=min(10.0, fetch_timeout))
        self._client = HttpClient(_authorities(), timeout)

    def open(self, text: str, max_bytes: int, deadline: float) -> Source:
        """Find out size and identity.

        Downloads the whole where the server has no ranges, and where it has nothing by which a change of the file would
        show from one range to the next.

        Args:
            deadline: on the monotonic clock, for all of it.

        Raises:
            PermanentError: SOURCE_REFUSED, SOURCE_NOT_FOUND, SOURCE_FORBIDDEN, SOURCE_TOO_LARGE.
            TransientError: SOURCE_UNREACHABLE.
        """
        url = _parsed(text)
        with until(deadline):
            for _ in range(MAX_REDIRECTS + 1):
                with self._get(url, {"Range": "bytes=0-0"}) as response:
                    if response.has_redirect_location:
                        url = _redirected(url, response)
                        continue
                    source = self._opened(url, response, max_bytes)
                if source is None:
                    with self._get(url, {}) as response:
                        source = self._download(response, max_bytes)
                return source
        raise refused(f"video_url leads through more than {MAX_REDIRECTS} redirects.")

    def _opened(self, url: httpx.URL, response: httpx.Response, max_bytes: int) -> Source | None:
        """None: there are ranges, but of no use."""
        tag, content_range = _tag(response), response.headers.get("content-range", "")
        if response.status_code == 416:
            # Only an empty file has no first byte.
            return HttpSource(self, url, tag, 0) if content_range in ("", "bytes */0") else None
        if response.status_code == 206:
            match = _RANGE.fullmatch(content_range)
            if not match or not tag:
                return None
            size = int(match[3])
            check_size("video_url", size, max_bytes)
            return HttpSource(self, url, tag, size)
        return self._download(response, max_bytes)

    def _download(self, response: httpx.Response, max_bytes: int) -> Source:
        if response.status_code != 200:
            raise _coded(response.status_code)
        length = response.headers.get("content-length", "")
        if length.isdecimal():
            check_size("video_url", int(length), max_bytes)
        file, digest = self._scratch.create(), hashlib.sha256()
        try:
            # Raw: nothing compressed was asked for, and a little of it can be made to become very much.
            for piece in response.iter_raw():
                file.append(piece)
                digest.update(piece)
                check_size("video_url", file.size, max_bytes)
        except BaseException:
            file.close()
            raise
        return DownloadedSource(file, f"{_tag(response) or f'sha256:{digest.hexdigest()}'}:{file.size}")

    def read(self, url: httpx.URL, tag: str, size: int, offset: int, length: int) -> bytes:
        """One range of one file, within FETCH_TIMEOUT_SECONDS as a whole."""

        def some(begin: int, count: int, data: bytearray) -> None:
            self._read_some(url, f"{tag}:{size}", begin, count, data)

        with until(time.monotonic() + self._fetch_timeout):
            return resumed(some, offset, length)

    def _read_some(self, url: httpx.URL, identity: str, offset: int, length: int, data: bytearray) -> None:
        with self._get(url, {"Range": f"bytes={offset}-{offset + length - 1}"}) as response:
            if response.status_code in (200, 416):
                raise changed("video_url")
            match = _RANGE.fullmatch(response.headers.get("content-range", ""))
            if response.status_code != 206 or not match:
                raise _coded(response.status_code)
            begin, end = int(match[1]), int(match[2]) + 1
            if f"{_tag(response)}:{match[3]}" != identity or begin != offset or not begin < end <= offset + length:
                raise changed("video_url")
            left = end - begin
            for piece in response.iter_raw():
                left -= len(piece)
                if left < 0:
                    raise changed("video_url")
                data += piece

    @contextlib.contextmanager
    def _get(self, url: httpx.URL, headers: dict[str, str]) -> Iterator[httpx.Response]:
        port = url.port or (443 if url.scheme == "https" else 80)
        addresses = self._rules.addresses(url.raw_host.decode("ascii"), port)
        with _translated():
            response = self._send(url, headers, addresses)
            try:
                yield response
            finally:
                response.close()

    def _send(self, url: httpx.URL, headers: dict[str, str], addresses: list[str] | None) -> httpx.Response:
        """Send the request, to one of the addresses where they are fixed."""
        headers = {**headers, "Accept-Encoding": "identity"}
        if addresses is None:
            return self._send_once_more(self._client.request(url, headers))
        failure: httpx.ConnectError | httpx.ConnectTimeout | None = None
        for address in addresses:
            # A kept connection is found again by its address, whichever host's certificate it was checked against.
            request = self._client.request(url, {**headers, "Connection": "close"})
            request.extensions["sni_hostname"] = url.raw_host.decode("ascii")
            request.url = url.copy_with(host=address)
            try:
                return self._client.send(request)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure = error
        raise failure or httpx.ConnectError("The name has no address.")

    def _send_once_more(self, request: httpx.Request) -> httpx.Response:
        """A kept connection may turn out to have been closed meanwhile."""
        try:
            return self._client.send(request)
        except (httpx.RemoteProtocolError, httpx.ReadError):
            return self._client.send(request)

    def close(self) -> None:
        self._client.close()


class HttpSource(Source):
    """A file on a server that hands out ranges; ETag (or modification time) and size must stay the same."""

    def __init__(self, store: HttpStore, url: httpx.URL, tag: str, size: int) -> None:
        super().__init__(f"{tag}:{size}", size)
        self._store, self._url, self._tag = store, url, tag

    def read_at(self, offset: int, length: int) -> bytes:
        length = min(length, self.size - offset)
        if length <= 0:
            return b""
        data = self._store.read(self._url, self._tag, self.size, offset, length)
        self.count(len(data))
        return data

    def close(self) -> None:
        """Nothing: connections belong to the store."""


class DownloadedSource(Source):
    """A file that had to be fetched as a whole."""

    def __init__(self, file: ScratchFile, identity: str) -> None:
        super().__init__(identity, file.size)
        self._file = file
        self.count(file.size)

    def read_at(self, offset: int, length: int) -> bytes:
        return self._file.read_at(offset, length)

    def close(self) -> None:
        self._file.close()


def _parsed(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError):
        raise refused("video_url is not an address; its host must be listed in ALLOWED_HOSTS.") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise refused("video_url must name a host, and one that ALLOWED_HOSTS lists.")
    return url


def _redirected(url: httpx.URL, response: httpx.Response) -> httpx.URL:
    try:
        target = url.join(response.headers["location"])
    except (httpx.InvalidURL, ValueError):
        raise refused("video_url redirects to something that is not an address.") from None
    return _parsed(str(target))


def _tag(response: httpx.Response) -> str:
    """What changes when the file does: the ETag, else the modification time; empty where there is neither."""
    if tag := response.headers.get("etag"):
        return f"etag:{tag}"
    if modified := response.headers.get("last-modified"):
        return f"modified:{modified}"
    return ""


def _coded(status: int) -> CodedError:
    if status in (404, 410):
        return not_found(f"The server has nothing at video_url (status {status}).")
    if status >= 500 or status in (408, 425, 429):
        return unreachable(f"The server of video_url is not ready (status {status}).")
    if status in (401, 403):
        return forbidden(
            f"The server refused to hand out video_url (status {status}); a presigned address may be too old."
        )
    return forbidden(f"The server answered the request for video_url with status {status}.")


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """httpx's exceptions as coded ones; their texts may hold the address, so only their kind is told."""
    try:
        yield
    except httpx.TimeoutException:
        message = "The server of video_url is too slow for FETCH_TIMEOUT_SECONDS or PROBE_TIMEOUT_SECONDS."
        raise unreachable(message) from None
    except httpx.HTTPError as error:
        if lies_behind(error, ssl.SSLError):
            raise unreachable(
                "No TLS with the server of video_url: it has no certificate, or none that is trusted."
            ) from None
        if lies_behind(error, socket.gaierror):
            raise unresolved("video_url") from None
        raise unreachable(f"The server of video_url does not answer ({type(error).__name__}).") from None
