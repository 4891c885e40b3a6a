"""The model instead of Kafka."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog

from tests.model import clients


@pytest.fixture
def model_clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = structlog.get_config()
    clients.install(monkeypatch)
    yield
    structlog.configure(**before)
