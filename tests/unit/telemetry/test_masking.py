"""What must never be in a log, tried in the forms in which it gets there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from consumer.telemetry.masking import MASK, masked, masked_text


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (
            "GET http://minio:9000/videos/a.mp4?X-Amz-Credential=AK%2F2026&X-Amz-Signature=abcd failed",
            "GET http://minio:9000/videos/a.mp4?*** failed",
        ),
        ("https://user:pa55@host/a b", "https://***@host/a b"),
        ("2Jhttps://user:pa55@host and x_http://k:s@h", "2Jhttps://***@host and x_http://***@h"),
        ("https://host/a?x=1#part", "https://host/a?***#part"),
        ("s3://bucket/key?versionId=3", "s3://bucket/key?***"),
        ("see 'https://k:s@h/x?y=z'.", "see 'https://***@h/x?***'."),
        ("/videos/a.mp4?X-Amz-Signature=abcd&b=1", "/videos/a.mp4?X-Amz-Signature=***&b=1"),
        ("sasl.password=hunter2 rejected", "sasl.password=*** rejected"),
        ("{'s3_secret_key': 'minioadmin', 'a': 1}", "{'s3_secret_key': '***', 'a': 1}"),
        ("Authorization: Bearer abcdef0123456789", "Authorization: Bearer ***"),
        ("kafka-1:9092/1: Connect failed", "kafka-1:9092/1: Connect failed"),
        ("max_tokens=512 first_token=0.2", "max_tokens=512 first_token=0.2"),
    ],
)
def test_text(text: str, clean: str) -> None:
    assert masked_text(text) == clean


@pytest.mark.parametrize(
    "name",
    ["password", "kafka_sasl_password", "s3_secret_key", "s3_access_key", "hf_token", "authorization", "api-key"],
)
def test_values_under_telling_names(name: str) -> None:
    assert masked({"outer": {name: "hunter2"}}) == {"outer": {name: MASK}}
    assert masked(["hunter2"], name) == MASK


def test_numbers_and_harmless_names_stay() -> None:
    value = {"first_token": 0.25, "tokens": 12, "done": True, "job_id": "a", "none": None, "list": ["x", ("y",)]}
    assert masked(value) == {**value, "list": ["x", ["y"]]}


def test_objects_become_their_masked_repr() -> None:
    error = ValueError("https://u:p@h/x?sig=1")
    assert masked(error) == "ValueError('https://***@h/x?***')"
    assert "hunter2" not in str(masked({"other": SecretStr("hunter2")}))


_WORD = st.text("abcXYZ019-_%", min_size=6, max_size=20)


@given(user=_WORD, secret=_WORD, host=st.sampled_from(["h", "minio:9000", "[::1]:9000"]), query=_WORD)
def test_no_part_of_an_addresss_secrets_survives(user: str, secret: str, host: str, query: str) -> None:
    user, secret, query = "U" + user, "S" + secret, "Q" + query
    clean = masked_text(f"before https://{user}:{secret}@{host}/path/file.mp4?a={query}&b={secret} after")
    assert clean == f"before https://***@{host}/path/file.mp4?*** after"
