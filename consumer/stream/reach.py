"""Whether a broker can be reached at all, asked only when there is reason to doubt it.

All partitions share one thread, and each call of a transactional producer waits for its own deadline. With the broker
away that is ten seconds a partition, one after another, also for a while after it came back.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

ASK_SECONDS = 1.0
SLOW_SECONDS = 2.0


class Reach:
    """After a step that took suspiciously long, lets no other begin before a broker has answered.

    Args:
        ask: a short question to any broker; raises KafkaException where none answers.
    """

    def __init__(self, ask: Callable[[], object], clock: Callable[[], float] = time.monotonic) -> None:
        self._ask, self._clock = ask, clock
        self._doubt = False

    @classmethod
    def of(cls, admin: AdminClient, topic: str, clock: Callable[[], float]) -> Reach:
        """Asks for the metadata of a topic."""
        return cls(lambda: admin.list_topics(topic, timeout=ASK_SECONDS), clock)

    def guard(self, step: Callable[[], bool]) -> bool:
        """Carry out `step` if a broker is there; returns what it returns, else False."""
        if self._doubt:
            try:
                self._ask()
            except KafkaException:
                return False
        began = self._clock()
        done = step()
        self._doubt = self._clock() - began > SLOW_SECONDS
        return done
