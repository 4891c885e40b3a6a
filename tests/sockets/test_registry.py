"""The Schema Registry: what is asked of it, how often, and what its troubles mean for a value."""

from __future__ import annotations

import json
import logging
import socket
import struct
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from consumer.errors import ConfigurationError, ErrorCode, PermanentError, TransientError
from consumer.events import registry as module
from consumer.events.codec import EventCodec, EventError
from consumer.events.models import ChunkResult, VideoJob
from consumer.events.registry import Registry
from consumer.events.schemas import current
from consumer.settings import Settings
from tests.registry_server import RegistryServer
from tests.unit.events.examples import CHUNK, JOB

VERSIONS = ("POST", "/subjects/video.jobs-value/versions")
LOOK_UP = ("POST", "/subjects/video.jobs-value")


@pytest.fixture
def server() -> Iterator[RegistryServer]:
    with RegistryServer() as running:
        yield running


def codec(url: str, *, register: bool = True) -> EventCodec:
    values = {"event_format": "avro-registry", "schema_registry_url": url, "schema_registry_auto_register": register}
    return EventCodec.from_settings(Settings.model_validate(values))


def wire(schema_id: int, body: bytes = b"") -> bytes:
    return struct.pack(">bI", 0, schema_id) + body


def body_of(value: bytes) -> bytes:
    return value[5:]


def test_a_schema_is_registered_once_under_the_topic_s_subject(server: RegistryServer) -> None:
    writing = codec(server.url)
    values = {writing.encode(JOB, "video.jobs") for _ in range(5)}
    assert len(values) == 1
    assert server.requests == {VERSIONS: 1}
    assert json.loads(server.store.schemas[1]) == json.loads(current(VideoJob).text), "docs and defaults with it"


def test_topics_have_subjects_of_their_own(server: RegistryServer) -> None:
    writing = codec(server.url)
    writing.encode(JOB, "video.jobs")
    writing.encode(CHUNK, "video.chunk-results")
    assert set(server.store.subjects) == {"video.jobs-value", "video.chunk-results-value"}


def test_an_id_is_asked_for_once(server: RegistryServer) -> None:
    value = codec(server.url).encode(JOB, "video.jobs")
    reading = codec(server.url)
    assert [reading.decode(VideoJob, value) for _ in range(5)] == [JOB] * 5
    assert server.requests["GET", "/schemas/ids/1"] == 1


def test_a_schema_is_only_looked_up_where_that_is_set(server: RegistryServer) -> None:
    looking = codec(server.url, register=False)
    with pytest.raises(PermanentError, match=r"video\.jobs-value.*SCHEMA_REGISTRY_AUTO_REGISTER"):
        looking.encode(JOB, "video.jobs")
    assert server.store.subjects == {}
    server.register("video.jobs-value", current(ChunkResult).text)
    with pytest.raises(PermanentError, match=r"video\.jobs-value"):
        looking.encode(JOB, "video.jobs")
    schema_id = server.register("video.jobs-value", current(VideoJob).text)
    assert looking.encode(JOB, "video.jobs").startswith(wire(schema_id))
    looking.encode(JOB, "video.jobs")
    assert server.requests == {LOOK_UP: 3}


def test_what_the_registry_refuses_is_permanent(server: RegistryServer) -> None:
    server.store.refused.add("video.jobs-value")
    with pytest.raises(PermanentError, match=r"video\.jobs-value.*409"):
        codec(server.url).encode(JOB, "video.jobs")


def test_confluents_own_mock_registry_will_do() -> None:
    both = codec("mock://in-process")
    assert both.decode(VideoJob, both.encode(JOB, "video.jobs")) == JOB
    with pytest.raises(EventError, match="77"):
        both.decode(VideoJob, wire(77))
    with pytest.raises(PermanentError):
        codec("mock://empty", register=False).encode(JOB, "video.jobs")


def test_an_unknown_id_is_undecodable_and_asked_again(server: RegistryServer) -> None:
    reading = codec(server.url)
    with pytest.raises(EventError, match="99") as raised:
        reading.decode(VideoJob, wire(99))
    assert raised.value.code is ErrorCode.EVENT_UNDECODABLE
    body = body_of(codec("mock://x").encode(JOB, "t"))
    for number in range(98):
        server.register("filler", json.dumps({"type": "enum", "name": f"E{number}", "symbols": ["A"]}))
    assert server.register("video.jobs-value", current(VideoJob).text) == 99
    assert reading.decode(VideoJob, wire(99, body)) == JOB, "it may be registered later"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"schema": '"string"'}, "resolved"),
        ({"schema": "not json"}, "parsed"),
        ({"schema": '{"type": "record"}'}, "parsed"),
        ({"schema": '{"type": "unheard-of"}'}, "parsed"),
        ({"schema": "[" * 100_000}, "parsed"),
        ({"schema": "{}", "schemaType": "PROTOBUF"}, "PROTOBUF"),
        ({"schema": '{"type": "array", "items": "null"}'}, "no bytes"),
    ],
)
def test_a_schema_that_no_job_is_written_with_makes_it_undecodable(
    server: RegistryServer, answer: Any, says: str
) -> None:
    server.answer = 200, answer
    with pytest.raises(EventError, match=says) as raised:
        codec(server.url).decode(VideoJob, wire(1, b"\2a"))
    assert raised.value.code is ErrorCode.EVENT_UNDECODABLE


