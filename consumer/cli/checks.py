"""What `check` tries: each function makes one attempt and says in a sentence what it tried and what to do."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from consumer.errors import VideoConsumerError
from consumer.settings import Settings


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one attempt; `ok` None: not tried, because something before it failed or it is not configured."""

    name: str
    ok: bool | None
    message: str


def findings(settings: Settings, *, quick: bool) -> Iterator[Finding]:
    """Kafka, topics, schema registry, bucket, engine, one after the other as they are tried.

    Args:
        quick: only look for the engine; do not start it.
    """
    broker = _attempt("broker", lambda: _broker(settings))
    yield broker
    if broker.ok:
        yield from _topics(settings)
    else:
        yield Finding("topics", None, "Not tried, because no broker answered.")
    yield _attempt("registry", lambda: _registry(settings))
    yield _attempt("bucket", lambda: _bucket(settings))
    looked = _attempt("engine", lambda: _engine(settings))
    yield looked if quick or not looked.ok else _attempt("engine", lambda: asyncio.run(_first_light(settings)))


def _attempt(name: str, look: Callable[[], tuple[bool | None, str]]) -> Finding:
    try:
        ok, message = look()
    except VideoConsumerError as error:
        return Finding(name, False, str(error))
    return Finding(name, ok, message)


def _broker(settings: Settings) -> tuple[bool, str]:
    from consumer.stream.cluster import Cluster

    with Cluster(settings) as cluster:
        brokers = cluster.brokers()
    return True, f"Kafka at {settings.kafka_bootstrap_servers} answers, brokers: {brokers}."


def _topics(settings: Settings) -> Iterator[Finding]:
    from consumer.stream.admin import check_topics

    try:
        found = check_topics(settings)
    except VideoConsumerError as error:
        yield Finding("topics", False, str(error))
        return
    wrong = [finding for finding in found if not finding.ok]
    for finding in wrong:
        yield Finding("topics", False, finding.message)
    if not wrong:
        described = ", ".join(f"{finding.topic} ({finding.partitions})" for finding in found)
        yield Finding("topics", True, f"The topics fit together, with their partitions: {described}.")


def _registry(settings: Settings) -> tuple[bool | None, str]:
    url = settings.schema_registry_url
    if url is None:
        if settings.event_format == "avro-registry":
            return False, "EVENT_FORMAT is avro-registry, but SCHEMA_REGISTRY_URL is empty; set one of them."
        return None, f"Not needed: EVENT_FORMAT is {settings.event_format} and SCHEMA_REGISTRY_URL is empty."
    import httpx

    from consumer.cli.masking import masked

    try:
        answer = httpx.get(f"{url.rstrip('/')}/subjects", timeout=settings.fetch_timeout_seconds)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return False, f"The registry at {masked(url)} (SCHEMA_REGISTRY_URL) does not answer: {error}."
    if answer.is_success:
        return True, f"The registry at {masked(url)} answers."
    return False, f"The registry at {masked(url)} (SCHEMA_REGISTRY_URL) answers with HTTP {answer.status_code}."


def _bucket(settings: Settings) -> tuple[bool, str]:
    from consumer.client.store import Bucket

    bucket = Bucket(settings)
    bucket.check()
    return True, f"The bucket {bucket.name} at {bucket.endpoint} is there."


def _engine(settings: Settings) -> tuple[bool, str]:
    if settings.engine == "synthetic":
        return True, "ENGINE is synthetic: answers tell what was asked, no model is used."
    if importlib.util.find_spec("vllm") is None:
        return False, (
            "ENGINE is vllm, but the package vllm is not installed; install video-consumer[gpu] or video-consumer[cpu]."
        )
    from consumer.inference.vllm_arguments import check_engine_args, require_compile_cache
    from consumer.inference.vllm_failures import missing_model

    check_engine_args(settings)
    require_compile_cache(settings)
    problem = missing_model(settings.model_name)
    if problem is not None:
        return False, problem
    if Path(settings.model_name).is_dir():
        return True, f"vllm is installed, and the model's directory {settings.model_name} is there."
    return True, f"vllm is installed; the model {settings.model_name} comes from the hub, which was not asked."


async def _first_light(settings: Settings) -> tuple[bool, str]:
    from consumer.inference.factory import make_engine
    from consumer.job.first_light import start_trusted

    engine = make_engine(settings)
    try:
        light = await start_trusted(engine, settings)
        info = engine.info
    finally:
        await engine.stop()
    revision = f" ({info.revision})" if info.revision else ""
    return True, f"{info.engine} {info.engine_version} with {info.model}{revision}: {light}."
