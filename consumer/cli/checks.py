"""What `check` tries: each function makes one attempt and tells what it found and what to do."""

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
    """The outcome of one attempt.

    Args:
        ok: None: not tried, because something before it failed or it is not configured; or neither right nor wrong.
        tried: what was done, or would have been.
        found: what came of it, as one sentence.
        to_do: what its reader can do, as one sentence; None: nothing need be done.
    """

    name: str
    ok: bool | None
    tried: str
    found: str
    to_do: str | None = None


@dataclass(frozen=True, slots=True)
class _Answer:
    ok: bool | None
    found: str
    to_do: str | None = None


def findings(settings: Settings, *, quick: bool) -> Iterator[Finding]:
    """Kafka, topics, group, schema registry, bucket, engine, one after the other as they are tried.

    Args:
        quick: only look for the engine; do not start it.
    """
    broker = _attempt("broker", f"asked Kafka at {settings.kafka_bootstrap_servers}", lambda: _broker(settings))
    yield broker
    yield from _topics(settings, reachable=broker.ok is True)
    joining = f"asked for the group {settings.kafka_group_id} and its transactions"
    yield _attempt("group", joining, lambda: _group(settings)) if broker.ok else _untried("group", joining)
    yield _attempt("registry", "asked SCHEMA_REGISTRY_URL for its subjects", lambda: _registry(settings))
    where = f"asked {settings.s3_endpoint or 'Amazon'} for the bucket {settings.s3_bucket}"
    yield _attempt("bucket", where, lambda: _bucket(settings))
    looked = _attempt("engine", f"looked for {_model(settings)}", lambda: _engine(settings))
    if quick or not looked.ok:
        yield looked
    else:
        asked = f"started {_model(settings)}, asked about two clips"
        yield _attempt("engine", asked, lambda: asyncio.run(_first_light(settings)))


def failed(name: str, tried: str, sentence: str) -> Finding:
    """A failure by its sentence, which says what to do behind its last semicolon."""
    found, mark, to_do = sentence.rpartition("; ")
    if not mark:
        return Finding(name, False, tried, sentence, "Mend what it names; `video-consumer settings` lists what is set.")
    return Finding(name, False, tried, f"{found}.", f"{to_do[:1].upper()}{to_do[1:]}")


def _attempt(name: str, tried: str, look: Callable[[], _Answer]) -> Finding:
    try:
        answer = look()
    except VideoConsumerError as error:
        return failed(name, tried, str(error))
    return Finding(name, answer.ok, tried, answer.found, answer.to_do)


def _untried(name: str, tried: str) -> Finding:
    return Finding(name, None, tried, "Not tried, because no broker answered.", "Mend the broker's line first.")


def _model(settings: Settings) -> str:
    return "the synthetic engine" if settings.engine == "synthetic" else f"vllm and {settings.model_name}"


def _broker(settings: Settings) -> _Answer:
    from consumer.stream.cluster import Cluster

    with Cluster(settings) as cluster:
        count = cluster.brokers()
    return _Answer(True, f"{count} broker{'' if count == 1 else 's'} up.")


def _topics(settings: Settings, *, reachable: bool) -> Iterator[Finding]:
    from consumer.stream.admin import check_topics

    tried = f"looked at the topics {settings.kafka_topic_prefix}..."
    if not reachable:
        yield _untried("topics", tried)
        return
    try:
        found = check_topics(settings)
    except VideoConsumerError as error:
        yield failed("topics", tried, str(error))
        return
    wrong = [finding for finding in found if not finding.ok]
    for finding in wrong:
        yield failed("topics", tried, finding.message)
    if not wrong:
        described = ", ".join(f"{finding.topic} ({finding.partitions})" for finding in found)
        yield Finding("topics", True, tried, f"They fit together, with their partitions: {described}.")


def _group(settings: Settings) -> _Answer:
    from consumer.stream.rights import require_group, require_transactions

    require_group(settings)
    require_transactions(settings)
    return _Answer(True, "Kafka allows both.")


def _registry(settings: Settings) -> _Answer:
    url = settings.schema_registry_url
    if url is None:
        if settings.event_format == "avro-registry":
            found = "EVENT_FORMAT is avro-registry, but SCHEMA_REGISTRY_URL is empty."
            return _Answer(False, found, "Set SCHEMA_REGISTRY_URL, or another EVENT_FORMAT.")
        return _Answer(None, f"Not needed, as SCHEMA_REGISTRY_URL is empty and EVENT_FORMAT {settings.event_format}.")
    import httpx

    from consumer.cli.masking import masked

    named = f"The registry at {masked(url)} (SCHEMA_REGISTRY_URL)"
    try:
        answer = httpx.get(f"{url.rstrip('/')}/subjects", timeout=settings.fetch_timeout_seconds)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return _Answer(False, f"{named} does not answer: {error}.", "Check the address, and that the registry runs.")
    if answer.is_success:
        return _Answer(True, f"The registry at {masked(url)} answers.")
    refused = answer.status_code in (401, 403)
    to_do = "Check user and password in SCHEMA_REGISTRY_URL." if refused else "Check the path of SCHEMA_REGISTRY_URL."
    return _Answer(False, f"{named} answers with HTTP {answer.status_code}.", to_do)


def _bucket(settings: Settings) -> _Answer:
    from consumer.client.store import Bucket

    bucket = Bucket(settings)
    bucket.check()
    return _Answer(True, f"The bucket {bucket.name} at {bucket.endpoint} is there.")


def _engine(settings: Settings) -> _Answer:
    if settings.engine == "synthetic":
        return _Answer(True, "ENGINE is synthetic: answers tell what was asked, no model is used.")
    if importlib.util.find_spec("vllm") is None:
        found = "ENGINE is vllm, but the package vllm is not installed."
        return _Answer(False, found, "Install video-consumer[gpu] or video-consumer[cpu].")
    from consumer.inference.vllm_arguments import check_engine_args, require_compile_cache
    from consumer.inference.vllm_failures import missing_model

    check_engine_args(settings)
    require_compile_cache(settings)
    problem = missing_model(settings.model_name)
    if problem is not None:
        return _Answer(False, problem, "Set MODEL_NAME to the directory of a model, or to its name on the hub.")
    if Path(settings.model_name).is_dir():
        return _Answer(True, f"vllm is installed, and the model's directory {settings.model_name} is there.")
    return _Answer(True, f"vllm is installed; the model {settings.model_name} comes from the hub, which was not asked.")


async def _first_light(settings: Settings) -> _Answer:
    from consumer.inference.factory import make_engine
    from consumer.job.first_light import start_trusted

    engine = make_engine(settings)
    try:
        light = await start_trusted(engine, settings)
        info = engine.info
    finally:
        await engine.stop()
    revision = f" ({info.revision})" if info.revision else ""
    return _Answer(True, f"{info.engine} {info.engine_version} with {info.model}{revision}: {light}.")
