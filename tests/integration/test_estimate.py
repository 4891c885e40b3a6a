"""`estimate` of what lies in the real store."""

from __future__ import annotations

import io
import json

import pytest
from minio import Minio as Client

from consumer.cli.main import main
from tests.integration.conftest import BUCKET
from tests.services.minio import Minio


@pytest.fixture
def estimate(minio: Minio, monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "S3_ENDPOINT": minio.endpoint,
        "S3_ACCESS_KEY": minio.access_key,
        "S3_SECRET_KEY": minio.secret_key,
        "S3_SECURE": "false",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("estimate")
def test_a_prefix_is_the_videos_below_it(
    bucket_client: Client, short_video: str, capsys: pytest.CaptureFixture[str]
) -> None:
    video = bucket_client.get_object(BUCKET, short_video.rpartition("/")[2]).read()
    for name in ("a.mp4", "deep/b b.MP4"):
        bucket_client.put_object(BUCKET, f"many/{name}", io.BytesIO(video), len(video))
    bucket_client.put_object(BUCKET, "many/notes.txt", io.BytesIO(b"x"), 1)
    assert main(["estimate", f"s3://{BUCKET}/many/", "--no-compare", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["source"] for one in found["videos"]] == [
        f"s3://{BUCKET}/many/a.mp4",
        f"s3://{BUCKET}/many/deep/b b.MP4",
    ]
    assert found["total"]["seconds"] == pytest.approx(40, abs=0.5)


@pytest.mark.usefixtures("estimate", "bucket_client")
@pytest.mark.parametrize(
    ("source", "code", "says"),
    [
        (f"s3://{BUCKET}/nothing-here/", 2, f"there is no video below s3://{BUCKET}/nothing-here/"),
        ("s3://no-such-bucket/", 1, "no-such-bucket"),
        (f"s3://{BUCKET}/none.mp4", 1, "SOURCE_NOT_FOUND"),
        (f"s3://{BUCKET}/none.mp4", 1, "Check bucket, key and version, or the path."),
    ],
)
def test_what_is_not_there_is_told(source: str, code: int, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["estimate", source]) == code
    out, error = capsys.readouterr()
    assert out == "", "no table of nothing"
    assert says in error
    assert error.count("\n") == 1
