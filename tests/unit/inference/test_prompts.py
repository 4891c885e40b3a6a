"""The chat form, and that no user text can speak in another role."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from consumer.inference.prompts import VIDEO_PLACEHOLDER, neutralize, prompt_digest, render_prompt

SPECIAL = ("<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|video_pad|>", "<|vision_start|>", "<|image_pad|>")
TEXT = st.lists(st.sampled_from([*SPECIAL, "<", "|", "<|", "|>", "<<|", "a", " ", "\n"])).map("".join)


def test_the_exact_form() -> None:
    assert (
        render_prompt("What?", "Be brief.", with_video=True) == "<|im_start|>system\nBe brief.<|im_end|>\n"
        "<|im_start|>user\n<|video_pad|>What?<|im_end|>\n<|im_start|>assistant\n"
    )
    assert render_prompt("What?", None, with_video=False) == (
        "<|im_start|>user\nWhat?<|im_end|>\n<|im_start|>assistant\n"
    )


def test_an_empty_system_prompt_is_none() -> None:
    assert render_prompt("What?", "", with_video=True) == render_prompt("What?", None, with_video=True)


@given(prompt=TEXT, system=TEXT)
def test_users_text_holds_no_special_token(prompt: str, system: str) -> None:
    rendered = render_prompt(prompt, system, with_video=True)
    found = re.findall(r"<\|\w+\|>", rendered)
    turn = ["<|im_start|>", "<|im_end|>"]
    assert found == [*(turn if system else []), "<|im_start|>", VIDEO_PLACEHOLDER, "<|im_end|>", "<|im_start|>"]


@given(TEXT)
def test_neutral_text_reads_the_same(text: str) -> None:
    neutral = neutralize(text)
    assert "<|" not in neutral
    assert neutral.replace(" ", "") == text.replace(" ", "")
    assert neutralize(neutral) == neutral


def test_ordinary_text_is_left_alone() -> None:
    assert neutralize("a < b | c, 5 > 3") == "a < b | c, 5 > 3"


def test_the_digest_tells_system_from_user() -> None:
    assert prompt_digest("a", "b") != prompt_digest("b", "a")
    assert prompt_digest("a", None) == prompt_digest("a", "")
    assert len(prompt_digest("a", None)) == 64
