"""The three formats: what is written is read back, and whatever else arrives ends in one sentence."""

from __future__ import annotations

import io
import json
import struct
import time
from typing import Any, cast

import fastavro
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consumer.errors import ConfigurationError, ErrorCode
from consumer.events.codec import EventCodec, EventError, Format
from consumer.events.models import CancelJob, Event, VideoJob
from consumer.events.registry import Registry
from consumer.events.schemas import FINGERPRINT_BYTES, NAMES, EventSchema, current, known, parse
from consumer.settings import Settings
from tests.unit.events.examples import CHUNK, EXAMPLES, JOB
from tests.unit.events.strategies import EVENTS, job_ids

FORMATS: list[Format] = ["avro", "json", "avro-registry"]
CODECS = {write: EventCodec(write, Registry("mock://round-trip", register=True)) for write in FORMATS}
PLAIN = EventCodec("avro")
SINGLE = b"\xc3\x01"


def failure(value: bytes | None, model: type[Event] = VideoJob, codec: EventCodec = PLAIN) -> EventError:
    with pytest.raises(EventError) as raised:
        codec.decode(model, value)
    assert "\n" not in raised.value.message
    assert raised.value.message.endswith((".", "?"))
    return raised.value


def as_json(**fields: Any) -> bytes:
    job = {"job_id": "j", "video_url": "s3://b/k", "prompt": "p", **fields}
    return json.dumps({name: value for name, value in job.items() if value is not None}).encode()


@pytest.mark.parametrize("write", FORMATS)
@pytest.mark.parametrize("name", EVENTS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_every_event_round_trips(name: str, write: Format, data: st.DataObject) -> None:
    event = data.draw(EVENTS[name])
    value = CODECS[write].encode(event, f"topic-{name}")
    for reading in CODECS.values():
        if write != "avro-registry" or reading is CODECS[write]:
            assert reading.decode(type(event), value) == event


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_first_bytes_tell_the_format(name: str) -> None:
    event = EXAMPLES[name]
    assert CODECS["json"].encode(event, "t").startswith(b"{")
    assert CODECS["avro"].encode(event, "t").startswith(SINGLE + current(type(event)).fingerprint)
    assert CODECS["avro-registry"].encode(event, "t").startswith(b"\0\0\0\0")


def test_a_job_in_json_takes_the_defaults() -> None:
    job = PLAIN.decode(VideoJob, as_json())
    assert job == VideoJob(job_id="j", video_url="s3://b/k", prompt="p")
    assert (job.fps, job.max_tokens, job.chunk_duration, job.metadata) == (2.0, 512, None, {})


def test_an_instant_may_be_a_number_or_rfc_3339_text() -> None:
    for deadline in (1_767_225_600_000, "2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00"):
        assert PLAIN.decode(VideoJob, as_json(deadline=deadline)).deadline == 1_767_225_600_000


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (None, "empty"),
        (b"", "empty"),
        (b"hello", "68 65 6c 6c"),
        (b"\xff", "ff"),
        (b"[1]", "5b"),
        (b'{"job_id": ', "JSON"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": 1} trailing', "JSON"),
        ('{"prompt": "é"}'.encode("latin-1"), "UTF-8"),
        ('{"a": 1}'.encode("utf-16-le"), "JSON"),
        (b'{"a": ' + b"9" * 10_000 + b"}", "number"),
        (b'{"a": ' + b"[" * 500_000, "nested"),
        (b'{"a": ' * 200_000, "nested"),
        (SINGLE, "fingerprint"),
        (SINGLE + b"1234567", "fingerprint"),
        (SINGLE + bytes.fromhex("1122334455667788"), "1122334455667788"),
        (SINGLE + current(VideoJob).fingerprint, "cut off"),
        (b"\0", "schema id"),
        (b"\0\0\0\0", "schema id"),
        (b"\0\0\0\0\1abc", "SCHEMA_REGISTRY_URL"),
    ],
)
def test_what_is_no_event_is_undecodable(value: bytes | None, says: str) -> None:
    error = failure(value)
    assert error.code is ErrorCode.EVENT_UNDECODABLE
    assert says in error.message
    assert error.job_id is None


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_value_cut_anywhere_or_with_bytes_behind_it_is_undecodable(name: str) -> None:
    event = EXAMPLES[name]
    value = PLAIN.encode(event, "t")
    for length in range(len(value)):
        assert failure(value[:length], type(event)).code is ErrorCode.EVENT_UNDECODABLE
    error = failure(value + b"\0\0", type(event))
    assert error.code is ErrorCode.EVENT_UNDECODABLE
    assert "2 bytes behind" in error.message


