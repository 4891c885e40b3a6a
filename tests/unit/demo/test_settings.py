"""The demo's settings are its own, whatever stands in the environment."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from consumer.demo.settings import (
    CHUNK_SECONDS,
    CHUNK_TOKENS,
    ENVIRONMENT,
    FPS,
    OVERLAP_SECONDS,
    bound_cores,
    demo_settings,
    prepare_environment,
)
from consumer.demo.thing import SIZE
from consumer.inference.budget import vision_tokens
from consumer.media.chunks import plan_chunks


def test_settings_ignore_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MODEL_NAME", "elsewhere")
    monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    settings = demo_settings("127.0.0.1:1", (tmp_path,))
    assert settings.kafka_security_protocol == "PLAINTEXT"
    assert (Path(settings.model_name) / "model.safetensors").is_file()
    assert settings.allowed_paths == (str(tmp_path),)
    assert (settings.http_host, settings.http_port) == ("127.0.0.1", 0)


def test_nothing_is_looked_for_on_the_network() -> None:
    environment: dict[str, str] = {}
    prepare_environment(environment)
    assert environment.items() >= ENVIRONMENT.items()
    assert environment["HF_HUB_OFFLINE"] == "1"


def test_what_was_set_by_hand_stays() -> None:
    environment = {"VLLM_CPU_KVCACHE_SPACE": "4"}
    prepare_environment(environment, debug=True)
    assert environment["VLLM_CPU_KVCACHE_SPACE"] == "4"
    assert environment["VLLM_LOGGING_LEVEL"] == "INFO"


def test_scratch_files_have_a_place() -> None:
    environment: dict[str, str] = {}
    prepare_environment(environment, scratch=Path("/scratch"))
    assert environment["TORCHINDUCTOR_CACHE_DIR"] == "/scratch/torch"


def test_of_two_cores_none_is_left_idle() -> None:
    assert bound_cores({1, 0}) == {"VLLM_CPU_OMP_THREADS_BIND": "0,1"}
    assert bound_cores({3}) == bound_cores(range(4)) == {}


@pytest.mark.parametrize("seconds", range(10, 131))
def test_every_chunk_is_shown_at_the_rate_that_the_model_knows(seconds: int) -> None:
    chunks = plan_chunks(
        duration=seconds, chunk_duration=CHUNK_SECONDS, chunk_overlap=OVERLAP_SECONDS, start_time=0, end_time=None
    )
    for chunk in chunks:
        frames = 2 * math.ceil((chunk.end_time - chunk.start_time) * FPS / 2)
        assert vision_tokens(frames, SIZE, SIZE) <= CHUNK_TOKENS
