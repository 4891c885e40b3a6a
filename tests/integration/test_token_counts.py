"""What a request will cost is known to the token before a frame is decoded: counted by the model's real processor.

With the small model's vocabulary, and with the one of Qwen's authors.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as trials
from hypothesis import strategies as st

from consumer.demo.model_path import demo_model
from consumer.events.models import VideoJob
from consumer.inference.budget import chunk_need, fits
from consumer.inference.engine import Clip, EngineLimits
from consumer.inference.prompts import render_prompt, text_tokens
from consumer.inference.stamps import stamp_costs
from consumer.inference.tokenizer import text_counter
from consumer.inference.vllm_prompt import Timestamps, video_metadata
from consumer.job.estimate import PlannedEngine, estimate, planned
from consumer.media.chunks import Chunk
from consumer.media.frames import plan_frames
from consumer.media.info import MediaInfo
from consumer.media.library import MediaLibrary
from consumer.settings import Settings
from tests.media_files import make_video
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
@trials(max_examples=60, deadline=None)
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


@pytest.mark.parametrize("fields", [{}, {"fps": 0.7, "chunk_duration": 7.5}, {"keyframes_only": True}])
@pytest.mark.parametrize("timestamps", ["absolute", "relative"])
def test_an_estimate_is_what_the_frames_of_the_file_cost(
    tmp_path: Path, fields: dict[str, Any], timestamps: Timestamps
) -> None:
    """Each chunk is decoded as for a job, and given to the processor."""
    path = make_video(tmp_path / "video.mp4", seconds=25, width=320, height=240, fps=10)
    wanted = Settings.model_validate(
        {"model_name": str(demo_model()), "allowed_paths": [str(tmp_path)], "timestamps": timestamps}
    )
    job = VideoJob(job_id="a", prompt="Who comes, and when?", video_path=str(path), **{"chunk_duration": 10, **fields})
    engine = PlannedEngine.of(wanted, text_counter(wanted))
    library = MediaLibrary.from_settings(wanted)
    processed = 0
    try:
        with library.open(video_url=None, video_path=str(path)) as media:
            plans = planned(job, media.info, engine, wanted)
            shown = (lambda plan: media.decode(plan).times) if job.keyframes_only else None
            told = estimate(job, media.info, engine, wanted, shown)
            for plan in plans:
                found = media.decode(plan)
                clip = Clip(found.pixels, found.times, plan.chunk.start_time)
                processed += counted(small(), clip, timestamps, job.prompt)
    finally:
        library.close()
    assert engine.counter.exact
    assert told.chunks == len(plans) >= 3
    assert told.prompt_tokens == processed
