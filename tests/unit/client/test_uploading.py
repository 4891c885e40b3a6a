"""Files into the bucket: under their content, once, and whole."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from consumer.client import UploadError
from consumer.client.store import Bucket
from consumer.client.uploading import Step, Uploaded, object_key, upload
from tests.unit.client.s3_server import S3Stand, standing
from tests.unit.client.test_store import bucket

CONTENT = b"video" * 1000
KEY = f"uploads/{hashlib.sha256(CONTENT).hexdigest()}/talk.mp4"


@pytest.fixture
def store() -> Iterator[S3Stand]:
    with standing() as store:
        yield store


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "talk.mp4"
    path.write_bytes(CONTENT)
    return path


def silent(step: Step, count: int) -> None:
    """Progress that nobody looks at."""


def test_a_file_is_put_under_its_content_and_its_progress_is_told(store: S3Stand, video: Path) -> None:
    told: dict[Step, int] = {"read": 0, "sent": 0}

    def tell(step: Step, count: int) -> None:
        told[step] += count

    assert upload(bucket(store.endpoint), video, tell) == Uploaded(f"s3://videos/{KEY}", 5000, False)
    assert store.objects == {f"/videos/{KEY}": CONTENT}
    assert store.kinds == {f"/videos/{KEY}": "video/mp4"}
    assert told == {"read": 5000, "sent": 5000}


def test_the_same_content_is_not_sent_again_whatever_its_name(store: S3Stand, video: Path) -> None:
    upload(bucket(store.endpoint), video, silent)
    again = video.rename(video.with_name("other.mp4"))
    assert upload(bucket(store.endpoint), again, silent) == Uploaded(f"s3://videos/{KEY}", 5000, True)
    assert store.puts == 1
    again.write_bytes(CONTENT[:-1] + b"!")
    assert not upload(bucket(store.endpoint), again, silent).skipped
    assert store.puts == 2


def test_an_object_of_another_size_under_its_key_is_replaced(store: S3Stand, video: Path) -> None:
    store.objects[f"/videos/{KEY}"] = b"cut off"
    assert not upload(bucket(store.endpoint), video, silent).skipped
    assert store.objects[f"/videos/{KEY}"] == CONTENT


@pytest.mark.parametrize("changed", [b"VIDEO" * 1000, CONTENT[:-1]])
def test_a_file_that_changes_meanwhile_becomes_no_object(store: S3Stand, video: Path, changed: bytes) -> None:
    def tell(step: Step, count: int) -> None:
        if step == "read":
            video.write_bytes(changed)

    with pytest.raises(UploadError, match=r"talk.mp4 changed while it was read; send it when it is complete\."):
        upload(bucket(store.endpoint), video, tell)
    assert store.objects == {}


def test_what_progress_raises_ends_the_upload(store: S3Stand, video: Path) -> None:
    class EnoughError(Exception):
        """Somebody wants no more of it."""

    def tell(step: Step, count: int) -> None:
        if step == "sent":
            raise EnoughError

    with pytest.raises(EnoughError):
        upload(bucket(store.endpoint), video, tell)
    assert store.objects == {}


@pytest.mark.parametrize("name", ["none.mp4", "."])
def test_a_file_that_cannot_be_read_is_named(store: S3Stand, tmp_path: Path, name: str) -> None:
    with pytest.raises(UploadError, match=r"^The file .* cannot be read: (No such file|Is a) .*directory\.$"):
        upload(bucket(store.endpoint), tmp_path / name, silent)


def test_an_empty_file_is_none(store: S3Stand, tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(UploadError, match="is empty; name a video"):
        upload(bucket(store.endpoint), tmp_path / "empty.mp4", silent)


def test_a_refusal_of_the_store_is_handed_on(store: S3Stand, video: Path) -> None:
    found: Bucket = bucket(store.endpoint)
    store.refusal = "InvalidAccessKeyId"
    with pytest.raises(UploadError, match="does not know S3_ACCESS_KEY"):
        upload(found, video, silent)


@pytest.mark.parametrize(
    ("name", "key"),
    [("a.mp4", "uploads/d/a.mp4"), ("ä b?c#.mp4", "uploads/d/__b_c_.mp4"), ("x" * 9, "uploads/d/" + "x" * 9)],
)
def test_keys_need_no_escaping(name: str, key: str) -> None:
    assert object_key("d", Path("somewhere") / name) == key
