"""A broker that is away must not cost every partition its time-outs."""

from __future__ import annotations

from confluent_kafka import KafkaError, KafkaException

from consumer.stream.reach import Reach


class World:
    """A clock, a broker that may be away, and partitions whose steps then wait for their deadline."""

    def __init__(self) -> None:
        self.now, self.away, self.questions, self.steps = 0.0, False, 0, 0
        self.reach = Reach(self.ask, lambda: self.now)

    def ask(self) -> None:
        self.questions += 1
        if self.away:
            self.now += 1.0
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))

    def step(self) -> bool:
        self.steps += 1
        self.now += 10.0 if self.away else 0.01
        return not self.away


def test_while_all_is_well_nobody_is_asked() -> None:
    world = World()
    assert all(world.reach.guard(world.step) for _ in range(100))
    assert (world.steps, world.questions) == (100, 0)


def test_one_long_wait_is_enough_to_know() -> None:
    world = World()
    world.away = True
    assert not any(world.reach.guard(world.step) for _ in range(16))
    assert (world.steps, world.questions) == (1, 15)
    assert world.now < 30, "sixteen deadlines would be 160 s"


def test_when_it_is_back_the_first_answer_lets_everyone_go_on() -> None:
    world = World()
    world.away = True
    world.reach.guard(world.step)
    world.away = False
    assert all(world.reach.guard(world.step) for _ in range(16))
    assert world.questions == 1
