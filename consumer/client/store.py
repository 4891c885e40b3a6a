"""The bucket that files are uploaded to before their job is sent."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

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
_REFUSALS = {
    "InvalidAccessKeyId": "the store does not know S3_ACCESS_KEY",
    "SignatureDoesNotMatch": "S3_SECRET_KEY does not fit S3_ACCESS_KEY",
    "AccessDenied": "S3_ACCESS_KEY may not use it",
}


class Bucket:
    """The bucket S3_BUCKET at S3_ENDPOINT.

    Raises:
        ConfigurationError: S3_ENDPOINT or S3_BUCKET cannot be one, or S3_SSL_CA_LOCATION cannot be read.
    """

    def __init__(self, settings: Settings) -> None:
        self.name = settings.s3_bucket
        self.endpoint = settings.s3_endpoint or AMAZON
        secret = settings.s3_secret_key
        context = create_urllib3_context()
        trust(context, settings.s3_ssl_ca_location, "S3_SSL_CA_LOCATION")
        pool = urllib3.PoolManager(
            ssl_context=context,
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=settings.fetch_timeout_seconds),
            retries=urllib3.Retry(total=2, backoff_factor=0.2, status_forcelist=[500, 502, 503, 504]),
        )
        try:
            self._client = Minio(
                self.endpoint,
                access_key=settings.s3_access_key,
                secret_key=secret.get_secret_value() if secret else None,
                region=settings.s3_region,
                secure=settings.s3_secure,
                http_client=pool,
            )
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

    def upload(self, path: Path, key: str, progress: Callable[[int], None]) -> str:
        """Put a file into the bucket; returns its s3:// address.

        Args:
            progress: called with the number of bytes that were sent since the last call, from several threads.

        Raises:
            UploadError: the file cannot be read, or the store does not take it.
            ConfigurationError: there is no such bucket.
        """
        try:
            self._call(lambda: self._client.fput_object(self.name, key, str(path), progress=_Meter(progress)))
        except OSError as error:
            raise UploadError(f"The file {path} cannot be read: {error.strerror or error}.") from None
        return f"s3://{self.name}/{key}"

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
            raise UploadError(f"The store refused {place}: {reason}.") from None
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


class _Meter:
    """minio's progress protocol, down to the bytes."""

    def __init__(self, progress: Callable[[int], None]) -> None:
        self._progress = progress

    def set_meta(self, object_name: str, total_length: int) -> None:
        """The caller knows both."""

    def update(self, length: int) -> None:
        self._progress(length)


def object_key(job_id: str, path: Path) -> str:
    """Where a job's file goes; the name keeps only characters that an address need not escape."""
    return f"uploads/{job_id}/{re.sub(r'[^A-Za-z0-9._-]', '_', path.name)}"


def _cause(error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    # urllib3 puts the connection in front: its repr, or in newer versions its class with host and port.
    return re.sub(r"^(<[^>]*>|\w+\([^)]*\)): ", "", str(reason)).rstrip(".") or type(reason).__name__
