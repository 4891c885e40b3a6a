"""What the presets were derived from, checked against what is known of the checkpoints and of the cards."""

from __future__ import annotations

import pytest

from consumer import presets
from consumer.events.models import VideoJob
from consumer.inference.budget import chunk_need, fits, stamp_tokens
from consumer.inference.engine import EngineLimits
from consumer.presets import CARDS, MODELS, PRESETS, PresetName, beside_bytes, parameters, preset, weights_bytes
from consumer.settings import Settings, load_settings

GB = 10**9


def test_sizes_of_the_model() -> None:
    """`total_size` in the index of Qwen/Qwen3-VL-8B-Instruct; the FP8 checkpoint's files have 10.6 GB together."""
    assert parameters() == 8_767_123_696
    assert weights_bytes("bf16") == 17_534_247_392
    assert weights_bytes("fp8") == pytest.approx(10.6 * GB, rel=0.005)
    assert presets.KV_BYTES_A_TOKEN == 147_456


def test_the_chunk_is_the_default_one() -> None:
    job = VideoJob.model_fields
    frames = int(Settings().chunk_duration * job["fps"].default)
    assert job["max_vision_tokens"].default + stamp_tokens(frames) == presets.CHUNK_TOKENS


def test_each_name_is_a_card_and_its_weights() -> None:
    assert tuple(f"{card}-{kind}" for card in CARDS for kind in MODELS) == PRESETS


@pytest.mark.parametrize("cards", [1, 2])
@pytest.mark.parametrize("name", PRESETS)
def test_weights_keys_values_and_a_step_fit_on_the_card(name: PresetName, cards: int) -> None:
    found = preset(name, cards)
    memory = CARDS[name.partition("-")[0]] * 2**20
    step = found.step_tokens * presets.STEP_BYTES_A_TOKEN
    held = found.weights_bytes + found.kv_tokens * presets.KV_BYTES_A_TOKEN + cards * (presets.CONTEXT_BYTES + step)
    assert held < cards * found.utilization * memory
    assert found.utilization <= 0.9
    assert beside_bytes(found.step_tokens, found.decoders) <= (1 - found.utilization) * memory
    assert 8192 <= found.max_model_len <= found.kv_tokens
    assert found.max_model_len % 1024 == 0


def test_what_was_measured_on_a_card() -> None:
    """H100, steps of 24,576 tokens: 77,450 MiB were vLLM's, of which it had planned 72,970; 14 decoders had 2,283."""
    assert beside_bytes(24_576, 0) - presets.DECODERS_BYTES == pytest.approx((77_450 - 72_970) * 2**20, rel=0.01)
    assert beside_bytes(0, 14) == pytest.approx(2_283 * 2**20, rel=0.02)


@pytest.mark.parametrize("name", PRESETS)
def test_a_default_chunk_fits_except_on_the_smallest_card(name: PresetName) -> None:
    found = preset(name)
    need = chunk_need(frames=120, height=32, width=300 * 32, prompt_tokens=500, max_tokens=512)
    assert need.vision == 18_000
    assert fits(need, EngineLimits(found.max_model_len, found.step_tokens)) is not name.startswith("24gb")


def test_more_memory_is_more_room() -> None:
    for kind in MODELS:
        rooms = [preset(f"{card}-{kind}").kv_tokens for card in CARDS]  # type: ignore[arg-type]
        assert rooms == sorted(rooms)
    for card in CARDS:
        assert preset(f"{card}-bf16").kv_tokens < preset(f"{card}-fp8").kv_tokens  # type: ignore[arg-type]


@pytest.mark.parametrize("name", PRESETS)
def test_each_is_valid_settings(name: PresetName) -> None:
    found = load_settings(environment={"PRESET": name})
    for field, value in preset(name).settings.items():
        assert getattr(found.settings, field) == value
        assert found.origins[field] == f"preset {name}"
