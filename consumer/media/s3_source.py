"""Objects in the configured S3 store (MinIO or another)."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice

import urllib3
from minio import Minio
from minio.error import InvalidResponseError, MinioException, S3Error, ServerError

from consumer.errors import CodedError, ConfigurationError
from consumer.media.request_time import until
from consumer.media.s3_client import connections
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
from consumer.settings import Settings

AMAZON = "s3.amazonaws.com"
CONNECTIONS = 32
PIECE = 256 * 1024
_MISSING = frozenset({"NoSuchBucket", "NoSuchKey", "NoSuchVersion", "InvalidBucketName", "MethodNotAllowed"})


@dataclass(frozen=True, slots=True)
class ObjectAddress:
    """`s3://bucket/key[?versionId=...]`; the key is taken as it stands, nothing in it is percent-decoded."""

    bucket: str
    key: str
    version: str | None

    def __str__(self) -> str:
        return f"{self.key!r} in bucket {self.bucket!r}"


def parse_object_address(url: str) -> ObjectAddress:
    """Take an `s3://` address apart.

    Raises:
        PermanentError: SOURCE_NOT_FOUND, bucket or key is missing.
    """
    bucket, _, key = url.partition("://")[2].partition("/")
    key, mark, version = key.rpartition("?versionId=") if "?versionId=" in key else (key, "", "")
    if not bucket or not key:
        raise not_found("video_url must name a bucket and a key: s3://bucket/key.")
    return ObjectAddress(bucket, key, version if mark and version else None)


class S3Store:
    """The one store that `s3://` means: S3_ENDPOINT with S3_ACCESS_KEY and S3_SECRET_KEY.

    The client's own retries (five, with five-minute time-outs) are off: the job retries, and knows its time limits.

    Raises:
        ConfigurationError: the settings do not make a store.
    """

    def __init__(self, settings: Settings) -> None:
        self._fetch_timeout = settings.fetch_timeout_seconds
        connect = min(10.0, self._fetch_timeout)
        timeout = urllib3.Timeout(connect=connect, read=self._fetch_timeout)
        self._pool = connections(timeout, CONNECTIONS, settings.s3_ssl_ca_location)
        secret = settings.s3_secret_key
        try:
            self._client = Minio(
                settings.s3_endpoint or AMAZON,
                access_key=settings.s3_access_key,
                secret_key=secret.get_secret_value() if secret else None,
                region=settings.s3_region,
                secure=settings.s3_secure,
                http_client=self._pool,
            )
        except ValueError as error:
            message = f"S3_ENDPOINT, S3_ACCESS_KEY and S3_SECRET_KEY do not name a store ({error})."
            raise ConfigurationError(message) from None

    def open(self, url: str, max_bytes: int) -> S3Source:
        """Find an object and fix which version of it is read.

        Raises:
            PermanentError: SOURCE_NOT_FOUND, SOURCE_FORBIDDEN, SOURCE_TOO_LARGE.
            TransientError: SOURCE_UNREACHABLE.
        """
        address = parse_object_address(url)
        with self._in_time(), _translated(address):
            try:
                found = self._client.stat_object(address.bucket, address.key, version_id=address.version)
            except ValueError as error:
                raise not_found(f"video_url names no possible object: {error}.") from None
        size, version, tag = found.size or 0, found.version_id, found.etag
        if not tag:
            raise unreachable("The store at S3_ENDPOINT does not say which version of the object it has (no ETag).")
        check_size("video_url", size, max_bytes)
        if version in (None, "", "null"):
            version = address.version
        identity = f"version:{version}:{size}" if version else f"etag:{tag}:{size}"
        return S3Source(self, ObjectAddress(address.bucket, address.key, version), tag, identity, size)

    def addresses(self, url: str, most: int) -> list[str]:
        """The addresses of the objects below `s3://bucket/prefix`, by key; at most so many.

        Raises:
            PermanentError: SOURCE_NOT_FOUND, SOURCE_FORBIDDEN.
            TransientError: SOURCE_UNREACHABLE.
        """
        bucket, _, prefix = url.partition("://")[2].partition("/")
        with _translated(ObjectAddress(bucket, prefix, None)):
            try:
                found = islice(self._client.list_objects(bucket, prefix=prefix or None, recursive=True), most)
                return [f"s3://{bucket}/{one.object_name}" for one in found if not one.is_dir]
            except ValueError as error:
                raise not_found(f"{bucket!r} can be no bucket: {error}.") from None

    def read(self, address: ObjectAddress, tag: str, size: int, offset: int, length: int) -> bytes:
        """One range of one object, within FETCH_TIMEOUT_SECONDS as a whole."""

        def some(begin: int, count: int, data: bytearray) -> None:
            self._read_some(address, tag, size, begin, count, data)

        with self._in_time():
            return resumed(some, offset, length)

    def _in_time(self) -> AbstractContextManager[None]:
        return until(time.monotonic() + self._fetch_timeout)

    def _read_some(
        self, address: ObjectAddress, tag: str, size: int, offset: int, length: int, data: bytearray
    ) -> None:
        with _translated(address):
            response = self._client.get_object(
                address.bucket,
                address.key,
                offset=offset,
                length=length,
                request_headers={"If-Match": f'"{tag}"'},
                version_id=address.version,
            )
            try:
                if response.headers.get("content-range") != f"bytes {offset}-{offset + length - 1}/{size}":
                    raise changed("video_url")
                left = length
                # Not `stream`, which waits until a piece is full and would lose what has come when that breaks off.
                while left > 0 and (piece := response.read1(min(left, PIECE), decode_content=False)):
                    left -= len(piece)
                    data += piece
            finally:
                # Both: an unread rest must not be left in a connection that goes back to the pool.
                response.close()
                response.release_conn()

    def close(self) -> None:
        self._pool.clear()


class S3Source(Source):
    """One object in one version; where the bucket keeps no versions, If-Match guards against a change."""

    def __init__(self, store: S3Store, address: ObjectAddress, tag: str, identity: str, size: int) -> None:
        super().__init__(identity, size)
        self._store, self._address, self._tag = store, address, tag

    def read_at(self, offset: int, length: int) -> bytes:
        length = min(length, self.size - offset)
        if length <= 0:
            return b""
        data = self._store.read(self._address, self._tag, self.size, offset, length)
        self.count(len(data))
        return data

    def close(self) -> None:
        """Nothing: connections belong to the store."""


@contextlib.contextmanager
def _translated(address: ObjectAddress) -> Iterator[None]:
    """The client's exceptions as coded ones; none of its texts are handed on, they may quote the signed request."""
    try:
        yield
    except S3Error as error:
        raise _coded(error.code or "", error.response.status, address) from None
    except ServerError as error:
        raise _coded("", error.status_code, address) from None
    except InvalidResponseError:
        raise unreachable("What answers at S3_ENDPOINT does not speak S3.") from None
    except (urllib3.exceptions.HTTPError, MinioException, OSError) as error:
        reason = getattr(error, "reason", None) or error
        if isinstance(reason, urllib3.exceptions.SSLError):
            raise unreachable(
                "No TLS with the store at S3_ENDPOINT: its certificate is not trusted (S3_SSL_CA_LOCATION may name"
                " who vouches for it), or it has none (S3_SECURE=false)."
            ) from None
        if lies_behind(reason, socket.gaierror):
            raise unresolved("S3_ENDPOINT") from None
        raise unreachable(f"The store at S3_ENDPOINT does not answer ({type(reason).__name__}).") from None


def _coded(code: str, status: int, address: ObjectAddress) -> CodedError:
    if code == "PreconditionFailed" or status in (412, 416):
        return changed("video_url")
    if code in _MISSING or status in (404, 405):
        return not_found(f"The object that video_url names does not exist: {address}{_version_note(address)}.")
    if status in (401, 403):
        reason = "S3_ACCESS_KEY or S3_SECRET_KEY is wrong" if code in _BAD_KEYS else "access is denied"
        return forbidden(f"The store refused to hand out the object that video_url names ({code}: {reason}).")
    if status >= 500 or status in (408, 429):
        return unreachable(f"The store at S3_ENDPOINT is not ready (status {status}).")
    if 300 <= status < 400:
        return refused("The store redirects elsewhere; S3_ENDPOINT and S3_REGION must name where the bucket lies.")
    if address.version is not None:
        return not_found(f"The store knows no such version as video_url names: {address}{_version_note(address)}.")
    return forbidden(f"The store refused the request for the object that video_url names (status {status}).")


_BAD_KEYS = frozenset({"InvalidAccessKeyId", "SignatureDoesNotMatch"})


def _version_note(address: ObjectAddress) -> str:
    return f", version {address.version!r}" if address.version else ""
