"""The bucket that files are uploaded to before their job is sent."""

from __future__ import annotations

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, BinaryIO, TypeVar

import urllib3
from minio import Minio
from minio.error import MinioException, S3Error
from urllib3.util.ssl_ import create_urllib3_context

from consumer.certificates import trust
from consumer.client.problems import UploadError
from consumer.errors import ConfigurationError
from consumer.settings import Settings

T = TypeVar("T")

AMAZON = "s3.amazonaws.com"
CONNECT_SECONDS = 5.0
PART_BYTES = 8 * 2**20
MOST_PARTS = 10_000
"""Of one object, by S3's rules."""
PARTS_AT_ONCE = 3
CONNECTIONS = 16
_REFUSALS = {
    "InvalidAccessKeyId": "the store does not know S3_ACCESS_KEY",
    "SignatureDoesNotMatch": "S3_SECRET_KEY does not fit S3_ACCESS_KEY",
    "AccessDenied": "S3_ACCESS_KEY may not use it",
}


class _DeniedError(UploadError):
    """These credentials may do some things, but not this one."""


class Bucket:
    """The bucket S3_BUCKET at S3_ENDPOINT.

    Raises:
        ConfigurationError: S3_ENDPOINT or S3_BUCKET cannot be one, or S3_SSL_CA_LOCATION cannot be read.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.name = settings.s3_bucket
        self.endpoint = settings.s3_endpoint or AMAZON
        context = create_urllib3_context()
        trust(context, settings.s3_ssl_ca_location, "S3_SSL_CA_LOCATION")
        self._pool = urllib3.PoolManager(
            ssl_context=context,
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=settings.fetch_timeout_seconds),
            retries=urllib3.Retry(total=2, backoff_factor=0.2, status_forcelist=[500, 502, 503, 504]),
            maxsize=CONNECTIONS,
        )
        try:
            self._client = self._made(self._pool)
        except ValueError as error:
            raise ConfigurationError(f"S3_ENDPOINT must be host:port without http:// and path: {error}.") from None

    def check(self) -> None:
        """Ask whether the bucket is there.

        Raises:
            ConfigurationError: there is no such bucket, or its name cannot be one.
            UploadError: the store does not answer or refuses the credentials.
        """
        if not self._call(lambda: self._client.bucket_exists(self.name)):
            raise self._missing()

    def held(self, prefix: str, size: int) -> str | None:
        """The key of an object of so many bytes below a prefix; None: there is none, or it may not be looked for.

        Raises:
            UploadError, ConfigurationError: as `put`.
        """
        try:
            found = self._call(lambda: list(self._client.list_objects(self.name, prefix=prefix, recursive=True)))
        except _DeniedError:
            return None
        return next((one.object_name for one in found if one.size == size), None)

    def put(self, key: str, data: BinaryIO, size: int, content_type: str, told: Callable[[int], None]) -> None:
        """Make an object of `size` bytes, in parts where there are many; it is there when the last part is.

        Args:
            told: called with the number of bytes that the store has confirmed since the last call, from several
                threads.

        Raises:
            UploadError: the store does not take it, or does not answer.
            ConfigurationError: there is no such bucket.
            OSError: as reading the data does.
        """
        client = self._made(_CountingPool(self._pool, told))
        part = max(PART_BYTES, -(-size // MOST_PARTS))
        self._call(
            lambda: client.put_object(
                self.name,
                key,
                data,
                size,
                content_type=content_type,
                part_size=part if size > part else 0,
                num_parallel_uploads=PARTS_AT_ONCE,
            )
        )

    def _made(self, pool: urllib3.PoolManager) -> Minio:
        settings = self._settings
        secret = settings.s3_secret_key
        return Minio(
            self.endpoint,
            access_key=settings.s3_access_key,
            secret_key=secret.get_secret_value() if secret else None,
            region=settings.s3_region,
            secure=settings.s3_secure,
            http_client=pool,
        )

    def _call(self, request: Callable[[], T]) -> T:
        place = f"the bucket {self.name} (S3_BUCKET) at {self.endpoint} (S3_ENDPOINT)"
        try:
            return request()
        except ValueError as error:
            raise ConfigurationError(f"S3_BUCKET cannot be the name of a bucket: {error}.") from None
        except S3Error as error:
            if error.code == "NoSuchBucket":
                raise self._missing() from None
            reason = _REFUSALS.get(error.code or "", f"{error.code}: {error.message}".rstrip("."))
            kind = _DeniedError if error.code == "AccessDenied" else UploadError
            raise kind(f"The store refused {place}: {reason}.") from None
        except (MinioException, urllib3.exceptions.HTTPError) as error:
            trusted = " and S3_SSL_CA_LOCATION" if "certificate" in str(error) else ""
            raise UploadError(
                f"There is no answer from {place}: {_cause(error)}; check address and S3_SECURE{trusted}."
            ) from None

    def _missing(self) -> ConfigurationError:
        return ConfigurationError(
            f"There is no bucket {self.name} at {self.endpoint} (S3_ENDPOINT); make it, or set S3_BUCKET to one that "
            "is there."
        )


class _CountingPool(urllib3.PoolManager):
    """Tells of each body that was sent and confirmed; the connections are those of another pool."""

    def __init__(self, pool: urllib3.PoolManager, told: Callable[[int], None]) -> None:
        super().__init__()
        self._pool, self._told = pool, told

    def urlopen(  # type: ignore[override]  # as the one of PoolManager is
        self, method: str, url: str, redirect: bool = True, **kw: Any
    ) -> urllib3.BaseHTTPResponse:
        answer = self._pool.urlopen(method, url, redirect, **kw)
        body = kw.get("body")
        if method == "PUT" and body and answer.status == HTTPStatus.OK:
            self._told(len(body))
        return answer


def _cause(error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    # urllib3 puts the connection in front: its repr, or in newer versions its class with host and port.
    return re.sub(r"^(<[^>]*>|\w+\([^)]*\)): ", "", str(reason)).rstrip(".") or type(reason).__name__
