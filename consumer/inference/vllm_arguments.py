"""The settings as vLLM takes them: by its arguments' names, and in the environment; pure."""

from __future__ import annotations

import difflib
import logging
import os
from collections.abc import Collection, MutableMapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from consumer.errors import ConfigurationError
from consumer.inference.vllm_plugin import WATCH_VARIABLE
from consumer.settings import Settings

# The default chunk (18,000 vision tokens, and the time stamps of 768 frames) in one step: vLLM sizes its store of
# encoded videos by the tokens of a step, and refuses a larger video.
DEFAULT_BATCHED_TOKENS = 24_576
MOST_RENDER_THREADS = 8

# What ENGINE_ARGS may not say, because a setting says it or because this package counts on its value.
_SETTINGS = {
    "model": "MODEL_NAME",
    "revision": "MODEL_REVISION",
    "tokenizer_revision": "MODEL_REVISION",
    "hf_token": "HF_TOKEN",
    "quantization": "QUANTIZATION",
    "dtype": "DTYPE",
    "max_model_len": "MAX_MODEL_LEN",
    "gpu_memory_utilization": "GPU_MEMORY_UTILIZATION",
    "tensor_parallel_size": "TENSOR_PARALLEL_SIZE",
    "enforce_eager": "ENFORCE_EAGER",
    "max_num_batched_tokens": "MAX_NUM_BATCHED_TOKENS",
    "max_num_seqs": "MAX_NUM_SEQS",
}
_FIXED = {
    "limit_mm_per_prompt": "a request holds one video",
    "mm_processor_cache_gb": "no video comes twice, and several threads render",
    "renderer_num_workers": "prompts are rendered in the consumer's own threads, and each adds copies of the tokenizer",
    "skip_tokenizer_init": "tokens are counted before anything is decoded",
    "disable_log_stats": "the times of an answer come from its statistics",
    "enable_log_requests": "prompts do not belong in a log",
    "video_pruning_rate": "a video's tokens are counted before it is decoded",
}

# Their warnings are about how they were built and what they do not use: nothing for somebody who wants one answer.
_QUIET = {
    "VLLM_LOGGING_LEVEL": "ERROR",
    "TRANSFORMERS_VERBOSITY": "error",
    "HF_HUB_VERBOSITY": "error",
    "TORCH_CPP_LOG_LEVEL": "ERROR",
    "PYTHONWARNINGS": "ignore",
}


def prepare_environment(
    settings: Settings, *, log_level: int, environment: MutableMapping[str, str] = os.environ
) -> None:
    """Set what vLLM and its libraries read when they are imported; what is set already stays.

    Args:
        log_level: of this process, as `logging` counts: they tell no more than it does.
    """
    defaults = {
        # stdout is for results.
        "VLLM_LOGGING_STREAM": "ext://sys.stderr",
        # A fork would carry this process's sockets and the locks of its threads into the engine.
        "VLLM_WORKER_MULTIPROC_METHOD": "spawn",
        "VLLM_NO_USAGE_STATS": "1",
        WATCH_VARIABLE: "1",
        **compile_caches(settings.compile_cache_dir),
        **(_QUIET if log_level > logging.INFO else {"VLLM_LOGGING_LEVEL": "INFO"}),
    }
    if settings.hf_token is not None:
        # The engine's process loads the weights, and it finds the token only here.
        environment["HF_TOKEN"] = settings.hf_token.get_secret_value()
    for name, value in defaults.items():
        environment.setdefault(name, value)


def compile_caches(directory: str | None) -> dict[str, str]:
    """Where vLLM and the compilers below it keep what they compile, by their variables; nothing: each in its place.

    What they find there on the next start costs no time: torch.compile's graphs, Triton's, FlashInfer's and the
    driver's kernels, and what vLLM found out about the model.
    """
    if directory is None:
        return {}
    root = Path(directory).absolute()
    return {
        "VLLM_CACHE_ROOT": str(root / "vllm"),
        "TORCHINDUCTOR_CACHE_DIR": str(root / "inductor"),
        "TRITON_CACHE_DIR": str(root / "triton"),
        "FLASHINFER_WORKSPACE_BASE": str(root / "flashinfer"),
        "CUDA_CACHE_PATH": str(root / "cuda"),
    }


def require_compile_cache(settings: Settings) -> None:
    """Make COMPILE_CACHE_DIR.

    Raises:
        ConfigurationError: it cannot be made or written; the engine would die of it, or compile all anew each time.
    """
    if settings.compile_cache_dir is None:
        return
    directory = Path(settings.compile_cache_dir)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=directory):
            pass
    except OSError as error:
        raise ConfigurationError(
            f"The directory {directory} (COMPILE_CACHE_DIR) cannot be written ({error.strerror}); name another."
        ) from None


def engine_arguments(settings: Settings) -> dict[str, Any]:
    """The settings by the names of vLLM's engine arguments."""
    arguments: dict[str, Any] = {
        "model": settings.model_name,
        "revision": settings.model_revision,
        "tokenizer_revision": settings.model_revision,
        "quantization": settings.quantization,
        "dtype": settings.dtype,
        "max_model_len": settings.max_model_len,
        "gpu_memory_utilization": settings.gpu_memory_utilization,
        "tensor_parallel_size": settings.tensor_parallel_size,
        "enforce_eager": settings.enforce_eager,
        "max_num_batched_tokens": batched_tokens(settings),
        "limit_mm_per_prompt": {"video": 1, "image": 0},
        # No video comes twice.
        "mm_processor_cache_gb": 0,
        # Encoding a video of the largest size at the start costs 20 to 60 s.
        "skip_mm_profiling": True,
        # A progress bar is for a terminal.
        "use_tqdm_on_load": False,
    }
    if settings.hf_token is not None:
        arguments["hf_token"] = settings.hf_token.get_secret_value()
    if settings.max_num_seqs is not None:
        arguments["max_num_seqs"] = settings.max_num_seqs
    return arguments | settings.engine_args


def check_engine_args(settings: Settings, known: Collection[str] | None = None) -> None:
    """Whether ENGINE_ARGS holds only what it may.

    Args:
        known: the names of vLLM's engine arguments; None: vLLM was not imported, so only what needs no list is looked
            at.

    Raises:
        ConfigurationError: an argument is unknown, or not to be set here; the sentence names it.
    """
    for name in settings.engine_args:
        if name in _SETTINGS:
            raise ConfigurationError(f"ENGINE_ARGS may not hold {name}: set {_SETTINGS[name]} instead.")
        if name in _FIXED:
            raise ConfigurationError(f"ENGINE_ARGS may not hold {name}: {_FIXED[name]}; leave it out.")
        if known is not None and name not in known:
            nearest = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {nearest[0]}?" if nearest else "leave it out, or look for its name in vLLM's docs."
            raise ConfigurationError(f"ENGINE_ARGS: this vLLM has no engine argument {name}; {hint}")


def batched_tokens(settings: Settings) -> int:
    """Tokens of an engine step: as set, else enough for a chunk of the default size."""
    return settings.max_num_batched_tokens or min(settings.max_model_len, DEFAULT_BATCHED_TOKENS)


def render_threads() -> int:
    """Threads that render prompts: half of the cores, the rest is for decoding; more than eight gain nothing."""
    return max(1, min(MOST_RENDER_THREADS, len(os.sched_getaffinity(0)) // 2))
