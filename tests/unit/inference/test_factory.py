"""ENGINE decides, and vLLM is not touched before it starts."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from consumer.errors import ConfigurationError
from consumer.inference.factory import make_engine
from consumer.inference.synthetic import SyntheticEngine
from consumer.settings import Settings


def test_synthetic() -> None:
    engine = make_engine(Settings(engine="synthetic", synthetic_seconds_per_chunk=0.5, max_model_len=4096))
    assert isinstance(engine, SyntheticEngine)
    assert engine.limits.max_model_len == engine.limits.max_num_batched_tokens == 4096


def test_vllm_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"ENGINE is vllm.*video-consumer\[gpu\].*ENGINE=synthetic"):
        make_engine(Settings(engine="vllm"))


def test_an_engine_arg_that_is_ours_is_refused_before_vllm_is_there() -> None:
    with pytest.raises(ConfigurationError, match="ENGINE_ARGS may not hold model: set MODEL_NAME instead"):
        make_engine(Settings(engine="vllm", engine_args={"model": "x"}))


def test_making_the_engine_imports_neither_vllm_nor_torch() -> None:
    program = (
        "import sys\n"
        "from consumer.inference.factory import make_engine\n"
        "from consumer.settings import Settings\n"
        "engine = make_engine(Settings(engine='vllm'))\n"
        "assert engine.info.engine == 'vllm', engine.info\n"
        "assert engine.info.engine_version != 'unknown', engine.info\n"
        "print(sorted({'vllm', 'torch', 'transformers'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[]\n"
