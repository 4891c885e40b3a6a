"""What a chunk costs is never less than the engine counts, and a budget that was given out always fits."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from consumer.errors import ErrorCode, PermanentError
from consumer.inference.budget import (
    MIN_FRAMES,
    MIN_PAIR_TOKENS,
    chunk_need,
    fit_vision_tokens,
    fits,
    stamp_tokens,
    vision_tokens,
)
from consumer.inference.engine import EngineLimits

LIMITS = EngineLimits(131_072, 24_576)


@pytest.mark.parametrize(
    ("frames", "height", "width", "tokens"),
    [(120, 320, 608, 11_400), (120, 416, 768, 18_720), (40, 192, 192, 720), (4, 64, 64, 8), (5, 64, 64, 12)],
)
def test_vision_tokens(frames: int, height: int, width: int, tokens: int) -> None:
    assert vision_tokens(frames, height, width) == tokens


def test_need_adds_up() -> None:
    need = chunk_need(frames=120, height=320, width=608, prompt_tokens=30, max_tokens=512)
    assert need.item == 11_400 + stamp_tokens(120)
    assert need.total == need.item + 30 + 512


def test_an_item_must_fit_into_one_step() -> None:
    need = chunk_need(frames=4, height=64, width=64, prompt_tokens=30, max_tokens=512)
    assert fits(need, EngineLimits(need.total, need.item))
    assert not fits(need, EngineLimits(need.total - 1, need.item))
    assert not fits(need, EngineLimits(need.total, need.item - 1))


def test_the_job_s_own_limit_holds_where_there_is_room() -> None:
    budget = fit_vision_tokens(LIMITS, prompt_tokens=30, max_tokens=512, frames=120, max_vision_tokens=18_000)
    assert budget == 18_000


def test_more_frames_than_can_be_shown() -> None:
    tight = EngineLimits(2048, 2048)
    budget = fit_vision_tokens(tight, prompt_tokens=100, max_tokens=200, frames=768, max_vision_tokens=18_000)
    pairs = budget // MIN_PAIR_TOKENS
    assert pairs < 384
    assert budget + stamp_tokens(2 * pairs) <= 2048 - 300


def test_no_room_names_all_that_can_be_changed() -> None:
    with pytest.raises(PermanentError) as caught:
        fit_vision_tokens(EngineLimits(1024, 512), prompt_tokens=600, max_tokens=512, frames=4, max_vision_tokens=100)
    assert caught.value.code is ErrorCode.BUDGET_TOO_SMALL
    for word in ("MAX_MODEL_LEN (1024)", "MAX_NUM_BATCHED_TOKENS (512)", "max_tokens (512)", "max_vision_tokens (100)"):
        assert word in caught.value.message


@given(
    model_len=st.integers(256, 200_000),
    step=st.integers(256, 50_000),
    prompt_tokens=st.integers(1, 5000),
    max_tokens=st.integers(1, 5000),
    frames=st.integers(2, 384).map(lambda pairs: 2 * pairs),
    max_vision=st.integers(64, 60_000),
    pair_tokens=st.integers(MIN_PAIR_TOKENS, 2000),
)
def test_any_clip_within_the_budget_fits(
    model_len: int, step: int, prompt_tokens: int, max_tokens: int, frames: int, max_vision: int, pair_tokens: int
) -> None:
    limits = EngineLimits(model_len, step)
    try:
        budget = fit_vision_tokens(
            limits, prompt_tokens=prompt_tokens, max_tokens=max_tokens, frames=frames, max_vision_tokens=max_vision
        )
    except PermanentError:
        assume(False)
    assert budget <= max_vision
    shown = 2 * min(frames // 2, budget // pair_tokens)
    assume(shown >= MIN_FRAMES)
    need = chunk_need(
        frames=shown, height=32, width=32 * pair_tokens, prompt_tokens=prompt_tokens, max_tokens=max_tokens
    )
    assert need.vision <= budget
    assert fits(need, limits)
