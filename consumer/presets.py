"""Settings for common cards, derived from the size of Qwen3-VL-8B and of the card's memory; pure.

Counted exactly: parameters, bytes of the weights, bytes of keys and values a token. Estimated, generously: what vLLM
needs besides. vLLM measures that itself when it starts, and takes what is left for keys and values.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

MIB = 2**20

# Qwen3-VL-8B's language model (Qwen3-8B): config.json of the checkpoint.
LAYERS, HIDDEN, MLP, VOCABULARY = 36, 4096, 12_288, 151_936
QUERY_HEADS, KV_HEADS, HEAD = 32, 8, 128
# Its vision tower: patches of 16 x 16 pixels of two frames, four of which become one token.
VISION_LAYERS, VISION_HIDDEN, VISION_MLP, POSITIONS = 27, 1152, 4304, 2304
PATCH, PATCHES_A_TOKEN, DEEPSTACK = 3 * 2 * 16 * 16, 4, 3

LINEAR_PARAMETERS = LAYERS * (2 * HIDDEN * QUERY_HEADS * HEAD + 2 * HIDDEN * KV_HEADS * HEAD + 3 * HIDDEN * MLP)
"""Those that the FP8 checkpoint holds as one byte: the language model's layers, without norms, words and vision."""

KV_BYTES_A_TOKEN = 2 * LAYERS * KV_HEADS * HEAD * 2
"""Keys and values, bfloat16: 147,456 bytes."""

UTILIZATION = 0.90
"""Of a card's memory for vLLM, at most."""

MARGIN = 0.9
"""Of the tokens that are expected to fit: the rest is for what the estimates leave out."""

CONTEXT_BYTES = 10**9
"""CUDA's own, graphs, logits; a card."""

STEP_BYTES_A_TOKEN = 2 * (3 * MLP + 4 * HIDDEN)
"""What the widest layer holds for each token of a step, bfloat16: both halves of the MLP and their product, and four
hidden states."""

BESIDE_BYTES_A_TOKEN = 191_000
"""What the videos of a step take beyond GPU_MEMORY_UTILIZATION, a token of the step: vLLM measures without any.

Measured on an H100 of 80 GB with steps of 24,576 tokens, in which two videos of 10,800 were encoded: 4.4 GiB."""

GPU_DECODERS = 14
"""Chunks that a card decodes side by side. More give little more: 8 reach 215 times real time, 14 232, 16 253 (H100,
`tests/benchmarks/decoding.py`)."""

DECODERS = {"24gb": 4, "48gb": 8, "80gb": GPU_DECODERS, "141gb": GPU_DECODERS}
DECODER_BYTES, DECODERS_BYTES = 130 * MIB, 500 * MIB
"""What a decoder takes on the card, and what all of them do together (CUDA's own): 14 took 2.2 GiB for 1080p."""

CHUNK_TOKENS = 18_000 + 60 * 12
"""A chunk by default: 18,000 vision tokens, and the time stamps of 60 pairs of frames."""

LONGEST, MOST_CHUNKS = 131_072, 64
STEPS = (24_576, 16_384, 8_192)
"""Tokens of a step: the largest that leaves room for two of them, or for two chunks."""

CARDS = {"24gb": 23_028, "48gb": 46_068, "80gb": 81_559, "141gb": 143_771}
"""MiB that `nvidia-smi` tells, of the smallest of a kind: A10G (L4, RTX 4090), L40S (A40, RTX 6000 Ada), H100 (A100),
H200."""

PresetName = Literal[
    "24gb-bf16", "24gb-fp8", "48gb-bf16", "48gb-fp8", "80gb-bf16", "80gb-fp8", "141gb-bf16", "141gb-fp8"
]
PRESETS: tuple[PresetName, ...] = get_args(PresetName)

MODELS = {"bf16": "Qwen/Qwen3-VL-8B-Instruct", "fp8": "Qwen/Qwen3-VL-8B-Instruct-FP8"}


