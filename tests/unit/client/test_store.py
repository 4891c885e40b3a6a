"""The bucket: what is uploaded, and the sentence when it cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from consumer.client import UploadError
from consumer.client.store import Bucket, object_key
from consumer.errors import ConfigurationError
from consumer.settings import load_settings
from tests.unit.client.s3_server import S3Stand, nobody, standing


@pytest.fixture
def store() -> Iterator[S3Stand]:
    with standing() as store:
        yield store


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "talk.mp4"
    path.write_bytes(b"video" * 1000)
    return path


def bucket(endpoint: str, name: str = "videos") -> Bucket:
    values = {
        "s3_endpoint": endpoint,
        "s3_bucket": name,
        "s3_region": "us-east-1",
        "s3_secure": "false",
        "s3_access_key": "someone",
        "s3_secret_key": "hidden",
    }
    return Bucket(load_settings(environment={}, command_line=values).settings)


def nothing(_: int) -> None:
    """Progress that nobody looks at."""


def test_a_file_is_put_under_its_key_and_its_bytes_are_told(store: S3Stand, video: Path) -> None:
    sent: list[int] = []
    assert bucket(store.endpoint).upload(video, "uploads/j/talk.mp4", sent.append) == "s3://videos/uploads/j/talk.mp4"
    assert store.objects == {"/videos/uploads/j/talk.mp4": b"video" * 1000}
    assert sum(sent) == 5000


def test_a_bucket_that_is_there_passes(store: S3Stand) -> None:
    bucket(store.endpoint).check()


def test_a_missing_bucket_is_named(store: S3Stand, video: Path) -> None:
    sentence = f"There is no bucket elsewhere at {store.endpoint} .S3_ENDPOINT.; make it, or set S3_BUCKET"
    with pytest.raises(ConfigurationError, match=sentence):
        bucket(store.endpoint, "elsewhere").check()
    with pytest.raises(ConfigurationError, match=sentence):
        bucket(store.endpoint, "elsewhere").upload(video, "k", nothing)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("InvalidAccessKeyId", "the store does not know S3_ACCESS_KEY."),
        ("SignatureDoesNotMatch", "S3_SECRET_KEY does not fit S3_ACCESS_KEY."),
        ("AccessDenied", "S3_ACCESS_KEY may not use it."),
        ("EntityTooLarge", "EntityTooLarge: No way."),
    ],
)
def test_a_refusal_says_what_to_look_at(store: S3Stand, video: Path, code: str, reason: str) -> None:
    store.refusal = code
    with pytest.raises(UploadError) as caught:
        bucket(store.endpoint).upload(video, "k", nothing)
    place = f"the bucket videos (S3_BUCKET) at {store.endpoint} (S3_ENDPOINT)"
    assert str(caught.value) == f"The store refused {place}: {reason}"


def test_a_store_that_is_away_is_named() -> None:
    with nobody() as endpoint, pytest.raises(UploadError) as caught:
        bucket(endpoint).check()
    assert str(caught.value) == (
        f"There is no answer from the bucket videos (S3_BUCKET) at {endpoint} (S3_ENDPOINT): Failed to establish a new "
        "connection: [Errno 111] Connection refused; check address and S3_SECURE."
    )


def test_a_file_that_cannot_be_read_is_named(store: S3Stand, tmp_path: Path) -> None:
    with pytest.raises(UploadError, match=r"The file .*none.mp4 cannot be read: No such file or directory\."):
        bucket(store.endpoint).upload(tmp_path / "none.mp4", "k", nothing)


def test_an_endpoint_that_can_be_none_is_named() -> None:
    with pytest.raises(ConfigurationError, match="S3_ENDPOINT must be host:port without http:// and path"):
        bucket("http://store/path")


def test_a_name_that_no_bucket_can_have_is_named(store: S3Stand) -> None:
    with pytest.raises(ConfigurationError, match="S3_BUCKET cannot be the name of a bucket"):
        bucket(store.endpoint, "no/bucket").check()


@pytest.mark.parametrize(
    ("name", "key"),
    [("a.mp4", "uploads/j/a.mp4"), ("ä b?c#.mp4", "uploads/j/__b_c_.mp4"), ("x" * 9, "uploads/j/" + "x" * 9)],
)
def test_keys_need_no_escaping(name: str, key: str) -> None:
    assert object_key("j", Path("somewhere") / name) == key