def test_another_kind_of_event_is_undecodable() -> None:
    error = failure(PLAIN.encode(CHUNK, "t"), VideoJob)
    assert error.code is ErrorCode.EVENT_UNDECODABLE
    assert "ChunkResult" in error.message
    assert "VideoJob" in error.message


@pytest.mark.parametrize(
    ("value", "says", "job_id"),
    [
        (as_json(promt="x"), "promt", "j"),
        (as_json(promt="x", prompt=None), "did you mean prompt?", "j"),
        (as_json(prompt=None), "prompt is missing", "j"),
        (as_json(top_p=7), "top_p", "j"),
        (as_json(max_tokens="many"), "max_tokens", "j"),
        (as_json(deadline="tomorrow"), "deadline", "j"),
        (as_json(deadline=10**17), "deadline", "j"),
        (as_json(metadata={"a": 1}), "metadata.a", "j"),
        (as_json(video_url=None), "video_url", "j"),
        (as_json(video_path="/x"), "video_path", "j"),
        (as_json(response_schema="{"), "response_schema", "j"),
        (as_json(job_id="no spaces please"), "job_id", None),
        (as_json(job_id="line\n"), "job_id", None),
        (as_json(job_id=7), "job_id", None),
        (as_json(job_id=None), "job_id", None),
        (b"{}", "job_id", None),
        (as_json(**{"a\nb" * 100: 1}), "a\\nb", "j"),
        (as_json(**{"\ud800": 1}), "", "j"),
        (as_json(prompt="\ud800"), "", "j"),
    ],
)
def test_an_event_that_breaks_a_rule_is_invalid_and_the_sentence_names_the_field(
    value: bytes, says: str, job_id: str | None
) -> None:
    error = failure(value)
    assert error.code is ErrorCode.EVENT_INVALID
    assert says in error.message
    assert error.message.encode(), "fit for a header"
    assert len(error.message) < 400
    assert error.job_id == job_id


def test_a_rule_is_checked_in_avro_too() -> None:
    value = PLAIN.encode(JOB.model_copy(update={"top_p": 7.0}), "t")
    error = failure(value)
    assert (error.code, error.job_id) == (ErrorCode.EVENT_INVALID, "job-1")
    assert "top_p" in error.message


def older(schema: dict[str, Any]) -> dict[str, Any]:
    """As another version could have been: a field of ours not there yet, one of its own, other order."""
    fields = [field for field in schema["fields"] if field["name"] != "reason"]
    return {**schema, "fields": [{"name": "urgency", "type": "int"}, *reversed(fields)]}


def test_another_version_is_resolved_by_avros_rules() -> None:
    schema = older(json.loads(current(CancelJob).text))
    registry = Registry("mock://older", register=True)
    schema_id = registry.schema_id("t", _parsed(schema))
    value = struct.pack(">bI", 0, schema_id) + _body(schema, {"urgency": 3, "job_id": "a", "created_at": 5})
    cancel = EventCodec("json", registry).decode(CancelJob, value)
    assert cancel == CancelJob(job_id="a", reason=None, created_at=5)


def test_a_released_schema_is_known_by_its_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    schema = _parsed(older(json.loads(current(CancelJob).text)))
    value = SINGLE + schema.fingerprint + _body(schema.parsed, {"urgency": 3, "job_id": "a", "created_at": 5})
    assert failure(value, CancelJob).code is ErrorCode.EVENT_UNDECODABLE
    monkeypatch.setitem(known(), schema.fingerprint, schema)
    assert PLAIN.decode(CancelJob, value).job_id == "a"


def test_a_schema_that_does_not_resolve_is_undecodable() -> None:
    schema = json.loads(current(CancelJob).text)
    schema["fields"][0]["type"] = "double"
    registry = Registry("mock://unresolved", register=True)
    schema_id = registry.schema_id("t", _parsed(schema))
    value = struct.pack(">bI", 0, schema_id) + _body(schema, {"job_id": 1.0, "reason": None, "created_at": 5})
    error = failure(value, CancelJob, EventCodec("json", registry))
    assert error.code is ErrorCode.EVENT_UNDECODABLE
    assert "resolved" in error.message


