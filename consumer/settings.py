"""One Settings object: defaults < PRESET < config.yaml < environment < command line.

The environment's names are the fields' names in capitals; config.yaml uses either spelling. What else may stand in the
environment, `..._FILE` among it, is told in `setting_sources`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from consumer.errors import ConfigurationError
from consumer.presets import PRESETS, PresetName, preset
from consumer.setting_sources import PASS_THROUGH, from_files, from_variables, yaml_problem
from consumer.setting_types import (
    Names,
    OptionalAddress,
    OptionalCount,
    OptionalSecret,
    OptionalText,
    PositiveSeconds,
    Texts,
    blank_is_none,
)


class Settings(BaseModel):
    """Every setting of every command; the README's table is made from these fields."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    # The model and its engine
    preset: Annotated[PresetName | None, BeforeValidator(blank_is_none)] = Field(
        None, description=f"settings for a card, which those that are set win over: {', '.join(PRESETS)}"
    )
    engine: Literal["vllm", "synthetic"] = Field("vllm", description="vllm, or synthetic for load and fault tests")
    model_name: str = Field("Qwen/Qwen3-VL-8B-Instruct-FP8", description="model on the hub, or a directory")
    model_revision: OptionalText = Field(None, description="branch, tag or commit of the model")
    hf_token: OptionalSecret = Field(None, description="token for gated models")
    quantization: OptionalText = Field(None, description="e.g. fp8; left to the checkpoint when empty")
    dtype: str = Field("auto", description="weights' type: auto, bfloat16, float16, float32")
    max_model_len: int = Field(131072, ge=256, description="context length, tokens")
    gpu_memory_utilization: float = Field(0.90, gt=0, le=1, description="share of the GPU's memory for vLLM")
    tensor_parallel_size: int = Field(1, ge=1, description="GPUs that share the model")
    enforce_eager: bool = Field(False, description="no CUDA graphs: quicker start, slower answers")
    max_num_batched_tokens: OptionalCount = Field(
        None, ge=256, description="tokens an engine step; room for a default chunk if empty"
    )
    max_num_seqs: OptionalCount = Field(None, ge=1, description="sequences an engine step; vLLM's choice if empty")
    compile_cache_dir: OptionalText = Field(
        None,
        description="directory that keeps what the engine compiles, for quick restarts; the libraries' own if empty",
    )
    timestamps: Literal["absolute", "relative"] = Field(
        "relative", description="times shown to the model: of the source, or from the chunk's start"
    )
    synthetic_seconds_per_chunk: float = Field(0.0, ge=0, description="waiting time of the synthetic engine, s")
    synthetic_tokens_per_second: float = Field(
        0.0, ge=0, description="tokens that it reads a second, in steps as vLLM's; 0: any number"
    )

    # Chunks and frames
    chunk_duration: float = Field(60.0, ge=1, le=3600, description="seconds a chunk, where the job does not say")
    chunk_overlap: float = Field(2.0, ge=0, le=1800, description="seconds shared by neighbours, likewise")
    max_frames_per_chunk: int = Field(768, ge=4, le=4096, description="frames a chunk at most, likewise")
    aggregation_max_tokens: OptionalCount = Field(
        None, ge=16, description="tokens of a whole video's answer; 2048, or as max_tokens of the job, if empty"
    )
    max_source_bytes: int = Field(200 * 2**30, ge=1, description="largest video accepted, bytes")
    max_scratch_bytes: int = Field(20 * 2**30, ge=1, description="disk for downloads from servers without byte ranges")
    max_video_seconds: PositiveSeconds = Field(86_400.0, description="longest video accepted, s")
    max_frame_bytes: int = Field(8 * 2**30, ge=1, description="decoded frames in memory, bytes")
    decoders: int = Field(0, ge=0, le=256, description="chunks decoded side by side; 0: one a core, or 14 on a GPU")
    decoder_device: Literal["auto", "cpu", "cuda"] = Field(
        "auto",
        description="cuda decodes on the GPU (NVDEC) what it can; auto: if there is one",
    )

    # Kafka
    kafka_bootstrap_servers: str = Field("localhost:9092", description="host:port, comma-separated")
    kafka_group_id: str = Field("video-consumer", min_length=1, description="consumer group, part of transactional ids")
    kafka_topic_prefix: str = Field(
        "video", pattern=r"^[A-Za-z0-9._-]{1,200}$", description="first part of topic names"
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL"
    )
    kafka_sasl_mechanism: OptionalText = Field(None, description="PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER")
    kafka_sasl_username: OptionalText = Field(None, description="user of the broker; OAUTHBEARER: the client id")
    kafka_sasl_password: OptionalSecret = Field(None, description="its password; OAUTHBEARER: the client secret")
    kafka_sasl_oauthbearer_token_endpoint_url: OptionalText = Field(
        None, pattern=r"^https?://\S+$", description="where tokens come from, for OAUTHBEARER"
    )
    kafka_sasl_oauthbearer_scope: OptionalText = Field(None, description="scope of the tokens, if one is wanted")
    kafka_ssl_ca_location: OptionalText = Field(None, description="CA certificates, PEM file; the machine's if empty")
    kafka_ssl_certificate_location: OptionalText = Field(
        None, description="this client's certificate, PEM file, for mutual TLS"
    )
    kafka_ssl_key_location: OptionalText = Field(None, description="its private key, PEM file")
    kafka_ssl_key_password: OptionalSecret = Field(None, description="the key's password, if it has one")
    kafka_group_protocol: Literal["consumer", "classic"] = Field(
        "consumer", description="consumer (KIP-848, from Kafka 4.0 on) or classic"
    )
    kafka_group_instance_id: OptionalText = Field(
        None,
        pattern=r"^[A-Za-z0-9._-]{1,249}$",
        description="name of this process in the group, kept over restarts; see docs/rolling-restarts.md",
    )
    schema_registry_url: OptionalText = Field(None, description="needed for avro-registry")
    schema_registry_auto_register: bool = Field(True, description="register schemas, or only look them up")
    event_format: Literal["avro-registry", "avro", "json"] = Field(
        "avro", description="what events are written in: avro (single-object), avro-registry or json"
    )
    topic_partitions: int = Field(16, ge=1, description="partitions that `topics create` makes")
    topic_replication_factor: int = Field(1, ge=1, description="replicas that `topics create` asks for")

    # The store
    s3_endpoint: OptionalText = Field(None, description="host:port of MinIO or another S3; empty: Amazon's")
    s3_access_key: OptionalText = Field(None, description="user of the store; empty: anonymous")
    s3_secret_key: OptionalSecret = Field(None, description="its password")
    s3_region: OptionalText = Field(None, description="region; asked of the store when empty")
    s3_secure: bool = Field(True, description="https to the store")
    s3_ssl_ca_location: OptionalText = Field(None, description="its CA certificates, PEM file; the machine's if empty")
    s3_bucket: str = Field("videos", description="bucket that `submit` uploads to")
    allowed_hosts: Names = Field((), description="hosts that http(s) sources may name; none by default")
    allowed_paths: Names = Field((), description="directories that video_path may lie in; none by default")

    # Work
    max_concurrent_jobs: int = Field(16, ge=1, description="jobs in work in one process")
    max_concurrent_chunks: int = Field(32, ge=1, description="chunks in work in one process")
    max_attempts: int = Field(3, ge=1, le=1000, description="starts of a job, from the last that brought a chunk on")
    fetch_timeout_seconds: PositiveSeconds = Field(30.0, description="one request to the store, s")
    probe_timeout_seconds: PositiveSeconds = Field(120.0, description="reading a file's structure, s")
    decode_timeout_seconds: PositiveSeconds = Field(300.0, description="frames of one chunk, s")
    generate_timeout_seconds: PositiveSeconds = Field(600.0, description="one answer of the model, s")
    engine_stall_seconds: PositiveSeconds = Field(
        120.0, description="the process ends when its engine, though asked, makes no progress for so long, s"
    )
    aggregation_timeout_seconds: PositiveSeconds = Field(1800.0, description="the answer for a whole video, s")
    retry_seconds: float = Field(300.0, ge=0, description="how long transient errors are tried again, s")
    shutdown_grace_seconds: float = Field(30.0, ge=0, description="time for running chunks after SIGTERM, s")

    # Watching it
    price_per_hour: float = Field(
        0.0,
        ge=0,
        allow_inf_nan=False,
        description="what this process's machine costs an hour, for the cost of a video hour",
    )
    http_host: str = Field("0.0.0.0", description="address of metrics and health")  # noqa: S104 - probes come from outside
    http_port: int = Field(9400, ge=0, le=65535, description="port of metrics and health; 0: any free one")
    log_format: Literal["json", "console"] = Field("json", description="one JSON object a line, or console for people")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="DEBUG, INFO, WARNING or ERROR")
    otel_exporter_otlp_endpoint: OptionalAddress = Field(
        None, description="OTLP/HTTP receiver of spans, e.g. http://collector:4318; none: no spans (docs/tracing.md)"
    )

    # Pods on RunPod
    runpod_api_key: OptionalSecret = Field(None, description="key of RunPod's API, for `runpod pods` and `autoscale`")
    runpod_api_url: str = Field(
        "https://api.runpod.io/v2", pattern=r"^https?://\S+$", description="RunPod's REST API, with its version"
    )

    prometheus_url: OptionalText = Field(
        None, description="Prometheus that scrapes the workers, for `autoscale`; without one it works with estimates"
    )

    # What passes through to librdkafka and vLLM
    kafka_consumer: Texts = Field(default_factory=dict, description="further librdkafka consumer settings")
    kafka_producer: Texts = Field(default_factory=dict, description="further librdkafka producer settings")
    engine_args: dict[str, Any] = Field(default_factory=dict, description="further engine arguments of vLLM")


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """The settings and, for each field, where its value came from."""

    settings: Settings
    origins: Mapping[str, str]


