from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from consumer.runpod.api import RunpodApi
from tests.runpod_server import Cloud, RunpodServer


@pytest.fixture(scope="module")
def server() -> Iterator[RunpodServer]:
    with RunpodServer() as running:
        yield running


@pytest.fixture(scope="module")
def waited() -> list[float]:
    return []


@pytest.fixture(scope="module")
def client(server: RunpodServer, waited: list[float]) -> Iterator[RunpodApi]:
    """One for a module: making one reads all certificates of the world."""
    key = SecretStr(server.cloud.key)
    with RunpodApi(key, server.url, sleep=waited.append, draw=lambda: 1.0, seconds=5.0) as made:
        yield made


@pytest.fixture
def runpod(server: RunpodServer) -> RunpodServer:
    """The server with an empty account."""
    server.cloud = Cloud()
    return server


@pytest.fixture
def waits(waited: list[float]) -> list[float]:
    """Seconds that the client waited, one after the other."""
    waited.clear()
    return waited


@pytest.fixture
def api(client: RunpodApi, runpod: RunpodServer, waits: list[float]) -> RunpodApi:
    """A client of that account."""
    return client