Use = Callable[[EventCodec], object]
USES: list[Use] = [lambda one: one.encode(JOB, "video.jobs"), lambda one: one.decode(VideoJob, wire(1))]


@pytest.mark.parametrize("use", USES, ids=["encode", "decode"])
@pytest.mark.parametrize(
    "answer",
    [
        (500, {"error_code": 50001, "message": "Error in the backend data store"}),
        (503, b"<html>no upstream</html>"),
        (404, b"<html>wrong path</html>"),
        (404, {"message": "somebody else's 404"}),
        (401, {"error_code": 40101, "message": "Unauthorized"}),
        (403, {"error_code": 40301, "message": "Forbidden"}),
        (429, {"error_code": 42901, "message": "Slow down"}),
        (200, b"<html>a login page</html>"),
        (200, b""),
        (200, []),
        (200, {}),
    ],
)
def test_trouble_is_transient_and_over_when_it_is_over(server: RegistryServer, answer: Any, use: Use) -> None:
    now = [0.0]
    asking = EventCodec("avro-registry", Registry(server.url, register=True, clock=lambda: now[0]))
    server.answer = answer
    with pytest.raises(TransientError, match="schema registry") as raised:
        use(asking)
    assert "html" not in raised.value.message
    server.answer = None
    server.register("video.jobs-value", current(VideoJob).text)
    now[0] += module.SILENCE_SECONDS
    asking.encode(JOB, "video.jobs")


@pytest.mark.parametrize("use", USES, ids=["encode", "decode"])
def test_a_registry_that_is_not_there(use: Use) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        started = time.monotonic()
        with pytest.raises(TransientError, match="cannot be reached"):
            use(codec(f"http://127.0.0.1:{nobody.getsockname()[1]}"))
        assert time.monotonic() - started < module.ANSWER_SECONDS


@pytest.mark.parametrize("use", USES, ids=["encode", "decode"])
@pytest.mark.parametrize("request_seconds", [0.2, 60.0], ids=["the client's time-out", "ours"])
def test_a_registry_that_hangs_costs_seconds_once(
    use: Use, request_seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REQUEST_SECONDS", request_seconds)
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.5)
    with RegistryServer(silent=True) as server:
        asking = codec(server.url)
        started = time.monotonic()
        with pytest.raises(TransientError):
            use(asking)
        first = time.monotonic() - started
        for _ in range(20):
            with pytest.raises(TransientError):
                use(asking)
        assert first < 2
        assert time.monotonic() - started - first < 1.5, "not asked again at once"
        assert sum(server.requests.values()) <= 1


def test_limits_suit_a_thread_that_must_poll() -> None:
    assert module.REQUEST_SECONDS <= module.ANSWER_SECONDS <= 5


def test_credentials_go_to_the_registry_and_nowhere_else(
    server: RegistryServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    url = f"http://reader:s3cret%40x@{server.address}"
    codec(url).encode(JOB, "video.jobs")
    assert server.authorization == ["Basic cmVhZGVyOnMzY3JldEB4"]
    said = []
    for answer in ((401, {"error_code": 40101, "message": "no"}), (500, b"x"), (200, b"<html>")):
        server.answer = answer
        for use in USES:
            with pytest.raises(TransientError) as raised:
                use(codec(url))
            said.append(repr(raised.value) + repr(raised.value.__cause__))
    with pytest.raises(TransientError) as raised:
        codec("http://reader:s3cret%40x@127.0.0.1:1").encode(JOB, "video.jobs")
    said.append(repr(raised.value) + repr(raised.value.__cause__))
    with pytest.raises(ConfigurationError) as refused:
        codec("ftp://reader:s3cret%40x@registry")
    said.append(repr(refused.value) + repr(refused.value.__cause__))
    assert [one for one in [*said, caplog.text] if "s3cret" in one] == []


@pytest.mark.parametrize("url", ["registry:8081", "ftp://registry", "http://", "http://registry:port", "http://a,,"])
def test_an_address_that_is_none_is_named(url: str) -> None:
    with pytest.raises(ConfigurationError, match="SCHEMA_REGISTRY_URL"):
        codec(url)


def test_several_addresses_are_tried_in_turn(server: RegistryServer) -> None:
    value = codec(f"http://127.0.0.1:1, {server.url}/").encode(JOB, "video.jobs")
    assert value.startswith(wire(1))
