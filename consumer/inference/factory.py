"""Which engine the settings ask for."""

from __future__ import annotations

import importlib.util

from consumer.errors import ConfigurationError
from consumer.inference.engine import Engine
from consumer.settings import Settings


def make_engine(settings: Settings) -> Engine:
    """The engine of `settings`, not started yet; vLLM is imported only when it is asked for.

    Raises:
        ConfigurationError: ENGINE is vllm and the package is not installed, or ENGINE_ARGS holds what it may not,
            or COMPILE_CACHE_DIR cannot be written.
    """
    if settings.engine == "synthetic":
        from consumer.inference.synthetic import SyntheticEngine

        return SyntheticEngine.from_settings(settings)
    if importlib.util.find_spec("vllm") is None:
        raise ConfigurationError(
            "ENGINE is vllm, but the package vllm is not installed: "
            "install video-consumer[gpu] or video-consumer[cpu], or set ENGINE=synthetic."
        )
    from consumer.inference.vllm_arguments import check_engine_args, require_compile_cache
    from consumer.inference.vllm_engine import VllmEngine

    check_engine_args(settings)
    require_compile_cache(settings)
    return VllmEngine(settings)
