"""Videos in a real MinIO: the contract of sources, refusals by their codes, and a file from bucket to frames."""

from __future__ import annotations

import io
import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest
from minio import Minio
from minio.commonconfig import ENABLED
from minio.versioningconfig import VersioningConfig

from consumer.errors import CodedError, ErrorCode, PermanentError
from consumer.media.hosts import HostRules
from consumer.media.http_source import HttpStore
from consumer.media.library import MediaLibrary
from consumer.media.s3_source import S3Store
from consumer.media.scratch import ScratchSpace
from consumer.media.source import Source
from consumer.settings import Settings
from tests.media.conftest import sample
from tests.media.source_contract import DATA, Shelf, SourceContract
from tests.media.videos import make_video, numbers_in


class Store(Protocol):
    """What the `minio` fixture tells of the running server."""

    endpoint: str
    access_key: str
    secret_key: str


@pytest.fixture
def client(minio: Store) -> Minio:
    return Minio(minio.endpoint, minio.access_key, minio.secret_key, secure=False)


@pytest.fixture
def bucket(client: Minio) -> str:
    name = f"sources-{uuid.uuid4().hex[:12]}"
    client.make_bucket(name)
    return name


def settings(minio: Store, **values: Any) -> Settings:
    return Settings.model_validate(
        {
            "s3_endpoint": minio.endpoint,
            "s3_access_key": minio.access_key,
            "s3_secret_key": minio.secret_key,
            "s3_secure": False,
            "fetch_timeout_seconds": 10.0,
            **values,
        }
    )


def put(client: Minio, bucket: str, name: str, data: bytes) -> str | None:
    version: str | None = client.put_object(bucket, name, io.BytesIO(data), len(data)).version_id
    return version


class ObjectShelf(Shelf):
    def __init__(self, client: Minio, bucket: str, store: S3Store, *, versioned: bool) -> None:
        self._client, self._bucket, self._store = client, bucket, store
        self.snapshot = versioned

    def put(self, name: str, data: bytes) -> None:
        put(self._client, self._bucket, name, data)

    def open(self, name: str, max_bytes: int = 2**40) -> Source:
        return self._store.open(f"s3://{self._bucket}/{name}", max_bytes)


class PresignedShelf(ObjectShelf):
    """The same objects by http, with an address that carries its own permission."""

    def __init__(self, client: Minio, bucket: str, store: HttpStore) -> None:
        self._client, self._bucket, self._http = client, bucket, store

    def open(self, name: str, max_bytes: int = 2**40) -> Source:
        url = self._client.presigned_get_object(self._bucket, name, expires=timedelta(minutes=5))
        return self._http.open(url, max_bytes, time.monotonic() + 60)


class TestObjects(SourceContract):
    @pytest.fixture
    def shelf(self, client: Minio, bucket: str, minio: Store) -> Shelf:
        return ObjectShelf(client, bucket, S3Store(settings(minio)), versioned=False)


class TestVersionedObjects(SourceContract):
    @pytest.fixture
    def shelf(self, client: Minio, bucket: str, minio: Store) -> Shelf:
        client.set_bucket_versioning(bucket, VersioningConfig(ENABLED))
        return ObjectShelf(client, bucket, S3Store(settings(minio)), versioned=True)


class TestPresignedAddresses(SourceContract):
    @pytest.fixture
    def shelf(self, client: Minio, bucket: str, minio: Store) -> Iterator[Shelf]:
        store = HttpStore(HostRules([minio.endpoint]), ScratchSpace(2**20), 10.0)
        yield PresignedShelf(client, bucket, store)
        store.close()


def failure(minio: Store, url: str, **values: Any) -> CodedError:
    with pytest.raises(CodedError) as caught:
        S3Store(settings(minio, **values)).open(url, 2**40)
    assert minio.secret_key not in caught.value.message
    assert "\n" not in caught.value.message
    return caught.value


def test_a_bucket_or_key_or_version_that_does_not_exist(client: Minio, bucket: str, minio: Store) -> None:
    put(client, bucket, "video.mp4", DATA)
    for url in (
        "s3://no-such-bucket-here/video.mp4",
        f"s3://{bucket}/nothing.mp4",
        f"s3://{bucket}/video.mp4?versionId={uuid.uuid4()}",
        f"s3://{bucket}/video.mp4?versionId=nonsense",
    ):
        for region in (None, "us-east-1"):
            error = failure(minio, url, s3_region=region)
            assert error.code is ErrorCode.SOURCE_NOT_FOUND, url
            assert "video_url" in error.message


def test_wrong_credentials(client: Minio, bucket: str, minio: Store) -> None:
    put(client, bucket, "video.mp4", DATA)
    for wrong in ({"s3_secret_key": "not-the-secret"}, {"s3_access_key": "nobody"}, {"s3_access_key": None}):
        for region in (None, "us-east-1"):
            error = failure(minio, f"s3://{bucket}/video.mp4", s3_region=region, **wrong)
            assert error.code is ErrorCode.SOURCE_FORBIDDEN, wrong
            assert "not-the-secret" not in error.message


def test_an_old_version(client: Minio, bucket: str, minio: Store) -> None:
    client.set_bucket_versioning(bucket, VersioningConfig(ENABLED))
    version = put(client, bucket, "video.mp4", DATA)
    put(client, bucket, "video.mp4", DATA[::-1])
    source = S3Store(settings(minio)).open(f"s3://{bucket}/video.mp4?versionId={version}", 2**40)
    assert source.identity == f"version:{version}:{len(DATA)}"
    assert source.read_at(0, 100) == DATA[:100]


def test_an_object_that_is_deleted_while_it_is_read(client: Minio, bucket: str, minio: Store) -> None:
    put(client, bucket, "video.mp4", DATA)
    source = S3Store(settings(minio)).open(f"s3://{bucket}/video.mp4", 2**40)
    client.remove_object(bucket, "video.mp4")
    with pytest.raises(PermanentError) as caught:
        source.read_at(0, 100)
    assert caught.value.code is ErrorCode.SOURCE_NOT_FOUND


def test_a_presigned_address_that_is_too_old(client: Minio, bucket: str, minio: Store) -> None:
    put(client, bucket, "video.mp4", DATA)
    url = client.presigned_get_object(bucket, "video.mp4", expires=timedelta(seconds=1))
    time.sleep(2.1)
    store = HttpStore(HostRules([minio.endpoint]), ScratchSpace(2**20), 10.0)
    with pytest.raises(PermanentError, match="presigned") as caught:
        store.open(url, 2**40, time.monotonic() + 10)
    assert caught.value.code is ErrorCode.SOURCE_FORBIDDEN
    assert "X-Amz" not in caught.value.message


def test_from_the_bucket_to_frames(client: Minio, bucket: str, minio: Store, tmp_path: Path) -> None:
    path = make_video(tmp_path / "video.mp4", frames=300, sound=True)
    client.fput_object(bucket, "some folder/a video.mp4", str(path))
    library = MediaLibrary.from_settings(settings(minio))
    with library.open(video_url=f"s3://{bucket}/some folder/a video.mp4", video_path=None) as media:
        assert (media.info.duration, media.info.total_frames, media.info.has_audio) == (30.0, 300, True)
        assert numbers_in(sample(media, 20.0, 30.0).pixels) == list(range(200, 300, 5))
        put(client, bucket, "some folder/a video.mp4", DATA)
        with pytest.raises(PermanentError) as caught:
            media._decoders._cpu.idle.clear()
            sample(media, 0.0, 10.0)
        assert caught.value.code is ErrorCode.SOURCE_CHANGED
    library.close()
