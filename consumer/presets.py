"""Settings for common cards, derived from the size of Qwen3-VL-8B and of the card's memory; pure.

Counted exactly: parameters, bytes of the weights, bytes of keys and values a token. Estimated, generously: what vLLM
needs besides. vLLM measures that itself when it starts, and takes what is left for keys and values.
"""

from __future__ import annotations

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
MARGIN = 0.9
"""Of the tokens that are expected to fit: the rest is for what the estimates leave out."""

CONTEXT_BYTES = 10**9
"""CUDA's own, graphs, logits; a card."""

STEP_BYTES_A_TOKEN = 2 * (3 * MLP + 4 * HIDDEN)
"""What the widest layer holds for each token of a step, bfloat16: both halves of the MLP and their product, and four
hidden states."""

VISION_BYTES_A_TOKEN = 2 * PATCHES_A_TOKEN * (PATCH + 6 * VISION_HIDDEN + 2 * VISION_MLP)
"""The same for the vision tower, which runs before and in the same place: pixels, queries, keys and values, three
hidden states, the MLP before and after its activation."""

ENCODED_BYTES_A_TOKEN = 2 * HIDDEN * (1 + DEEPSTACK)
"""A token of a video that was encoded and waits: its state and those for the first layers."""

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
        kv_tokens: tokens whose keys and values are expected to fit.
        step_tokens: of an engine step.
        max_model_len: tokens of one request.
        chunks: of the default size that fit at once.
    """

    model_name: str
    weights_bytes: int
    kv_tokens: int
    step_tokens: int
    max_model_len: int
    chunks: int

    @property
    def settings(self) -> dict[str, Any]:
        """By the settings' names."""
        return {
            "model_name": self.model_name,
            "gpu_memory_utilization": UTILIZATION,
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


def beside_bytes(step_tokens: int) -> int:
    """What a step's video takes that vLLM does not foresee, since it encodes none when it measures: for that, the rest
    of the card that GPU_MEMORY_UTILIZATION leaves must do."""
    return step_tokens * (max(0, VISION_BYTES_A_TOKEN - STEP_BYTES_A_TOKEN) + ENCODED_BYTES_A_TOKEN)


def preset(name: PresetName, cards: int = 1) -> Preset:
    """The preset of that name, for one card or for several that share the model (TENSOR_PARALLEL_SIZE)."""
    size, _, kind = name.partition("-")
    model_name, memory = MODELS[kind], CARDS[size] * MIB
    weights = weights_bytes(kind)
    free = cards * (UTILIZATION * memory - CONTEXT_BYTES) - weights
    rooms = {step: int((free - cards * step * STEP_BYTES_A_TOKEN) / KV_BYTES_A_TOKEN * MARGIN) for step in STEPS}
    reserve = (1 - UTILIZATION) * memory
    step = next(
        (
            step
            for step, tokens in rooms.items()
            if tokens >= 2 * min(step, CHUNK_TOKENS) and beside_bytes(step) <= reserve
        ),
        STEPS[-1],
    )
    tokens = rooms[step]
    return Preset(
        model_name=model_name,
        weights_bytes=weights,
        kv_tokens=tokens,
        step_tokens=step,
        max_model_len=min(LONGEST, tokens // 1024 * 1024),
        chunks=max(1, tokens // CHUNK_TOKENS),
    )
