"""What vLLM is handed: frames that are sampled already, with the clock of their own times."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.inference.engine import Clip
from consumer.inference.vllm_prompt import CLOCK_RATE, engine_prompt, video_metadata
from tests.unit.inference.builders import clip, request

IRREGULAR = clip(60.0, 60.04, 61.52, 64.9, start=60.0)


def test_absolute_times_are_the_source_s() -> None:
    assert video_metadata(IRREGULAR, "absolute") == {
        "fps": 1000.0,
        "frames_indices": [60_000, 60_040, 61_520, 64_900],
        "total_num_frames": 64_901,
        "duration": 64.901,
        "video_backend": "pyav",
        "do_sample_frames": False,
    }


def test_relative_times_begin_with_the_chunk() -> None:
    assert video_metadata(IRREGULAR, "relative")["frames_indices"] == [0, 40, 1520, 4900]


def test_a_picture_from_before_the_chunk_is_seen_from_its_start() -> None:
    assert video_metadata(clip(59.7, 60.2, 61.0, 62.0, start=60.0), "relative")["frames_indices"] == [
        0,
        200,
        1000,
        2000,
    ]


@given(
    start=st.floats(0, 86_400), steps=st.lists(st.floats(0.001, 60), min_size=4, max_size=40), absolute=st.booleans()
)
def test_an_index_is_its_frame_s_time_within_half_a_millisecond(
    start: float, steps: list[float], absolute: bool
) -> None:
    times = [start + sum(steps[: k + 1]) for k in range(len(steps))]
    told = video_metadata(clip(*times, start=start), "absolute" if absolute else "relative")
    zero = 0.0 if absolute else start
    for index, time in zip(told["frames_indices"], times, strict=True):
        assert index / told["fps"] == pytest.approx(time - zero, abs=0.5 / CLOCK_RATE + 1e-6)
    assert told["total_num_frames"] > told["frames_indices"][-1]


def test_the_prompt_has_the_bare_placeholder_and_the_pixels_untouched() -> None:
    made = engine_prompt(request(IRREGULAR), "absolute", "name")
    assert made["prompt"] == "<|im_start|>user\n<|video_pad|>What?<|im_end|>\n<|im_start|>assistant\n"
    ((pixels, metadata),) = made["multi_modal_data"]["video"]
    assert pixels is IRREGULAR.pixels
    assert metadata == video_metadata(IRREGULAR, "absolute")
    assert made["multi_modal_uuids"] == {"video": ["name"]}
    assert made["mm_processor_kwargs"] == {"do_resize": False}


def test_text_alone() -> None:
    none: Clip | None = None
    assert engine_prompt(request(none), "absolute", "name") == {
        "prompt": "<|im_start|>user\nWhat?<|im_end|>\n<|im_start|>assistant\n"
    }
