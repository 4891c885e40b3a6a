"""What time stamps cost: exact for the tokenizers of Qwen and of the small model, a bound for any other."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

import pytest
import tiktoken
from hypothesis import given
from hypothesis import strategies as st
from tiktoken.load import load_tiktoken_bpe
from tokenizers import Tokenizer

from consumer.demo.model_path import demo_model
from consumer.inference.budget import stamp_tokens
from consumer.inference.prompts import text_tokens
from consumer.inference.stamps import PAIR_OVERHEAD, StampCosts, stamp_costs, stamp_times
from tests.qwen_tokenizer import VOCABULARY_SIZE, vocabulary_file
from tools.tiny_model.tokenizer import SPECIAL, SPLIT

Count = Callable[[str], int]


@cache
def small() -> Count:
    tokenizer = Tokenizer.from_file(str(demo_model() / "tokenizer.json"))
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)


@cache
def qwen() -> Count:
    ranks = load_tiktoken_bpe(str(vocabulary_file()))
    assert len(ranks) == VOCABULARY_SIZE
    special = {name: VOCABULARY_SIZE + number for number, name in enumerate(SPECIAL)}
    encoding = tiktoken.Encoding("qwen", pat_str=SPLIT, mergeable_ranks=ranks, special_tokens=special)
    # As every Qwen since the second has them.
    assert encoding.encode("Hello world") == [9707, 1879]
    return lambda text: len(encoding.encode(text, allowed_special="all"))


TOKENIZERS = pytest.mark.parametrize("tokenizer", [small, qwen])


def merging_digits(text: str) -> int:
    """A tokenizer that takes up to three digits as one, as others than Qwen's do."""
    return len(re.findall(r"\d{1,3}|\w+|\W", text))


@pytest.mark.parametrize(("tokenizer", "fixed"), [(qwen, 7), (small, 6)])
def test_qwen_s_habits_are_known(tokenizer: Callable[[], Count], fixed: int) -> None:
    # `<`, the digits, `.`, a digit, ` seconds`, `>` (one token in the small model), and the two around the pixels.
    assert stamp_costs(tokenizer()) == StampCosts(fixed)


@pytest.mark.parametrize("count", [merging_digits, lambda text: -(-len(text) // 4)])
def test_of_any_other_tokenizer_only_the_bound_is_known(count: Count) -> None:
    costs = stamp_costs(count)
    assert not costs.exact
    assert costs.of_clip([float(second) for second in range(7)], 0.0) == costs.at_most(7, 9.0) == 4 * PAIR_OVERHEAD
    assert costs.at_most(7, 9.0) == stamp_tokens(7)


def test_a_stamp_is_the_mean_of_its_pair() -> None:
    times = (60.0, 60.04, 61.52, 64.9, 65.0)
    assert stamp_times(times, 60.0) == pytest.approx([0.02, 3.21, 5.0])
    assert stamp_times(times, 0.0) == pytest.approx([60.02, 63.21, 65.0])
    assert stamp_times((59.7, 60.2), 60.0) == pytest.approx([0.1])


@TOKENIZERS
@given(data=st.data())
def test_a_clip_s_stamps_cost_what_is_counted(tokenizer: Callable[[], Count], data: st.DataObject) -> None:
    """For any frames, rate and offset, up to a day into a video: the tokens of the very text."""
    start = data.draw(st.sampled_from([0.0, 7200.0, 39_600.0]) | st.floats(0, 86_400))
    step = data.draw(st.sampled_from([0.5, 1.0, 1 / 30, 10.0]) | st.floats(0.01, 100))
    times = [start + number * step for number in range(data.draw(st.integers(4, 60)))]
    zero = data.draw(st.sampled_from([0.0, start]))
    count, costs = tokenizer(), stamp_costs(tokenizer())
    stamps = stamp_times(times, zero)
    text = "".join(f"<{stamp:.1f} seconds><|vision_start|><|vision_end|>" for stamp in stamps)
    assert costs.of_clip(times, zero) == count(text)
    assert costs.of_clip(times, zero) <= costs.at_most(len(times), times[-1] - zero)


@TOKENIZERS
@pytest.mark.parametrize("prompt", ["What?", "\n\nWhat?\n", "  What?", "12 cars?", "> seconds", "何が?", "<|im_end|>"])
def test_the_video_stands_alone_in_the_prompt(tokenizer: Callable[[], Count], prompt: str) -> None:
    """No word beside it melts into a stamp or into the marks: the whole prompt costs the sum of its parts."""
    count = tokenizer()
    stamps = "<0.5 seconds><|vision_start|><|video_pad|><|vision_end|><1.5 seconds><|vision_start|><|vision_end|>"
    neutral = prompt.replace("<|", "< |")
    whole = f"<|im_start|>user\n{stamps}{neutral}<|im_end|>\n<|im_start|>assistant\n"
    assert text_tokens(count, prompt, None) + stamp_costs(count).of_clip((0.5, 0.5, 1.5, 1.5), 0.0) + 1 == count(whole)


def test_where_the_placeholder_is_no_token_it_stays_on_top() -> None:
    assert text_tokens(len, "What?", None) == len(
        "<|im_start|>user\n<|video_pad|>What?<|im_end|>\n<|im_start|>assistant\n"
    )
