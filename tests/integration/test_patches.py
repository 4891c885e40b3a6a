"""Patches that are normalised where the model runs are bit for bit the processor's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoVideoProcessor

from consumer.demo.model_path import demo_model
from consumer.inference.vllm_patches import byte_scale, normalized
from tests.unit.inference.test_vllm_patches import Tower


def patches(processor: Any, pixels: np.ndarray[Any, Any], **how: bool) -> Any:
    given = torch.from_numpy(pixels).permute(0, 3, 1, 2)
    done = processor([given], do_sample_frames=False, do_resize=False, return_tensors="pt", **how)
    return done["pixel_values_videos"]


@pytest.mark.parametrize("scale", [None, ([0.48, 0.45, 0.41], [0.27, 0.26, 0.28])])
def test_they_are_what_the_processor_makes(scale: tuple[list[float], list[float]] | None) -> None:
    processor = AutoVideoProcessor.from_pretrained(demo_model())
    if scale is not None:
        processor.image_mean, processor.image_std = scale
    pixels = np.random.default_rng(1).integers(0, 256, (6, 64, 96, 3), np.uint8)
    raw = patches(processor, pixels, do_rescale=False, do_normalize=False)
    assert raw.dtype == torch.uint8
    found = byte_scale(processor)
    assert found is not None
    assert torch.equal(normalized(raw, *found, Tower()), patches(processor, pixels).to(torch.bfloat16))
