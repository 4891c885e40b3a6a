"""Steps of a schedule, and what must be true after each."""

from __future__ import annotations

from collections import defaultdict

from consumer.job.schedule import Budget, Item, Schedule


class Course:
    """Carries steps out and holds what must be true after each."""

    def __init__(self, budget: Budget) -> None:
        self.budget, self.schedule = budget, Schedule(budget)
        self.waiting: list[Item] = []
        self.flying: list[Item] = []
        self.order: dict[str, list[Item]] = defaultdict(list)
        self.told: int | None = None

    def enqueue(self, item: Item) -> None:
        self.schedule.enqueue(item)
        self.waiting.append(item)
        self.order[item.job].append(item)

    def next(self, _: int = 0) -> Item | None:
        item = self.schedule.next()
        if item is not None:
            assert self.order[item.job].pop(0) is item, "a job's items come in their order"
            self.waiting.remove(item)
            self.flying.append(item)
            self.check_budget()
        elif self.waiting:
            assert self.flying, "where nothing is in flight, something that waits is admitted"
        return item

    def done(self, number: int) -> None:
        if number < len(self.flying):
            self.schedule.done(self.flying.pop(number))
            self.told = min(self.told, len(self.flying)) if self.told is not None else None

    def withdraw(self, number: int) -> None:
        if number < len(self.waiting):
            item = self.waiting.pop(number)
            self.order[item.job].remove(item)
            self.schedule.done(item)

    def tell(self, number: int) -> None:
        self.told = min(number, len(self.flying))
        self.schedule.tell(self.told)

    def leave(self, number: int) -> None:
        self.schedule.leave("abcd"[number % 4])

    def check_budget(self) -> None:
        assert list(self.schedule.flying) == self.flying
        assert self.schedule.waiting == len(self.waiting)
        if len(self.flying) == 1:
            return
        assert self.budget.slots is None or len(self.flying) <= self.budget.slots
        assert self.budget.size is None or sum(item.size for item in self.flying) <= self.budget.size
        ahead = self.flying[self.told :] if self.told is not None else []
        several = len(ahead) > 1
        assert self.budget.ahead is None or not several or sum(item.cost for item in ahead) <= 2 * self.budget.ahead
