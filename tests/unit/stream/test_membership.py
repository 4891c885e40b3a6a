"""What ends a process that is a member of a group, and how long it waits for its own instance id."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import KafkaError

from consumer.errors import ConfigurationError, FencedError
from consumer.settings import Settings
from consumer.stream.clients import admin_config, consumer_config, producer_config, reader_config
from consumer.stream.membership import (
    LONGEST_SESSION_SECONDS,
    MARGIN_SECONDS,
    InstanceHeldError,
    ending,
    patience_seconds,
    while_held,
)

SETTINGS = Settings(kafka_group_id="video", kafka_group_instance_id="pod-1")
# As librdkafka 2.16 words it, by protocol.
FENCED = (
    "Fatal error: Broker: Static consumer fenced by other consumer with same group.instance.id: Fatal consumer error: "
    "Broker: Static consumer fenced by other consumer with same group.instance.id"
)
HELD = (
    "Fatal error: Broker: The instance ID is still used by another member in the consumer group: "
    "ConsumerGroupHeartbeat fatal error: Broker: The instance ID is still used by another member in the consumer group"
)


def fatal(text: str) -> KafkaError:
    return KafkaError(KafkaError._FATAL, text)


def test_one_whose_place_was_taken_is_fenced_for_good() -> None:
    end = ending(SETTINGS, fatal(FENCED))
    assert type(end) is FencedError
    assert "joined the group video as KAFKA_GROUP_INSTANCE_ID=pod-1 and took this one's place" in str(end)
    assert str(end).endswith("give each process an id of its own.")


def test_one_whose_id_is_held_may_try_again() -> None:
    end = ending(SETTINGS, fatal(HELD))
    assert type(end) is InstanceHeldError
    assert "is in the group video as KAFKA_GROUP_INSTANCE_ID=pod-1; stop it, or" in str(end)


def test_refusals_are_configuration_errors_fatal_or_not() -> None:
    refused = KafkaError(KafkaError.SASL_AUTHENTICATION_FAILED)
    for error in (refused, fatal(f"Fatal error: {refused.str()}: ConsumerGroupHeartbeat fatal error")):
        end = ending(SETTINGS, error)
        assert isinstance(end, ConfigurationError)
        assert str(end) == f"Kafka refused this consumer: {refused.str()}; check the KAFKA_ settings."


def test_a_right_that_is_missing_is_named() -> None:
    told = KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED).str()
    for error in (KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED), fatal(f"Fatal error: {told}: heartbeat")):
        end = ending(SETTINGS, error)
        assert isinstance(end, ConfigurationError)
        assert "the consumer group video; give its user the ACL Read on that group" in str(end)


def test_an_old_broker_is_named_with_the_setting_that_helps() -> None:
    end = ending(SETTINGS, fatal(f"Fatal error: {KafkaError(KafkaError.UNSUPPORTED_VERSION).str()}: no"))
    assert isinstance(end, ConfigurationError)
    assert "KAFKA_GROUP_PROTOCOL=consumer; set it to classic" in str(end)


def test_any_other_fatal_error_ends_the_process_too() -> None:
    end = ending(SETTINGS, fatal("Fatal error: Broker: Something new."))
    assert type(end) is FencedError
    assert "Broker: Something new; start the process again." in str(end)


def test_what_librdkafka_recovers_from_ends_nothing() -> None:
    for code in (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._MAX_POLL_EXCEEDED):
        assert ending(SETTINGS, KafkaError(code)) is None
    assert ending(SETTINGS, KafkaError(KafkaError._TRANSPORT, FENCED)) is None, "only a fatal error is final"


def test_only_the_reader_of_jobs_is_a_static_member() -> None:
    assert consumer_config(SETTINGS)["group.instance.id"] == "pod-1"
    assert "group.instance.id" not in consumer_config(Settings())
    for config in (reader_config(SETTINGS), admin_config(SETTINGS), producer_config(SETTINGS, "t")):
        assert "group.instance.id" not in config


def test_there_is_one_way_to_set_it() -> None:
    settings = Settings(kafka_consumer={"group.instance.id": "x"})
    with pytest.raises(ConfigurationError) as caught:
        consumer_config(settings)
    assert str(caught.value).startswith("KAFKA_CONSUMER_GROUP_INSTANCE_ID must not be set")
    assert "KAFKA_GROUP_INSTANCE_ID is the setting for group.instance.id" in str(caught.value)


class Lives:
    """Lives that end one after the other as given, each after some seconds of a clock that only they move."""

    def __init__(self, *ends: tuple[float, int | Exception]) -> None:
        self.now, self.count = 100.0, 0
        self._ends: Iterator[tuple[float, int | Exception]] = iter(ends)

    async def live(self) -> int:
        self.count += 1
        seconds, end = next(self._ends)
        self.now += seconds
        if isinstance(end, Exception):
            raise end
        return end

    async def run(self, *, stopping: asyncio.Event | None = None, patience: Callable[[], float] = lambda: 10.0) -> int:
        return await while_held(
            self.live, patience=patience, stopping=stopping or asyncio.Event(), clock=lambda: self.now, pause=0.0
        )


HELD_ERROR = InstanceHeldError("held")


async def test_it_joins_once_the_id_is_free() -> None:
    lives = Lives((4, HELD_ERROR), (4, HELD_ERROR), (500, 7))
    assert (await lives.run(), lives.count) == (7, 3)


async def test_it_gives_up_when_no_dead_process_can_hold_the_id_any_more() -> None:
    lives = Lives((4, HELD_ERROR), (4, HELD_ERROR), (4, HELD_ERROR), (4, 0))
    with pytest.raises(InstanceHeldError):
        await lives.run()
    assert lives.count == 3


async def test_one_that_was_a_member_waits_anew() -> None:
    lives = Lives((4, HELD_ERROR), (4000, HELD_ERROR), (4, HELD_ERROR), (4, 0))
    assert (await lives.run(), lives.count) == (0, 4)


async def test_other_ends_are_final() -> None:
    lives = Lives((1, FencedError("taken")), (1, 0))
    with pytest.raises(FencedError, match="taken"):
        await lives.run()
    assert lives.count == 1


async def test_a_stop_ends_the_waiting() -> None:
    stopping = asyncio.Event()

    def patience() -> float:
        loop.call_soon_threadsafe(stopping.set)
        return 1000.0

    loop = asyncio.get_running_loop()
    lives = Lives((1, HELD_ERROR), (1, HELD_ERROR), (1, 9))
    assert await lives.run(stopping=stopping, patience=patience) == 0
    assert lives.count == 1


def test_without_a_word_of_the_broker_the_longest_session_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[float | None] = [None, 3.0]
    monkeypatch.setattr("consumer.stream.cluster.Cluster.session_seconds", lambda self, group: told.pop(0))
    assert patience_seconds(SETTINGS) == LONGEST_SESSION_SECONDS + MARGIN_SECONDS
    assert patience_seconds(SETTINGS) == 3.0 + MARGIN_SECONDS