@dataclass(frozen=True, slots=True)
class Preset:
    """What fits on a card.

    Args:
        weights_bytes: on all cards together.
        utilization: share of the card for vLLM.
        decoders: chunks that the card decodes side by side.
        kv_tokens: tokens whose keys and values are expected to fit.
        step_tokens: of an engine step.
        max_model_len: tokens of one request.
        chunks: of the default size that fit at once.
    """

    model_name: str
    weights_bytes: int
    utilization: float
    decoders: int
    kv_tokens: int
    step_tokens: int
    max_model_len: int
    chunks: int

    @property
    def settings(self) -> dict[str, Any]:
        """By the settings' names."""
        return {
            "model_name": self.model_name,
            "gpu_memory_utilization": self.utilization,
            # 0 is as many as that; without a card's decoders it is as many as there are cores.
            "decoders": 0 if self.decoders == GPU_DECODERS else self.decoders,
            "max_model_len": self.max_model_len,
            "max_num_batched_tokens": self.step_tokens,
            # As many again are decoded and rendered meanwhile.
            "max_concurrent_chunks": min(MOST_CHUNKS, max(4, 2 * self.chunks)),
        }


def parameters() -> int:
    """Of Qwen3-VL-8B, counted from its shapes."""
    norms = LAYERS * (2 * HIDDEN + 2 * HEAD) + HIDDEN
    language = LINEAR_PARAMETERS + norms + 2 * VOCABULARY * HIDDEN
    width, merged = VISION_HIDDEN, VISION_HIDDEN * PATCHES_A_TOKEN
    layer = (
        4 * width + (width + 1) * 3 * width + (width + 1) * width + (width + 1) * VISION_MLP + (VISION_MLP + 1) * width
    )
    merger = (merged + 1) * merged + (merged + 1) * HIDDEN
    mergers = (1 + DEEPSTACK) * merger + 2 * width + DEEPSTACK * 2 * merged
    vision = (PATCH + 1) * width + POSITIONS * width + VISION_LAYERS * layer + mergers
    return language + vision


def weights_bytes(kind: str) -> int:
    """Of the checkpoint: `bf16`, or `fp8` with a scale (4 bytes) for each 128 x 128 block."""
    if kind == "bf16":
        return 2 * parameters()
    return LINEAR_PARAMETERS + 4 * LINEAR_PARAMETERS // 128**2 + 2 * (parameters() - LINEAR_PARAMETERS)


def beside_bytes(step_tokens: int, decoders: int) -> int:
    """What is on a card beside what vLLM foresees: a step's videos, and the decoders."""
    return step_tokens * BESIDE_BYTES_A_TOKEN + DECODERS_BYTES + decoders * DECODER_BYTES


def utilization(memory: int, step_tokens: int, decoders: int) -> float:
    """The share of a card's memory (bytes) that vLLM may take, in hundredths."""
    return min(UTILIZATION, math.floor(100 * (1 - beside_bytes(step_tokens, decoders) / memory)) / 100)


def preset(name: PresetName, cards: int = 1) -> Preset:
    """The preset of that name, for one card or for several that share the model (TENSOR_PARALLEL_SIZE)."""
    size, _, kind = name.partition("-")
    model_name, memory = MODELS[kind], CARDS[size] * MIB
    weights = weights_bytes(kind)
    decoders = DECODERS[size]

    def room(step: int) -> int:
        free = cards * (utilization(memory, step, decoders) * memory - CONTEXT_BYTES - step * STEP_BYTES_A_TOKEN)
        return int((free - weights) / KV_BYTES_A_TOKEN * MARGIN)

    step = next((step for step in STEPS if room(step) >= 2 * min(step, CHUNK_TOKENS)), STEPS[-1])
    tokens = room(step)
    return Preset(
        model_name=model_name,
        weights_bytes=weights,
        utilization=utilization(memory, step, decoders),
        decoders=decoders,
        kv_tokens=tokens,
        step_tokens=step,
        max_model_len=min(LONGEST, tokens // 1024 * 1024),
        chunks=max(1, tokens // CHUNK_TOKENS),
    )
