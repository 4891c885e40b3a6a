"""The schedule as data: whatever is asked in whatever order, budgets hold, nobody starves, and tokens are shared."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from consumer.job.schedule import QUANTUM, SHORT_TOKENS, Budget, Item, Schedule
from tests.unit.job.course import Course

JOBS = st.sampled_from(["a", "b", "c", "d"])
ITEMS = st.builds(Item, JOBS, st.integers(1, 30_000), st.integers(0, 120))
BUDGETS = st.builds(
    Budget,
    st.none() | st.integers(1, 6),
    size=st.none() | st.just(100),
    ahead=st.none() | st.just(40_000),
    courteous=st.booleans(),
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("enqueue"), ITEMS),
        st.tuples(st.sampled_from(["next", "done", "withdraw", "tell", "leave"]), st.integers(0, 9)),
    ),
    max_size=80,
)


def grow_up(schedule: Schedule, *jobs: str) -> None:
    """The jobs are no longer short, and owe nothing."""
    for job in jobs:
        for cost in (SHORT_TOKENS, 1):
            schedule.enqueue(Item(job, cost))
            admitted = schedule.next()
            assert admitted is not None
            schedule.done(admitted)


@given(budget=BUDGETS, steps=STEPS)
def test_budgets_hold_and_all_that_waits_comes_in_the_end(budget: Budget, steps: list[tuple[str, object]]) -> None:
    course = Course(budget)
    for name, argument in steps:
        getattr(course, name)(argument)
    while course.waiting:
        if course.next() is None:
            # The engine goes on with what it has: whatever is first is done.
            course.done(0)
            course.tell(len(course.flying))


@given(
    costs=st.dictionaries(st.sampled_from("abcde"), st.integers(100, 30_000), min_size=2),
    courteous=st.booleans(),
    slots=st.integers(1, 8),
)
def test_jobs_that_always_have_something_waiting_get_the_same_tokens(
    costs: dict[str, int], courteous: bool, slots: int
) -> None:
    schedule = Schedule(Budget(slots, courteous=courteous))
    grow_up(schedule, *costs)
    served: Counter[str] = Counter()
    flying: list[Item] = []
    for job, cost in costs.items():
        for _ in range(2):
            schedule.enqueue(Item(job, cost))
    for _ in range(150):
        while (item := schedule.next()) is not None:
            flying.append(item)
            served[item.job] += item.cost
            schedule.enqueue(Item(item.job, item.cost))
            apart = max(served[job] for job in costs) - min(served[job] for job in costs)
            assert apart <= 2 * (max(costs.values()) + QUANTUM)
        schedule.done(flying.pop(0))


@given(
    costs=st.lists(st.integers(1000, 30_000), min_size=1, max_size=15),
    small=st.integers(1, 20_000),
    slots=st.integers(1, 8),
    queued=st.integers(1, 5),
)
def test_a_lone_short_job_waits_for_what_is_in_flight_and_one_item_at_most(
    costs: list[int], small: int, slots: int, queued: int
) -> None:
    schedule = Schedule(Budget(slots, courteous=True))
    long_jobs = {f"long-{number}": cost for number, cost in enumerate(costs)}
    grow_up(schedule, *long_jobs)
    for job, cost in long_jobs.items():
        for _ in range(queued):
            schedule.enqueue(Item(job, cost))
    flying = []
    while (item := schedule.next()) is not None:
        flying.append(item)
    short = Item("short", small)
    schedule.enqueue(short)
    before = 0
    while short not in schedule.flying:
        schedule.done(flying.pop(0))
        while (item := schedule.next()) is not None:
            flying.append(item)
            before += item is not short and short not in schedule.flying
    assert before <= 1


def test_long_jobs_are_not_starved_by_a_stream_of_short_ones() -> None:
    """A new one comes with every item that is admitted, so there is always one that is short."""
    schedule = Schedule(Budget(4, courteous=True))
    grow_up(schedule, "long")
    served: Counter[str] = Counter()
    flying: list[Item] = []
    schedule.enqueue(Item("long", 12_000))
    for number in range(1000):
        schedule.enqueue(Item(f"short-{number}", 6_000))
        item = schedule.next()
        if item is None:
            schedule.done(flying.pop(0))
            continue
        flying.append(item)
        served[item.job.partition("-")[0]] += 1
        if item.job == "long":
            schedule.enqueue(Item("long", 12_000))
    assert served["long"] >= served["short"] / 4


def test_while_an_item_of_a_short_job_is_in_flight_others_are_refilled_up_to_as_many_tokens() -> None:
    schedule = Schedule(Budget(8, courteous=True))
    grow_up(schedule, "long")
    items = [Item("long", 1000) for _ in range(20)]
    for item in items:
        schedule.enqueue(item)
    flying = [schedule.next() for _ in range(7)]
    small = Item("short", 2500)
    schedule.enqueue(small)
    assert schedule.next() is small
    for done in flying[:5]:
        assert done is not None
        schedule.done(done)
    assert schedule.next() is None, "two of a thousand tokens are in flight, and a third would be more than it has"
    schedule.done(items[5])
    assert schedule.next() is items[7]
    assert schedule.next() is None
    schedule.done(small)
    assert [schedule.next() for _ in range(5)] == items[8:13]


def test_some_room_is_for_short_jobs_alone() -> None:
    schedule = Schedule(Budget(16, size=1600))
    grow_up(schedule, "long", "large")
    for _ in range(20):
        schedule.enqueue(Item("long", 1, 10))
    assert sum(schedule.next() is not None for _ in range(20)) == 14
    short = [Item(f"short-{number}", 1, 10) for number in range(4)]
    for item in short:
        schedule.enqueue(item)
    assert [schedule.next() for _ in range(3)] == [short[0], short[1], None], "no more than 16 in all"
    schedule = Schedule(Budget(16, size=1600))
    grow_up(schedule, "large")
    for size in (1000, 401, 100):
        schedule.enqueue(Item("large", 1, size))
    schedule.enqueue(short[2])
    first = schedule.next()
    assert first is short[2]
    assert schedule.next() is not None
    assert schedule.next() is None, "1,401 of 1,600 would leave too little for short ones"


def test_one_item_of_the_others_may_always_be_in_flight() -> None:
    schedule = Schedule(Budget(8, courteous=True))
    grow_up(schedule, "long")
    small, large = Item("short", 10), Item("long", 30_000)
    schedule.enqueue(small)
    schedule.enqueue(large)
    assert [schedule.next(), schedule.next()] == [small, large]


def test_what_does_not_fit_is_waited_for() -> None:
    """Small ones that would fit do not pass a large one for ever."""
    schedule = Schedule(Budget(size=100))
    filling, large, small = Item("a", 1, 60), Item("b", 1, 80), Item("c", 1, 10)
    schedule.enqueue(filling)
    assert schedule.next() is filling
    schedule.enqueue(large)
    schedule.enqueue(small)
    assert schedule.next() is None
    schedule.done(filling)
    assert [schedule.next(), schedule.next()] == [large, small]


def test_only_so_much_is_ahead_of_what_the_engine_has_begun() -> None:
    schedule = Schedule(Budget(8, ahead=250))
    grow_up(schedule, "a")
    items = [Item("a", 100) for _ in range(8)]
    for item in items:
        schedule.enqueue(item)
    schedule.tell(0)
    assert [schedule.next(), schedule.next(), schedule.next()] == [items[0], items[1], None]
    schedule.tell(1)
    assert [schedule.next(), schedule.next()] == [items[2], None]
    schedule.tell(2)
    assert [schedule.next(), schedule.next()] == [items[3], None]
    schedule.done(items[0])
    assert [schedule.next(), schedule.next()] == [items[4], None], "what was told left out who was answered"
    short = [Item("short", 100) for _ in range(4)]
    for item in short:
        schedule.enqueue(item)
    assert [schedule.next() for _ in range(4)] == [*short[:3], None], "short ones may be twice as far ahead"


def test_while_there_is_a_short_job_one_item_of_the_others_is_ahead() -> None:
    schedule = Schedule(Budget(8, ahead=250))
    grow_up(schedule, "long")
    items = [Item("long", 100) for _ in range(8)]
    for item in items:
        schedule.enqueue(item)
    schedule.tell(0)
    schedule.expect("short", 100)
    assert [schedule.next(), schedule.next()] == [items[0], None], "its frames may be on their way"
    schedule.tell(1)
    assert [schedule.next(), schedule.next()] == [items[1], None]
    schedule.leave("short")
    assert [schedule.next(), schedule.next()] == [items[2], None]


def test_a_job_that_left_is_short_again_once_all_of_it_is_out_of_flight() -> None:
    schedule = Schedule(Budget(1))
    old = Item("a", SHORT_TOKENS)
    schedule.enqueue(old)
    assert schedule.next() is old
    schedule.leave("a")
    schedule.done(old)
    # Were it what it was, the other's turn would come first.
    schedule.enqueue(Item("b", 10))
    again = Item("a", 10)
    schedule.enqueue(again)
    first = schedule.next()
    assert first is not None
    schedule.done(first)
    schedule.enqueue(Item("b", 10))
    assert schedule.next() is again


def test_a_job_that_is_known_to_be_long_leaves_the_way_from_the_beginning() -> None:
    schedule = Schedule(Budget(8, courteous=True))
    schedule.expect("long", SHORT_TOKENS + 1)
    schedule.expect("short", SHORT_TOKENS)
    long, short = [Item("long", 1000) for _ in range(3)], Item("short", 1000)
    for item in (*long, short):
        schedule.enqueue(item)
    assert [schedule.next() for _ in range(3)] == [short, long[0], None]
    schedule.done(short)
    assert [schedule.next(), schedule.next()] == long[1:]
