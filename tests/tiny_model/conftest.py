"""A model directory without weights, made once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tools.tiny_model.shape import SMOKE
from tools.tiny_model.tokenizer import Tokens, build_directory
from tools.tiny_model.vocabulary import corpus


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tiny-model")
    build_directory(made, SMOKE, corpus(1))
    return made


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Threads of torch that wait for each other take long where other tests run beside them."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tokens(directory: Path) -> Tokens:
    return Tokens(directory)
