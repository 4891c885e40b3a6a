"""Recovery of one record in slices: the reading that goes on from turn to turn, and its failures."""

from __future__ import annotations

from dataclasses import dataclass

from confluent_kafka import KafkaException

from consumer.errors import TransientError
from consumer.events.codec import EventError
from consumer.stream.clients import reader_config
from consumer.stream.effects import ReadBack as ReadBackEffect
from consumer.stream.readback import ReadBack
from consumer.stream.tools import Tools
from consumer.stream.values import Published

SLICE_SECONDS = 0.05


class RecoveryError(Exception):
    """The log cannot be read now; to be begun anew later."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """What committed readers see of the record: its chunk results, and whether its final event is there."""

    published: tuple[Published, ...]
    finished: bool


class Recovery:
    """The reading of one partition; none is open between two records."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._reading: ReadBack | None = None

    def step(self, effect: ReadBackEffect) -> Recovered | None:
        """Read on for a moment; None: there is more to read.

        Raises:
            RecoveryError: broker or registry are away, or a result of this very record was written by a newer version
                with a schema that is unknown here. To go on without it would publish its chunk twice, so the record
                waits, and no attempt is spent.
        """
        tools = self._tools
        try:
            if self._reading is None:
                self._reading = ReadBack(
                    config=reader_config(tools.settings),
                    admin=tools.admin,
                    codec=tools.codec,
                    topics=tools.topics,
                    record=effect.record,
                    results_from=effect.results_from,
                    clock=tools.clock,
                )
            if not self._reading.advance(SLICE_SECONDS):
                return None
        except (KafkaException, TransientError, EventError) as error:
            self.stop()
            raise RecoveryError(str(error.args[0])) from None
        found = Recovered(self._reading.published, self._reading.finished)
        self.stop()
        return found

    def stop(self) -> None:
        """Let go of the reader, if there is one."""
        if self._reading is not None:
            self._reading.close()
            self._reading = None
