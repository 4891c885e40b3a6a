"""A request in the form that vLLM's renderer takes; pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from consumer.inference.engine import Clip, GenerationRequest
from consumer.inference.prompts import render_prompt

Timestamps = Literal["absolute", "relative"]

# The clock that frame times are told in: frame "indices" are milliseconds. The processor computes every stamp as
# index / fps, so with this rate it is the frame's own time that the model reads, whatever the source's frame rate does.
CLOCK_RATE = 1000


def engine_prompt(request: GenerationRequest, timestamps: Timestamps, item_id: str) -> dict[str, Any]:
    """The renderer's input.

    Args:
        timestamps: whether the model reads times of the source, or from the chunk's start.
        item_id: a name for the video that was never used before: vLLM takes it instead of hashing the pixels, and takes
            two videos of one name for the same.
    """
    clip = request.clip
    text = render_prompt(request.prompt, request.system_prompt, with_video=clip is not None)
    if clip is None:
        return {"prompt": text}
    return {
        "prompt": text,
        "multi_modal_data": {"video": [(clip.pixels, video_metadata(clip, timestamps))]},
        "multi_modal_uuids": {"video": [item_id]},
        # The frames come in the size that the budget gave them; a second resize would cost time and sharpness.
        "mm_processor_kwargs": {"do_resize": False},
    }


def video_metadata(clip: Clip, timestamps: Timestamps) -> dict[str, Any]:
    """What the processor is told about the frames: that they are sampled already, and when each is shown."""
    indices = frame_indices(clip.times, zero_of(clip, timestamps))
    total = indices[-1] + 1
    return {
        "fps": float(CLOCK_RATE),
        "frames_indices": indices,
        "total_num_frames": total,
        "duration": total / CLOCK_RATE,
        "video_backend": "pyav",
        "do_sample_frames": False,
    }


def zero_of(clip: Clip, timestamps: Timestamps) -> float:
    """The second of source time that the model's times count from."""
    return clip.start_time if timestamps == "relative" else 0.0


def frame_indices(times: Sequence[float], zero: float) -> list[int]:
    """Where frames at `times` (source seconds) stand on the clock that begins at `zero`, in milliseconds."""
    # The picture on show at a chunk's start may be older than the chunk; it is seen from the start on.
    return [max(0, round((time - zero) * CLOCK_RATE)) for time in times]
