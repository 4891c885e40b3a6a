"""What vLLM and the hub's library really say (their words, taken down), and the sentence that a user reads instead."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError, model_validator

from consumer.demo.model_path import demo_model
from consumer.inference.vllm_failures import missing_model, one_line, start_failure
from consumer.settings import Settings

SETTINGS = Settings(
    model_name="some/model",
    model_revision="v9",
    quantization="awq",
    dtype="float16",
    max_model_len=1_000_000,
    gpu_memory_utilization=0.9,
    tensor_parallel_size=3,
    max_num_batched_tokens=256,
    max_num_seqs=1000,
)


def refused(message: str) -> ValidationError:
    """As vLLM's configuration objects refuse: through pydantic."""

    class ModelConfig(BaseModel):
        model: str = "x"

        @model_validator(mode="after")
        def check(self) -> ModelConfig:
            raise ValueError(message)

    with pytest.raises(ValidationError) as caught:
        ModelConfig()
    return caught.value


@pytest.mark.parametrize(
    ("error", "start"),
    [
        (
            refused(
                "User-specified max_model_len (1000000) is greater than the derived max_model_len "
                "(max_position_embeddings=16384.0 or model_max_length=None in model's config.json)."
            ),
            "vLLM does not start with MAX_MODEL_LEN=1000000: User-specified max_model_len",
        ),
        (
            refused("Unknown quantization method: bogus. Must be one of ['awq', 'fp8']."),
            "vLLM does not start with QUANTIZATION=awq: Unknown",
        ),
        (refused("Cannot find the config file for awq"), "vLLM does not start with QUANTIZATION=awq: Cannot find"),
        (
            refused("Total number of attention heads (4) must be divisible by tensor parallel size (3)."),
            "vLLM does not start with TENSOR_PARALLEL_SIZE=3: Total",
        ),
        (
            refused("max_num_batched_tokens (256) must be greater than or equal to max_num_seqs (1000)."),
            "vLLM does not start with MAX_NUM_BATCHED_TOKENS=256: max_num",
        ),
        (
            ValueError("Bfloat16 is only supported on GPUs with compute capability of at least 8.0."),
            "vLLM does not start with DTYPE=float16: Bfloat16",
        ),
        (
            ValueError("Free memory on device (1/80 GiB) is less than desired GPU memory utilization (0.9, 72 GiB)."),
            "vLLM does not start with GPU_MEMORY_UTILIZATION=0.9: Free",
        ),
        (
            OSError("v9 is not a valid git identifier (branch name, tag name or commit id) that exists"),
            "vLLM does not start with MODEL_REVISION=v9: v9",
        ),
        (
            OSError("You are trying to access a gated repo.\nMake sure to have access to it at https://hub/x."),
            "The hub does not hand out some/model (MODEL_NAME) with this HF_TOKEN: You are trying",
        ),
        (
            OSError("some/model is not a local folder and is not a valid model identifier listed on 'https://hub'"),
            "vLLM does not start with MODEL_NAME=some/model: some/model is not a local folder",
        ),
        (
            OSError("We couldn't connect to 'https://hub' to load the files, and couldn't find them in the cache."),
            "The model some/model (MODEL_NAME) is not on this machine, and the hub",
        ),
        (
            RuntimeError("Engine core initialization failed. See root cause above. Failed core proc(s): {'x': 1}"),
            "vLLM's engine ended while it started, and its own messages above say why; where it is memory, lower "
            "MAX_MODEL_LEN (1000000) or change GPU_MEMORY_UTILIZATION (0.9) or TENSOR_PARALLEL_SIZE (3).",
        ),
        (RuntimeError(), "vLLM does not start with MODEL_NAME=some/model: RuntimeError."),
    ],
)
def test_the_sentence_names_the_setting(error: Exception, start: str) -> None:
    sentence = start_failure(error, SETTINGS)
    assert sentence.startswith(start)
    assert sentence.endswith(".")
    assert not sentence.endswith("..")
    assert len(sentence) < 340
    assert "\n" not in sentence
    assert "input_value" not in sentence


def test_a_field_that_pydantic_refuses_is_named() -> None:
    class ModelConfig(BaseModel):
        dtype: int

    with pytest.raises(ValidationError) as caught:
        ModelConfig.model_validate({"dtype": "bogus"})
    assert start_failure(caught.value, SETTINGS).startswith("vLLM does not start with DTYPE=float16: dtype: Input")


def test_models_that_are_directories(tmp_path: Path) -> None:
    assert missing_model(str(demo_model())) is None
    assert missing_model("Qwen/Qwen3-VL-8B-Instruct-FP8") is None
    assert (
        missing_model(str(tmp_path))
        == f"The directory {tmp_path} (MODEL_NAME) holds no config.json, so it is no model."
    )
    for name in (str(tmp_path / "none"), "./none", "~/none"):
        assert missing_model(name) == f"There is no directory {name} (MODEL_NAME)."


def test_one_line() -> None:
    assert one_line(" a\n b. ") == "a b"
    assert len(one_line("word " * 200)) == 240


def test_an_engine_arg_that_vllm_names_is_what_is_wrong() -> None:
    settings = SETTINGS.model_copy(update={"engine_args": {"load": 1, "load_format": "dumy", "seed": 1}})
    told = start_failure(refused("load_format dumy is not supported; see quantization."), settings)
    assert told == (
        "vLLM does not start with load_format=dumy in ENGINE_ARGS: load_format dumy is not supported; see quantization."
    )
    assert "QUANTIZATION=awq" in start_failure(refused("quantization of seeds"), settings)
