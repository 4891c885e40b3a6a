from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from consumer.runpod.api import RunpodApi
from tests.runpod_server import RunpodServer


@pytest.fixture(scope="module")
def server() -> Iterator[RunpodServer]:
    with RunpodServer() as running:
        yield running


@pytest.fixture
def runpod(server: RunpodServer) -> RunpodServer:
    """The server with an empty account."""
    server.cloud = type(server.cloud)()
    return server


@pytest.fixture
def waits() -> list[float]:
    """Seconds that the client waited, one after the other."""
    return []


@pytest.fixture
def api(runpod: RunpodServer, waits: list[float]) -> Iterator[RunpodApi]:
    with RunpodApi(
        SecretStr(runpod.cloud.key), runpod.url, sleep=waits.append, draw=lambda: 1.0, seconds=5.0
    ) as client:
        yield client
