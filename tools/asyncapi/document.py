"""The AsyncAPI 3 document: topics, headers and values as the consumer reads and writes them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from consumer import __version__
from consumer.errors import CODES
from consumer.events.models import JOB_ID_PATTERN, CancelJob, ChunkResult, Event, VideoJob, VideoResult
from consumer.events.schemas import current
from consumer.events.topics import Topics
from consumer.settings import Settings
from consumer.stream.admin import CLEANUP_POLICY, wanted_topics
from tools.asyncapi import headers

Json = dict[str, Any]

SPECIFICATION = "3.0.0"
AVRO = "application/vnd.apache.avro;version=1.9.0"
KAFKA_BINDING = "0.5.0"
DESCRIPTION = """\
A Kafka consumer that runs Qwen3-VL on vLLM over video jobs. Read its results with isolation.level read_committed: for \
each record of the jobs topic such a reader sees every chunk result exactly once and exactly one final result.

Values are Avro in single-object encoding (C3 01, the schema's fingerprint in 8 bytes, the body), Avro in Confluent's \
wire format (00, the schema's id in 4 bytes, the body) or JSON with the same fields; the header content-type says \
which. Topic names begin with the setting KAFKA_TOPIC_PREFIX."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What crosses one topic.

    Args:
        name: of the channel in the document.
        action: `receive` or `send`, as seen from the consumer.
        operation: its name.
        message: its name.
        model: None for records whose value is whatever was received.
    """

    name: str
    topic: str
    action: str
    operation: str
    message: str
    text: str
    headers: Json
    model: type[Event] | None


def traffic(topics: Topics) -> list[Traffic]:
    """All topics of a deployment, jobs first."""
    return [
        Traffic(
            *("jobs", topics.jobs, "receive", "receiveJob", "VideoJob"),
            "Jobs, one record each. The same job in two records is two jobs.",
            headers.job_header_schema(),
            VideoJob,
        ),
        Traffic(
            *("control", topics.control, "receive", "receiveCancel", "CancelJob"),
            "Requests to stop a job.",
            headers.cancel_header_schema(),
            CancelJob,
        ),
        Traffic(
            *("chunkResults", topics.chunk_results, "send", "sendChunkResult", "ChunkResult"),
            "One record for each chunk of a job, in the partition of the same number as the job's.",
            headers.chunk_header_schema(),
            ChunkResult,
        ),
        Traffic(
            *("results", topics.results, "send", "sendVideoResult", "VideoResult"),
            "One record for each job, in the partition of the same number as the job's.",
            headers.final_header_schema(),
            VideoResult,
        ),
        Traffic(
            *("deadLetters", topics.dead_letters, "send", "sendDeadLetter", "DeadLetter"),
            "Records that are no jobs, and jobs that failed for good: key, value and headers as they were received, "
            "and behind these why.",
            headers.dead_letter_header_schema(),
            None,
        ),
    ]


def document() -> Json:
    """The whole document, as JSON."""
    settings = Settings()
    every = traffic(Topics(settings.kafka_topic_prefix))
    bindings = _channel_bindings(settings)
    return {
        "asyncapi": SPECIFICATION,
        "info": {
            "title": "video-consumer",
            "version": __version__,
            "description": DESCRIPTION,
            "license": {"name": "MIT"},
            "tags": [{"name": "kafka"}, {"name": "video"}],
        },
        "defaultContentType": "application/avro",
        "servers": {
            "broker": {
                "host": settings.kafka_bootstrap_servers,
                "protocol": "kafka",
                "description": "The setting KAFKA_BOOTSTRAP_SERVERS.",
            }
        },
        "channels": {one.name: _channel(one, bindings[one.topic]) for one in every},
        "operations": {one.operation: _operation(one, settings) for one in every},
        "components": {"messages": {one.message: _message(one) for one in every}},
        "x-error-codes": {
            code.value: {"description": info.sentence, "remedy": info.remedy} for code, info in CODES.items()
        },
    }


def as_json(made: Json) -> str:
    """The file's text: the same document gives the same text."""
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


def _channel(one: Traffic, binding: Json) -> Json:
    return {
        "address": one.topic,
        "description": one.text,
        "messages": {one.message: {"$ref": f"#/components/messages/{one.message}"}},
        "bindings": {"kafka": binding},
    }


def _channel_bindings(settings: Settings) -> dict[str, Json]:
    """As `topics create` makes them."""
    return {
        spec.name: {
            "topic": spec.name,
            "partitions": spec.partitions,
            "replicas": spec.replication_factor,
            "topicConfiguration": {"cleanup.policy": [spec.config[CLEANUP_POLICY]]},
            "bindingVersion": KAFKA_BINDING,
        }
        for spec in wanted_topics(settings)
    }


def _operation(one: Traffic, settings: Settings) -> Json:
    found: Json = {
        "action": one.action,
        "channel": {"$ref": f"#/channels/{one.name}"},
        "summary": one.text,
        "messages": [{"$ref": f"#/channels/{one.name}/messages/{one.message}"}],
    }
    if one.operation == "receiveJob":
        group = {"type": "string", "default": settings.kafka_group_id}
        found["bindings"] = {"kafka": {"groupId": group, "bindingVersion": KAFKA_BINDING}}
    return found


def _message(one: Traffic) -> Json:
    key: Json = {"type": "string", "description": "The job's job_id.", "pattern": JOB_ID_PATTERN}
    found: Json = {"name": one.message, "title": one.message, "summary": one.text, "headers": one.headers}
    if one.model is None:
        key = {"description": "As received."}
    else:
        schema = json.loads(current(one.model).text)
        found["summary"] = schema["doc"]
        found["payload"] = {"schemaFormat": AVRO, "schema": schema}
    return {**found, "bindings": {"kafka": {"key": key, "bindingVersion": KAFKA_BINDING}}}
