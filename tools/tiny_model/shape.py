"""How large the model is, and the configuration files that say so to transformers and vLLM (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

PATCH = 16
CELL = 2 * PATCH
"""Pixels a side of what becomes one token of a pair of frames."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of both towers. The defaults make 10.9 MB in bfloat16.

    Heads have 64 dimensions in both towers, which vLLM's attention on the CPU wants. `rope_theta` is large: with a
    small one, hardly a dimension of a head of 64 is left that a distance of 3,000 tokens does not turn, and a merge of
    twelve chunks has to find a line by its content over that distance.
    """

    vocabulary: int = 1024
    context: int = 16_384
    hidden: int = 256
    layers: int = 7
    heads: int = 4
    key_heads: int = 2
    inner: int = 448
    rope_theta: float = 1_000_000.0
    vision_hidden: int = 128
    vision_layers: int = 3
    vision_heads: int = 2
    vision_inner: int = 256
    deepstack: tuple[int, ...] = (1,)
    grid: int = 12
    """Patches a side of the picture: 192 pixels need no interpolation of the learned positions."""


SMOKE = Shape(hidden=64, layers=4, heads=2, key_heads=1, inner=96, vision_hidden=64, vision_layers=2, vision_heads=1)
"""A model that can be trained for a few steps in a test."""


def model_config(shape: Shape, ids: dict[str, int]) -> dict[str, Any]:
    """config.json; `ids` are the special tokens' by their text."""
    head = 64
    text = {
        "model_type": "qwen3_vl_text",
        "hidden_size": shape.hidden,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.key_heads,
        "head_dim": head,
        "intermediate_size": shape.inner,
        "vocab_size": shape.vocabulary,
        "max_position_embeddings": shape.context,
        "rope_theta": shape.rope_theta,
        # The three add up to half of a head.
        "rope_scaling": {"mrope_interleaved": True, "mrope_section": [12, 10, 10], "rope_type": "default"},
        "rms_norm_eps": 1e-6,
        "hidden_act": "silu",
        "attention_bias": False,
        "attention_dropout": 0.0,
        "initializer_range": 0.02,
        "use_cache": True,
        "bos_token_id": ids["<|endoftext|>"],
        "eos_token_id": ids["<|im_end|>"],
        "pad_token_id": None,
        "tie_word_embeddings": True,
        "dtype": "bfloat16",
    }
    vision = {
        "model_type": "qwen3_vl",
        "depth": shape.vision_layers,
        "hidden_size": shape.vision_hidden,
        "num_heads": shape.vision_heads,
        "intermediate_size": shape.vision_inner,
        "out_hidden_size": shape.hidden,
        "deepstack_visual_indexes": list(shape.deepstack),
        "num_position_embeddings": shape.grid**2,
        "hidden_act": "gelu_pytorch_tanh",
        "in_channels": 3,
        "initializer_range": 0.02,
        "patch_size": PATCH,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
    }
    return {
        "architectures": ["Qwen3VLForConditionalGeneration"],
        "model_type": "qwen3_vl",
        "image_token_id": ids["<|image_pad|>"],
        "video_token_id": ids["<|video_pad|>"],
        "vision_start_token_id": ids["<|vision_start|>"],
        "vision_end_token_id": ids["<|vision_end|>"],
        # Here and in text_config: loaders look at either.
        "tie_word_embeddings": True,
        "text_config": text,
        "vision_config": vision,
        "dtype": "bfloat16",
        "transformers_version": "4.57.0",
    }


def processor_configs(ids: dict[str, int]) -> dict[str, dict[str, Any]]:
    """The other JSON files of a model directory, by name, without the tokenizer's."""
    common = {
        "patch_size": PATCH,
        "temporal_patch_size": 2,
        "merge_size": 2,
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
        "processor_class": "Qwen3VLProcessor",
    }
    return {
        "preprocessor_config.json": {
            "size": {"longest_edge": 16_777_216, "shortest_edge": 1024},
            "image_processor_type": "Qwen2VLImageProcessorFast",
            **common,
        },
        "video_preprocessor_config.json": {
            # With a larger shortest_edge, which counts the pixels of all frames, short clips are enlarged.
            "size": {"longest_edge": 25_165_824, "shortest_edge": 4096},
            "video_processor_type": "Qwen3VLVideoProcessor",
            "fps": 2,
            "min_frames": 4,
            "max_frames": 768,
            **common,
        },
        "generation_config.json": {
            "bos_token_id": ids["<|endoftext|>"],
            "pad_token_id": ids["<|endoftext|>"],
            "do_sample": False,
            "eos_token_id": [ids["<|im_end|>"], ids["<|endoftext|>"]],
        },
    }
