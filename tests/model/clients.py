"""Puts the model's clients in the place of confluent-kafka's."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import structlog

from consumer.stream import control, loop, readback, transaction
from tests.model.admin import ModelAdmin
from tests.model.member import GroupMember
from tests.model.producer import ModelProducer
from tests.model.reader import Reader


def install(patch: pytest.MonkeyPatch) -> None:
    """Until `patch` is undone, the stream talks to the model; its log is silent for good."""
    for module in (loop, control, readback):
        patch.setattr(module, "Consumer", make_consumer)
    patch.setattr(loop, "AdminClient", ModelAdmin)
    patch.setattr(transaction, "Producer", ModelProducer)
    # The model's calls stand still in the greenlet of their process, which a thread of its own would leave.
    patch.setattr(transaction, "within", _at_once)
    patch.setattr(loop, "threading", SimpleNamespace(Event=threading.Event, Thread=ThreadAtOnce))
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("critical"))


class ThreadAtOnce:
    """Has done its work when it is started."""

    def __init__(self, *, target: Callable[[], object], **_: object) -> None:
        self._target = target

    def start(self) -> None:
        self._target()

    def join(self, _: float) -> None:
        """There is nothing to wait for."""


def make_consumer(config: dict[str, Any]) -> GroupMember | Reader:
    """Takes the place of `confluent_kafka.Consumer`; which kind it is, the configuration says."""
    return Reader(config) if config.get("enable.partition.eof") else GroupMember()


def _at_once(_: float, function: Callable[[], object]) -> None:
    function()
