"""Counting text without an engine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from consumer.demo.model_path import demo_model
from consumer.inference.prompts import text_tokens
from consumer.inference.stamps import StampCosts, stamp_costs
from consumer.inference.tokenizer import approximate_tokens, text_counter
from consumer.settings import Settings

PROSE = (
    "Describe what happens in this video. Say when each person enters or leaves the room, and what they carry; "
    "give times as [m:ss]. Do not guess: if something cannot be seen, say so."
)


def settings(model: str) -> Settings:
    return Settings.model_validate({"model_name": model})


def test_a_model_at_hand_counts_exactly() -> None:
    counter = text_counter(settings(str(demo_model())))
    tokenizer = Tokenizer.from_file(str(demo_model() / "tokenizer.json"))
    assert counter.exact
    assert counter.count(PROSE) == len(tokenizer.encode(PROSE, add_special_tokens=False).ids)
    assert counter.count("<|video_pad|>") == 1


@pytest.mark.parametrize("name", ["somebody/never-heard-of", "no name", "."])
def test_without_a_vocabulary_it_is_about(name: str) -> None:
    counter = text_counter(settings(name))
    assert (counter.exact, counter.count) == (False, approximate_tokens)


def test_a_directory_without_a_vocabulary_has_none(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({}))
    assert not text_counter(settings(str(tmp_path))).exact


def test_the_vocabulary_of_qwen_s_authors_is_met() -> None:
    from tests.qwen_tokenizer import encoder

    # The stamps exactly, so that only the prompt's own words are about.
    assert stamp_costs(approximate_tokens) == stamp_costs(encoder()) == StampCosts(7)
    for prompt in (PROSE, "What?", "Summarise the talk in ten sentences.", 'List every event as JSON: {"t": 1.5}'):
        exact = text_tokens(encoder(), prompt, None)
        assert text_tokens(approximate_tokens, prompt, None) == pytest.approx(exact, rel=0.15, abs=3)
