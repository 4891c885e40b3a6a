"""What this package relies on in vLLM, read from its source without importing it: a new version that changes any of it
says here what no longer holds."""

from __future__ import annotations

import ast
import importlib.util
from functools import cache
from pathlib import Path

import pytest

METHODS = [
    # module, class, method, arguments that are used, what for
    (
        "v1/engine/async_llm.py",
        "AsyncLLM",
        "from_vllm_config",
        "stat_loggers enable_log_requests disable_log_stats",
        "start",
    ),
    ("v1/engine/async_llm.py", "AsyncLLM", "generate", "prompt sampling_params request_id", "ask"),
    ("v1/engine/async_llm.py", "AsyncLLM", "collective_rpc", "method args", "have bytes normalised by the workers"),
    ("v1/engine/async_llm.py", "AsyncLLM", "shutdown", "timeout", "end the engine's processes"),
    ("v1/engine/async_llm.py", "AsyncLLM", "errored", "", "know that the engine died"),
    ("v1/engine/output_processor.py", "OutputProcessor", "get_num_unfinished_requests", "", "see that aborts arrive"),
    ("renderers/base.py", "BaseRenderer", "render_cmpl", "prompts", "render in threads, off the event loop"),
    ("renderers/base.py", "BaseRenderer", "get_mm_processor", "", "learn how pixels are normalised"),
    ("v1/metrics/loggers.py", "StatLoggerBase", "record", "scheduler_stats iteration_stats", "hear of each step"),
    ("v1/metrics/loggers.py", "StatLoggerBase", "log_engine_initialized", "", "be a logger of statistics"),
    ("v1/worker/worker_base.py", "WorkerBase", "get_model", "", "find the vision tower"),
]
FIELDS = [
    (
        "v1/metrics/stats.py",
        "SchedulerStats",
        "num_running_reqs num_waiting_reqs kv_cache_usage",
        "know what runs and waits",
    ),
    (
        "v1/metrics/stats.py",
        "RequestStateStats",
        "queued_ts scheduled_ts arrival_time first_token_latency",
        "time answers",
    ),
    ("engine/arg_utils.py", "EngineArgs", "worker_extension_cls skip_mm_profiling", "start"),
    ("engine/arg_utils.py", "EngineArgs", "mm_processor_cache_gb use_tqdm_on_load hf_token", "start"),
]


@cache
def classes(module: str) -> dict[str, ast.ClassDef]:
    found = importlib.util.find_spec("vllm")
    assert found is not None
    assert found.origin is not None
    source = (Path(found.origin).parent / module).read_text(encoding="utf-8")
    return {node.name: node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)}


@pytest.mark.parametrize(("module", "name", "method", "arguments", "purpose"), METHODS)
def test_a_method_that_is_called(module: str, name: str, method: str, arguments: str, purpose: str) -> None:
    node = classes(module)[name]
    functions = [one for one in node.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
    found = [one for one in functions if one.name == method]
    assert found, f"vLLM's {name} has no {method} any more, by which vllm_adapter wants to {purpose}."
    given = {one.arg for one in (*found[-1].args.args, *found[-1].args.kwonlyargs)}
    missing = set(arguments.split()) - given
    assert not missing, (
        f"vLLM's {name}.{method} takes no {', '.join(missing)}, by which vllm_adapter wants to {purpose}."
    )


@pytest.mark.parametrize(("module", "name", "fields", "purpose"), FIELDS)
def test_a_field_that_is_read_or_set(module: str, name: str, fields: str, purpose: str) -> None:
    there = {
        one.target.id
        for one in classes(module)[name].body
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
    }
    missing = set(fields.split()) - there
    assert not missing, f"vLLM's {name} has no {', '.join(missing)}, by which vllm_adapter wants to {purpose}."


def test_a_logger_of_statistics_has_no_further_duties() -> None:
    duties = {
        one.name
        for one in classes("v1/metrics/loggers.py")["StatLoggerBase"].body
        if isinstance(one, ast.FunctionDef)
        and any(getattr(mark, "id", "") == "abstractmethod" for mark in one.decorator_list)
    }
    assert duties == {"__init__", "record", "log_engine_initialized"}, "vllm_steps has to implement what is new."


def test_bytes_reach_the_vision_tower() -> None:
    tower = classes("model_executor/models/qwen3_vl.py")["Qwen3_VisionTransformer"]
    (forward,) = [one for one in tower.body if isinstance(one, ast.FunctionDef) and one.name == "forward"]
    assert [one.arg for one in forward.args.args[:2]] == ["self", "x"], "vllm_patches expects the patches first."