def load_settings(
    *,
    config_file: Path | None = None,
    environment: Mapping[str, str],
    command_line: Mapping[str, Any] | None = None,
) -> LoadedSettings:
    """Merge the four layers and validate them.

    Args:
        config_file: a YAML mapping; None: no file.
        environment: usually `os.environ`.
        command_line: fields given as options; None values count as not given.

    Raises:
        ConfigurationError: a value is wrong, a config key does not exist or a file cannot be read; the sentence names
            it.
    """
    values: dict[str, Any] = {}
    origins: dict[str, str] = dict.fromkeys(Settings.model_fields, "default")
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    layers = [(_from_file(config_file), f"{config_file}"), (from_variables(environment, defaults), "environment")]
    files = [({name: value}, variable) for name, (variable, value) in from_files(environment, defaults).items()]
    given = {key: value for key, value in (command_line or {}).items() if value is not None}
    for layer, origin in [*layers, *files, (given, "command line")]:
        for key, value in layer.items():
            merges = key in PASS_THROUGH and isinstance(value, Mapping)
            values[key] = {**values.get(key, {}), **value} if merges else value
            origins[key] = origin
    for key in (derived := _of_preset(values)).keys() - values.keys():
        values[key], origins[key] = derived[key], f"preset {values['preset']}"
    try:
        return LoadedSettings(Settings.model_validate(values), origins)
    except ValidationError as error:
        raise ConfigurationError(_sentence(error, origins)) from None


