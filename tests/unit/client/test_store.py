"""The bucket: what is uploaded, and the sentence when it cannot be."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator

import pytest

from consumer.client import UploadError
from consumer.client.store import Bucket
from consumer.errors import ConfigurationError
from consumer.settings import load_settings
from tests.unit.client.s3_server import S3Stand, nobody, standing


@pytest.fixture
def store() -> Iterator[S3Stand]:
    with standing() as store:
        yield store


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


def put(name: str, endpoint: str, told: Callable[[int], None] = nothing) -> None:
    bucket(endpoint, name).put("a/k.mp4", io.BytesIO(b"video" * 1000), 5000, "video/mp4", told)


def test_an_object_is_put_under_its_key_and_its_bytes_are_told(store: S3Stand) -> None:
    sent: list[int] = []
    put("videos", store.endpoint, sent.append)
    assert store.objects == {"/videos/a/k.mp4": b"video" * 1000}
    assert store.kinds == {"/videos/a/k.mp4": "video/mp4"}
    assert sum(sent) == 5000


def test_bytes_that_were_refused_are_not_told_of(store: S3Stand) -> None:
    store.refusal = "EntityTooLarge"
    sent: list[int] = []
    with pytest.raises(UploadError):
        put("videos", store.endpoint, sent.append)
    assert sent == []


def test_an_object_of_the_size_is_found_below_its_prefix(store: S3Stand) -> None:
    store.objects = {"/videos/a/k.mp4": b"xy", "/videos/b/k.mp4": b"xyz"}
    found = bucket(store.endpoint)
    assert [found.held("a/", 2), found.held("a/", 3), found.held("b/", 3), found.held("c/", 3)] == [
        *("a/k.mp4", None),
        *("b/k.mp4", None),
    ]


def test_where_nothing_may_be_listed_nothing_is_found(store: S3Stand) -> None:
    store.objects, store.listing = {"/videos/a/k.mp4": b"xy"}, False
    assert bucket(store.endpoint).held("a/", 2) is None


def test_a_bucket_that_is_there_passes(store: S3Stand) -> None:
    bucket(store.endpoint).check()


def test_a_missing_bucket_is_named(store: S3Stand) -> None:
    sentence = f"There is no bucket elsewhere at {store.endpoint} .S3_ENDPOINT.; make it, or set S3_BUCKET"
    with pytest.raises(ConfigurationError, match=sentence):
        bucket(store.endpoint, "elsewhere").check()
    with pytest.raises(ConfigurationError, match=sentence):
        put("elsewhere", store.endpoint)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("InvalidAccessKeyId", "the store does not know S3_ACCESS_KEY."),
        ("SignatureDoesNotMatch", "S3_SECRET_KEY does not fit S3_ACCESS_KEY."),
        ("AccessDenied", "S3_ACCESS_KEY may not use it."),
        ("EntityTooLarge", "EntityTooLarge: No way."),
    ],
)
def test_a_refusal_says_what_to_look_at(store: S3Stand, code: str, reason: str) -> None:
    store.refusal = code
    with pytest.raises(UploadError) as caught:
        put("videos", store.endpoint)
    place = f"the bucket videos (S3_BUCKET) at {store.endpoint} (S3_ENDPOINT)"
    assert str(caught.value) == f"The store refused {place}: {reason}"


def test_a_store_that_is_away_is_named() -> None:
    with nobody() as endpoint, pytest.raises(UploadError) as caught:
        bucket(endpoint).check()
    assert str(caught.value) == (
        f"There is no answer from the bucket videos (S3_BUCKET) at {endpoint} (S3_ENDPOINT): Failed to establish a new "
        "connection: [Errno 111] Connection refused; check address and S3_SECURE."
    )


def test_an_endpoint_that_can_be_none_is_named() -> None:
    with pytest.raises(ConfigurationError, match="S3_ENDPOINT must be host:port without http:// and path"):
        bucket("http://store/path")


def test_a_name_that_no_bucket_can_have_is_named(store: S3Stand) -> None:
    with pytest.raises(ConfigurationError, match="S3_BUCKET cannot be the name of a bucket"):
        bucket(store.endpoint, "no/bucket").check()
