"""What vLLM says when it does not start, as one sentence that names the setting; pure."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import ValidationError

from consumer.settings import Settings

_LONGEST_REASON = 240

# What vLLM and the hub's library call things, and which setting that is. The first that occurs in a message counts, so
# the ones that are named in messages about others come last.
_TELLTALES: tuple[tuple[str, str], ...] = (
    ("gated repo", "hf_token"),
    ("401 client error", "hf_token"),
    ("valid git identifier", "model_revision"),
    ("quantization", "quantization"),
    ("tensor parallel size", "tensor_parallel_size"),
    ("tensor_parallel_size", "tensor_parallel_size"),
    ("world size", "tensor_parallel_size"),
    ("gpu memory utilization", "gpu_memory_utilization"),
    ("gpu_memory_utilization", "gpu_memory_utilization"),
    ("max_num_batched_tokens", "max_num_batched_tokens"),
    ("max_num_seqs", "max_num_seqs"),
    ("max_model_len", "max_model_len"),
    ("dtype", "dtype"),
    ("bfloat16", "dtype"),
)

_ENGINE_ENDED = "initialization failed"


def missing_model(model_name: str) -> str | None:
    """What is wrong with a MODEL_NAME that means a directory; None: nothing, or it is a name on the hub."""
    path = Path(model_name)
    if path.is_dir():
        if (path / "config.json").is_file():
            return None
        return f"The directory {model_name} (MODEL_NAME) holds no config.json, so it is no model."
    if path.is_absolute() or model_name.startswith((".", "~")):
        return f"There is no directory {model_name} (MODEL_NAME)."
    return None


def start_failure(error: Exception, settings: Settings) -> str:
    """One sentence about why vLLM did not start, with the setting to look at."""
    reason = _reason(error)
    if _ENGINE_ENDED in reason:
        return (
            "vLLM's engine ended while it started, and its own messages above say why; where it is memory, lower "
            f"MAX_MODEL_LEN ({settings.max_model_len}) or change GPU_MEMORY_UTILIZATION "
            f"({settings.gpu_memory_utilization:g}) or TENSOR_PARALLEL_SIZE ({settings.tensor_parallel_size})."
        )
    if "couldn't connect" in reason:
        return (
            f"The model {settings.model_name} (MODEL_NAME) is not on this machine, and the hub that it would come from "
            "cannot be reached."
        )
    argument = next((name for name in settings.engine_args if re.search(rf"\b{re.escape(name)}\b", reason)), None)
    if argument is not None:
        value = settings.engine_args[argument]
        return f"vLLM does not start with {argument}={value} in ENGINE_ARGS: {_ended(reason)}"
    name = _setting(reason, settings)
    if name == "hf_token":
        return f"The hub does not hand out {settings.model_name} (MODEL_NAME) with this HF_TOKEN: {_ended(reason)}"
    return f"vLLM does not start with {name.upper()}={getattr(settings, name)}: {_ended(reason)}"


def one_line(text: str, longest: int = _LONGEST_REASON) -> str:
    """A message of several lines as part of one sentence."""
    line = " ".join(text.split()).rstrip(".")
    return line if len(line) <= longest else f"{line[: longest - 4]} ..."


def _setting(reason: str, settings: Settings) -> str:
    if settings.quantization and settings.quantization in reason:
        return "quantization"
    lowered = reason.lower()
    return next((name for telltale, name in _TELLTALES if telltale in lowered), "model_name")


def _reason(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return one_line(str(error) or type(error).__name__)
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    message = first["msg"].removeprefix("Value error, ")
    field = f"{first['loc'][0]}: " if first["loc"] else ""
    return one_line(f"{field}{message}")


def _ended(reason: str) -> str:
    return reason if reason.endswith("...") else f"{reason}."
