"""Where the small demo model lies in the installed package."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def demo_model() -> Path:
    """The directory of the small Qwen3-VL that comes with the package; usable as MODEL_NAME."""
    return Path(str(files("consumer.demo") / "model"))