def _of_preset(values: Mapping[str, Any]) -> dict[str, Any]:
    """What the preset says, if there is one; what is wrong with a value is found out later."""
    name, cards = values.get("preset"), str(values.get("tensor_parallel_size", 1))
    return preset(name, int(cards)).settings if name in PRESETS and cards.isdecimal() and int(cards) else {}


def _from_file(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        reason = yaml_problem(error) if isinstance(error, yaml.YAMLError) else reason
        raise ConfigurationError(f"The configuration file {path} cannot be read: {reason}.") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigurationError(f"The configuration file {path} must hold a mapping of settings.")
    values = {}
    for key, value in content.items():
        name = str(key).lower()
        if name not in Settings.model_fields:
            nearest = difflib.get_close_matches(name, Settings.model_fields, 1)
            hint = f"; did you mean {nearest[0]}?" if nearest else "."
            raise ConfigurationError(f"{path}: there is no setting {key}{hint}")
        values[name] = value
    return values


def _sentence(error: ValidationError, origins: Mapping[str, str]) -> str:
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0]) if first["loc"] else "settings"
    expected = first["ctx"]["expected"] if first["type"] == "literal_error" else ""
    choices = {value.lower(): value for value in re.findall("'([^']*)'", expected)}
    # The value itself is not shown: it may be a secret that went to the wrong name.
    near = difflib.get_close_matches(str(first["input"]).lower(), choices, 1)
    hint = f"; did you mean {choices[near[0]]}?" if near else "."
    return f"The setting {name.upper()} (from {origins.get(name, 'default')}) is wrong: {first['msg']}{hint}"