def _parsed(schema: dict[str, Any]) -> EventSchema:
    return parse(json.dumps(schema))


def _body(schema: Any, fields: dict[str, Any]) -> bytes:
    body = io.BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(schema), fields)
    return body.getvalue()


def varint(number: int) -> bytes:
    zigzag, encoded = (number << 1) ^ (number >> 63), bytearray()
    while zigzag > 127:
        encoded.append(zigzag & 127 | 128)
        zigzag >>= 7
    return bytes([*encoded, zigzag])


@pytest.mark.parametrize("count", [2**31, 2**62, -(2**31), -(2**62)])
@pytest.mark.parametrize("tail", [b"", varint(2**62), b"\0" * 1000])
def test_a_false_count_costs_no_more_than_the_bytes(count: int, tail: bytes) -> None:
    """The metadata map is the last field of a job but three: a count of items that are not there."""
    plain: dict[str, object] = {"metadata": {}, "source_job_id": None, "source_run_id": None, "zoom": False}
    value = PLAIN.encode(JOB.model_copy(update=plain), "t")
    assert value.endswith(b"\0" * 4)
    started = time.process_time()
    error = failure(value[:-4] + varint(count) + tail)
    assert error.code is ErrorCode.EVENT_UNDECODABLE
    assert time.process_time() - started < 1.0


JUNK = st.binary(max_size=200) | st.lists(st.integers(-(2**63), 2**63 - 1).map(varint), max_size=30).map(b"".join)


@pytest.mark.parametrize("model", list(NAMES))
@settings(max_examples=300, deadline=None)
@given(junk=JUNK, marked=st.sampled_from(["single", "json", "none"]))
def test_any_bytes_end_in_an_event_or_in_an_event_error(model: type[Event], junk: bytes, marked: str) -> None:
    marks = {"single": SINGLE + current(model).fingerprint, "json": b"{", "none": b""}
    try:
        event = PLAIN.decode(model, marks[marked] + junk)
    except EventError as error:
        assert "\n" not in error.message
    else:
        assert isinstance(event, model)


@settings(max_examples=300, deadline=None)
@given(data=st.data(), event=st.sampled_from(list(EXAMPLES.values())))
def test_a_damaged_value_ends_in_an_event_or_in_an_event_error(data: st.DataObject, event: Event) -> None:
    value = bytearray(PLAIN.encode(event, "t"))
    for _ in range(data.draw(st.integers(1, 4))):
        value[data.draw(st.integers(10, len(value) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert isinstance(PLAIN.decode(type(event), bytes(value)), Event)
    except EventError as error:
        assert "\n" not in error.message


@given(job_id=job_ids)
def test_the_job_id_of_an_invalid_event_is_handed_on(job_id: str) -> None:
    assert failure(as_json(job_id=job_id, prompt="")).job_id == job_id


def test_settings_choose_the_format() -> None:
    for write, kind in {"avro": "application/avro", "json": "application/json"}.items():
        codec = EventCodec.from_settings(Settings.model_validate({"event_format": write}))
        assert codec.content_type == kind
    with_registry = {"event_format": "avro-registry", "schema_registry_url": "http://registry:8081"}
    codec = EventCodec.from_settings(Settings.model_validate(with_registry))
    assert codec.content_type == "application/vnd.confluent.avro"


def test_settings_that_do_not_go_together_name_both() -> None:
    with pytest.raises(ConfigurationError, match=r"EVENT_FORMAT.*SCHEMA_REGISTRY_URL"):
        EventCodec.from_settings(Settings.model_validate({"event_format": "avro-registry"}))


def test_a_model_without_a_file_is_a_bug_and_no_event_error() -> None:
    with pytest.raises(KeyError):
        PLAIN.encode(cast(Event, CHUNK.tokens), "t")


def test_fingerprints_have_eight_bytes() -> None:
    assert {len(one) for one in known()} == {FINGERPRINT_BYTES}
    assert {current(model).fingerprint for model in NAMES} <= set(known())
