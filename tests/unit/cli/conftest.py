"""Commands as a user calls them, on a machine where nothing is set."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from consumer.settings import Settings


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """Some commands handle SIGTERM, most configure logging; afterwards both are the tests' own again."""
    handler = signal.getsignal(signal.SIGTERM)
    root, kafka = logging.getLogger(), logging.getLogger("consumer.kafka")
    levels, handlers = (root.level, kafka.level), list(root.handlers)
    yield
    signal.signal(signal.SIGTERM, handler)
    root.setLevel(levels[0])
    kafka.setLevel(levels[1])
    root.handlers[:] = handlers
