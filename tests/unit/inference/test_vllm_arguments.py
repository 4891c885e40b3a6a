"""Which of our settings vLLM gets, and by what name."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest

from consumer.errors import ConfigurationError
from consumer.inference.budget import chunk_need, fits
from consumer.inference.engine import EngineLimits
from consumer.inference.vllm_arguments import (
    DEFAULT_BATCHED_TOKENS,
    batched_tokens,
    check_engine_args,
    compile_caches,
    engine_arguments,
    prepare_environment,
    render_threads,
    require_compile_cache,
)
from consumer.settings import Settings

SETTINGS = Settings(
    model_name="some/model",
    model_revision="v9",
    hf_token="hf_secret",
    quantization="fp8",
    dtype="bfloat16",
    max_model_len=32_768,
    gpu_memory_utilization=0.8,
    tensor_parallel_size=2,
    enforce_eager=True,
    max_num_batched_tokens=16_384,
    max_num_seqs=32,
)


def test_every_setting_reaches_vllm() -> None:
    assert engine_arguments(SETTINGS) == {
        "model": "some/model",
        "revision": "v9",
        "tokenizer_revision": "v9",
        "hf_token": "hf_secret",
        "quantization": "fp8",
        "dtype": "bfloat16",
        "max_model_len": 32_768,
        "gpu_memory_utilization": 0.8,
        "tensor_parallel_size": 2,
        "enforce_eager": True,
        "max_num_batched_tokens": 16_384,
        "max_num_seqs": 32,
        "limit_mm_per_prompt": {"video": 1, "image": 0},
        "mm_processor_cache_gb": 0,
        "skip_mm_profiling": True,
        "use_tqdm_on_load": False,
    }


def test_what_is_not_set_is_left_to_vllm() -> None:
    arguments = engine_arguments(Settings())
    assert "max_num_seqs" not in arguments
    assert "hf_token" not in arguments
    assert arguments["revision"] is arguments["quantization"] is None


def test_engine_args_go_along_and_win_over_what_is_only_a_habit() -> None:
    given = {"load_format": "dummy", "skip_mm_profiling": False}
    arguments = engine_arguments(Settings(engine_args=given))
    assert arguments["load_format"] == "dummy"
    assert arguments["skip_mm_profiling"] is False


def test_what_a_setting_says_is_no_engine_arg() -> None:
    mine = engine_arguments(SETTINGS)
    habits = {"skip_mm_profiling", "use_tqdm_on_load"}
    for name in mine.keys() - habits:
        with pytest.raises(ConfigurationError, match=f"ENGINE_ARGS may not hold {name}: .*") as caught:
            check_engine_args(Settings(engine_args={name: 1}))
        setting = re.search(r"set ([A-Z_]+) instead", str(caught.value))
        assert setting is None or setting[1].lower() in Settings.model_fields
    check_engine_args(Settings(engine_args=dict.fromkeys(habits, False)))


def test_the_documentation_names_those_that_are_refused_and_those_that_are_not() -> None:
    page = (Path(__file__).parents[3] / "docs" / "engine.md").read_text(encoding="utf-8")
    sentence = page[page.index("is refused with the\nreason:") : page.index("that may be changed")]
    named = re.findall(r"`([a-z_]+)`", sentence)
    for name in named[:-2]:
        with pytest.raises(ConfigurationError, match=f"{name}: .*; leave it out"):
            check_engine_args(Settings(engine_args={name: 1}))
    check_engine_args(Settings(engine_args=dict.fromkeys(named[-2:], False)))
    assert engine_arguments(SETTINGS).keys() >= set(named[-2:])


def test_an_argument_that_vllm_does_not_know_is_named_with_its_neighbour() -> None:
    settings = Settings(engine_args={"load_fromat": "dummy"})
    check_engine_args(settings)
    with pytest.raises(ConfigurationError, match=r"no engine argument load_fromat; did you mean load_format\?"):
        check_engine_args(settings, ["seed", "load_format"])
    with pytest.raises(ConfigurationError, match="no engine argument load_fromat; leave it out"):
        check_engine_args(settings, ["seed"])
    check_engine_args(settings, ["load_fromat"])


def test_a_step_takes_the_default_chunk_whole() -> None:
    assert batched_tokens(Settings()) == DEFAULT_BATCHED_TOKENS
    assert batched_tokens(Settings(max_model_len=8192)) == 8192
    assert batched_tokens(SETTINGS) == 16_384
    largest = chunk_need(frames=768, height=32, width=46 * 32, prompt_tokens=100, max_tokens=512)
    assert largest.vision > 17_600
    assert fits(largest, EngineLimits(131_072, DEFAULT_BATCHED_TOKENS))


def test_some_threads_render() -> None:
    assert 1 <= render_threads() <= 8


@pytest.mark.parametrize(
    ("level", "vllm"),
    [(logging.DEBUG, "INFO"), (logging.INFO, "INFO"), (logging.WARNING, "ERROR"), (logging.ERROR, "ERROR")],
)
def test_libraries_tell_no_more_than_this_process(level: int, vllm: str) -> None:
    environment: dict[str, str] = {}
    prepare_environment(Settings(), log_level=level, environment=environment)
    assert environment["VLLM_LOGGING_LEVEL"] == vllm
    assert environment["VLLM_LOGGING_STREAM"] == "ext://sys.stderr"
    assert environment["VLLM_WORKER_MULTIPROC_METHOD"] == "spawn"
    assert ("HF_HUB_VERBOSITY" in environment) is (vllm == "ERROR")
    assert "HF_TOKEN" not in environment


def test_what_the_user_set_stays_but_the_token_is_ours() -> None:
    environment = {"VLLM_LOGGING_LEVEL": "DEBUG", "HF_TOKEN": "other"}
    prepare_environment(SETTINGS, log_level=logging.ERROR, environment=environment)
    assert environment["VLLM_LOGGING_LEVEL"] == "DEBUG"
    assert environment["HF_TOKEN"] == "hf_secret"


def test_what_is_compiled_is_kept_where_the_setting_says(tmp_path: Path) -> None:
    environment = {"TRITON_CACHE_DIR": "/elsewhere"}
    settings = Settings(compile_cache_dir=str(tmp_path / "cache"))
    prepare_environment(settings, log_level=logging.ERROR, environment=environment)
    caches = compile_caches(settings.compile_cache_dir)
    assert caches["VLLM_CACHE_ROOT"] == f"{tmp_path}/cache/vllm"
    assert len(set(caches.values())) == len(caches) == 5
    assert environment.items() >= ({**caches, "TRITON_CACHE_DIR": "/elsewhere"}).items()
    bare: dict[str, str] = {}
    prepare_environment(Settings(), log_level=logging.ERROR, environment=bare)
    assert not caches.keys() & bare.keys()


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    require_compile_cache(Settings())
    require_compile_cache(Settings(compile_cache_dir=str(tmp_path / "new" / "cache")))
    assert list((tmp_path / "new" / "cache").iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match=rf"{tmp_path}/file \(COMPILE_CACHE_DIR\) cannot be written"):
        require_compile_cache(Settings(compile_cache_dir=str(tmp_path / "file")))
