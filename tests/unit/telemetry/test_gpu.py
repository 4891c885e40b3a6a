"""What NVML tells is on the page; without it, or after its end, there is nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pynvml
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from consumer.telemetry.gpu import GpuWatch, visible_cards
from tests.unit.telemetry.nvml import Nvml

UUIDS = ["GPU-aa", "GPU-ab", "GPU-b"]


def watched(load: Callable[[], Any], until: threading.Event, **environment: str) -> tuple[str, str]:
    """The page once `until` is set, and the page at the end."""
    registry = CollectorRegistry()
    watch = GpuWatch(registry, load, every=0.001, environment=environment)
    watch.start()
    assert until.wait(10)
    during = generate_latest(registry).decode()
    watch.stop()
    return during, generate_latest(registry).decode()


def test_each_visible_card_has_its_series_until_the_end() -> None:
    nvml = Nvml(cards=2)
    during, after = watched(lambda: nvml, nvml.seen_twice)
    assert 'video_consumer_gpu_utilization_ratio{gpu="1"} 0.75' in during
    assert 'video_consumer_gpu_memory_used_bytes{gpu="0"} 1.0' in during
    assert 'video_consumer_gpu_memory_total_bytes{gpu="0"} 4.0' in during
    assert 'video_consumer_gpu_power_watts{gpu="0"} 250.0' in during
    assert after == ""
    assert nvml.closed


def test_hidden_cards_have_none() -> None:
    nvml = Nvml(cards=2)
    during, _ = watched(lambda: nvml, nvml.seen_twice, CUDA_VISIBLE_DEVICES="1")
    assert 'gpu="1"' in during
    assert 'gpu="0"' not in during


def test_what_a_card_does_not_tell_is_left_out() -> None:
    nvml = Nvml(cards=1, silent=True)
    during, _ = watched(lambda: nvml, nvml.seen_twice)
    assert "gpu_memory_used_bytes{" in during
    assert "gpu_power_watts{" not in during


@pytest.mark.parametrize("failing", ["nvmlInit", "nvmlDeviceGetMemoryInfo"])
def test_no_driver_or_a_lost_card_leaves_no_series(failing: str) -> None:
    nvml = Nvml(cards=1, failing=failing)
    assert watched(lambda: nvml, nvml.failed)[1] == ""


def test_without_the_library_nothing_happens() -> None:
    asked = threading.Event()

    def load() -> Any:
        asked.set()
        raise ImportError

    assert watched(load, asked) == ("", "")


@pytest.mark.parametrize(
    ("visible", "numbers"),
    [(None, [0, 1, 2]), ("", []), ("2,0", [2, 0]), ("GPU-ab", [1]), ("1,9,0", [1]), ("-1", []), ("GPU-a", [0])],
)
def test_the_cards_of_a_process(visible: str | None, numbers: list[int]) -> None:
    assert visible_cards(UUIDS, visible) == numbers


def test_the_stand_in_has_nothing_that_the_real_library_has_not() -> None:
    assert [name for name in dir(Nvml) if name.lower().startswith("nvml") and not hasattr(pynvml, name)] == []
    assert issubclass(pynvml.NVMLError_NotSupported, pynvml.NVMLError)
