"""Any text comes back from its tokens, and the world's phrases are one token each."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.tiny_model.shape import SMOKE, Shape
from tools.tiny_model.tokenizer import PHRASES, SPECIAL, Tokens, build_directory
from tools.tiny_model.vocabulary import corpus


@pytest.fixture(scope="module")
def pieces(tokens: Tokens) -> st.SearchStrategy[str]:
    return st.lists(st.text(max_size=8) | st.sampled_from(PHRASES) | st.sampled_from(SPECIAL), max_size=6).map("".join)


@given(data=st.data())
def test_a_text_comes_back(tokens: Tokens, pieces: st.SearchStrategy[str], data: st.DataObject) -> None:
    text = data.draw(pieces)
    # The tokenizer writes letters with accents in one way, as Qwen's does.
    if unicodedata.is_normalized("NFC", text):
        assert tokens.decode(tokens.encode(text)) == text


def test_a_line_is_a_few_tokens(tokens: Tokens) -> None:
    assert [tokens.decode([one]) for one in tokens.encode("marker 07\n[12.2s] an orange star enters from the top")] == [
        *("marker ", "0", "7", "\n[", "1", "2", ".", "2", "s] an", " orange star", " enters from the top"),
    ]


def test_each_phrase_is_one_token_of_its_own(tokens: Tokens) -> None:
    encoded = [tokens.encode(phrase) for phrase in (*PHRASES, *SPECIAL)]
    assert all(len(ids) == 1 for ids in encoded)
    assert len({ids[0] for ids in encoded}) == len(PHRASES) + len(SPECIAL)
    assert tokens.count <= SMOKE.vocabulary


def test_a_seed_is_a_tokenizer(directory: Path, tmp_path: Path) -> None:
    build_directory(tmp_path, SMOKE, corpus(1))
    for path in directory.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_the_configuration_agrees_with_the_tokens(directory: Path, tokens: Tokens) -> None:
    config = json.loads((directory / "config.json").read_text())
    assert config["video_token_id"] == tokens.pixel
    assert config["vision_end_token_id"] == tokens.pair_end
    assert config["text_config"]["eos_token_id"] == tokens.end
    assert sum(config["text_config"]["rope_scaling"]["mrope_section"]) * 2 == config["text_config"]["head_dim"]


def test_a_vocabulary_that_is_too_small_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        build_directory(tmp_path, Shape(vocabulary=200), ["a text"])
