"""The settings of the demo's consumer: all on this machine, as small and as quick to start as it honestly gets."""

from __future__ import annotations

import os
from collections.abc import Collection, MutableMapping
from pathlib import Path

from consumer.demo.model_path import demo_model
from consumer.settings import Settings, load_settings

MAX_MODEL_LEN = 8192
MAX_TOKENS = 2048
FOREIGN_MAX_TOKENS = 512
"""Of answers about other videos: the model does not know when to end there."""
CHUNK_SECONDS = 20.0
OVERLAP_SECONDS = 2.0
FPS = 2.0
CHUNK_TOKENS = 900
"""Vision tokens of 50 frames of 192 x 192, the size that the model knows: of the last chunk, which may be a quarter of
what a chunk adds longer than the others. With fewer tokens it would get fewer frames a second, which the model does not
know. Other videos are scaled to about that size."""

# What vLLM and the model's libraries read when they are imported.
ENVIRONMENT = {
    # The model lies on the disk: nothing may look for it, or tell of it, elsewhere.
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    # GiB of memory for the cache of keys and values; the model's need is some megabytes.
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_LOGGING_LEVEL": "ERROR",
}


def demo_settings(bootstrap_servers: str, directories: tuple[Path, ...]) -> Settings:
    """The settings; `directories` are those that videos may lie in."""
    values = {
        "engine": "vllm",
        "model_name": str(demo_model()),
        "max_model_len": MAX_MODEL_LEN,
        # Few CPUs compute with the two bytes that the weights have; with four they answer in half of the time.
        "dtype": "float32",
        # Compiling would take longer than all answers together.
        "enforce_eager": True,
        "max_num_seqs": 8,
        # About two chunks a step: the answers come one after another, instead of all at the end.
        "max_num_batched_tokens": 2048,
        # The chunks' times are the video's own, so that they can be compared with the script.
        "timestamps": "absolute",
        "kafka_bootstrap_servers": bootstrap_servers,
        "kafka_group_id": "demo",
        "event_format": "json",
        "allowed_paths": tuple(str(directory) for directory in directories),
        "http_host": "127.0.0.1",
        "http_port": 0,
        "retry_seconds": 0.0,
        "shutdown_grace_seconds": 0.0,
    }
    # Neither a config.yaml nor the environment: the demo is the same on every machine.
    return load_settings(environment={}, command_line=values).settings


def bound_cores(cores: Collection[int]) -> dict[str, str]:
    """Where vLLM computes if there are but two cores: on both.

    By itself it leaves one to its other processes, which have little to do while the model computes.
    """
    return {"VLLM_CPU_OMP_THREADS_BIND": ",".join(map(str, sorted(cores)))} if len(cores) == 2 else {}


def prepare_environment(
    environment: MutableMapping[str, str] = os.environ, *, scratch: Path | None = None, debug: bool = False
) -> None:
    """Set what vLLM and the model's libraries read; before they are imported. What is set already stays.

    Args:
        scratch: a directory for what they would else leave behind in the one for all temporary files.
    """
    if scratch is not None:
        environment.setdefault("TORCHINDUCTOR_CACHE_DIR", str(scratch / "torch"))
    for name, value in (ENVIRONMENT | bound_cores(os.sched_getaffinity(0))).items():
        environment.setdefault(name, value)
    if debug:
        environment["VLLM_LOGGING_LEVEL"] = "INFO"
