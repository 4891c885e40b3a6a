"""Commands as a user calls them, on a machine where nothing is set."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from consumer.client import UploadError, store
from consumer.events.models import VideoJob
from consumer.settings import Settings
from tests.unit.client.fakes import CODEC, FakeKafka


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """Some commands handle signals, most configure logging; afterwards both are the tests' own again."""
    signals = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    root, kafka = logging.getLogger(), logging.getLogger("consumer.kafka")
    levels, handlers = (root.level, kafka.level), list(root.handlers)
    yield
    for number, handler in signals.items():
        signal.signal(number, handler)
    root.setLevel(levels[0])
    kafka.setLevel(levels[1])
    root.handlers[:] = handlers


class FakeBucket:
    """Takes every file but those called broken.mp4."""

    name = "videos"
    objects: dict[str, bytes]

    def __init__(self, settings: Settings) -> None:
        self.name = settings.s3_bucket

    def held(self, prefix: str, size: int) -> str | None:
        return next((key for key in self.objects if key.startswith(prefix)), None)

    def put(self, key: str, data: BinaryIO, size: int, content_type: str, told: Callable[[int], None]) -> None:
        if key.endswith("broken.mp4"):
            raise UploadError("The store is full.")
        self.objects[key] = data.read(size)
        told(size)


@pytest.fixture
def objects(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    FakeBucket.objects = {}
    monkeypatch.setattr(store, "Bucket", FakeBucket)
    return FakeBucket.objects


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch, objects: dict[str, bytes]) -> FakeKafka:
    return FakeKafka.installed(monkeypatch)


def sent(kafka: FakeKafka) -> list[VideoJob]:
    return [CODEC.decode(VideoJob, value) for _, _, value, _ in kafka.sent]
