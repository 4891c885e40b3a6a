"""What a request will cost is known to the token before a frame is decoded: counted by the model's real processor.

With the small model's vocabulary, and with the one of Qwen's authors.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.demo.model_path import demo_model
from consumer.inference.budget import chunk_need, fits
from consumer.inference.engine import Clip, EngineLimits
from consumer.inference.prompts import render_prompt, text_tokens
from consumer.inference.stamps import stamp_costs
from consumer.inference.vllm_prompt import Timestamps, video_metadata
from consumer.media.chunks import Chunk
from consumer.media.frames import plan_frames
from consumer.media.info import MediaInfo
from tests.qwen_tokenizer import vocabulary_file
from tools.tiny_model.tokenizer import SPECIAL, SPLIT

pytestmark = pytest.mark.timeout(600)

# A chunk that begins at the start, after two and after eleven hours, or anywhere in a day.
STARTS = st.sampled_from([0.0, 7200.0, 39_600.0, 39_599.75]) | st.floats(0, 86_400).map(lambda time: round(time, 3))
RATES = st.sampled_from([0.5, 1.0, 2.0, 5.0, 24.0, 29.97]) | st.floats(0.05, 30)
PROMPTS = st.sampled_from(
    ["What?", "Describe what happens, with times.", "\n\n何が起こる? ", "12.5 seconds <b>", "<|x|>"]
)


@cache
def small() -> Any:
    """The small model's processor."""
    from transformers import AutoProcessor

    return AutoProcessor.from_pretrained(str(demo_model()))


@cache
def qwen() -> Any:
    """The same with the vocabulary of Qwen's authors."""
    from transformers import PreTrainedTokenizerFast, Qwen3VLProcessor
    from transformers.convert_slow_tokenizer import TikTokenConverter

    converter = TikTokenConverter(
        vocab_file=str(vocabulary_file()), pattern=SPLIT, extra_special_tokens=dict.fromkeys(SPECIAL)
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=converter.converted())
    tokenizer.add_special_tokens({"additional_special_tokens": list(SPECIAL)})
    for name in ("image_token", "video_token", "vision_start_token", "vision_end_token"):
        setattr(tokenizer, name, getattr(small().tokenizer, name, None) or getattr(small(), name))
    return Qwen3VLProcessor(small().image_processor, tokenizer, small().video_processor, small().chat_template)


def counted(processor: Any, clip: Clip, timestamps: Timestamps, prompt: str) -> int:
    """Tokens of the whole prompt as the processor makes it."""
    metadata = video_metadata(clip, timestamps)
    made = processor(
        text=[render_prompt(prompt, None, with_video=True)],
        videos=[clip.pixels],
        video_metadata=[metadata],
        do_resize=False,
        do_sample_frames=metadata.pop("do_sample_frames"),
    )
    return len(made["input_ids"][0])


@pytest.mark.parametrize("make", [small, qwen])
@given(
    start=STARTS,
    rate=RATES,
    seconds=st.floats(2, 60),
    width=st.integers(64, 640),
    height=st.integers(64, 400),
    budget=st.integers(64, 600),
    timestamps=st.sampled_from(["absolute", "relative"]),
    prompt=PROMPTS,
)
@settings(max_examples=60, deadline=None)
def test_a_planned_chunk_costs_exactly_what_the_plan_says(
    make: Callable[[], Any],
    start: float,
    rate: float,
    seconds: float,
    width: int,
    height: int,
    budget: int,
    timestamps: Timestamps,
    prompt: str,
) -> None:
    """Frames, sizes, offsets and rates as a job's chunk has them, through the job's own frame plan."""
    processor = make()

    def count_tokens(text: str) -> int:
        return len(processor.tokenizer.encode(text, add_special_tokens=False))

    info = MediaInfo(width, height, 30.0, start + seconds, 1, "h264", "mp4", 1, False, 0)
    chunk = Chunk(0, start, start + seconds)
    plan = plan_frames(chunk, info, fps=rate, max_frames=48, max_vision_tokens=budget, keyframes_only=False)
    costs = stamp_costs(count_tokens)
    need = chunk_need(
        frames=len(plan.times),
        height=plan.height,
        width=plan.width,
        prompt_tokens=text_tokens(count_tokens, prompt, None),
        max_tokens=0,
        stamps=costs.of_clip(plan.times, 0.0 if timestamps == "absolute" else start),
    )
    clip = Clip(np.zeros(plan.shape, np.uint8), plan.times, start)
    assert costs.exact
    assert need.vision == plan.vision_tokens
    assert need.total == counted(processor, clip, timestamps, prompt)
    assert fits(need, EngineLimits(need.total, need.item))
    assert not fits(need, EngineLimits(need.total - 1, need.item))
