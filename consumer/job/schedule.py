"""Who comes next, over all jobs in work; pure: no clock, no event loop.

Jobs share by tokens (surplus round robin): each takes its turn while it has credit, pays what its item costs, also into
debt, and waits for as many rounds as it takes to have credit again. So no job waits for more than a bounded number of
tokens of each other, however long their queues are and however large their items.

That alone makes a short job wait for a turn of every long one, and then share the engine with all that they have in it.
So jobs of a few minutes of video are short, and these have three privileges. Their items and others take turns, as if
each kind were one job. Some room is for short ones alone, so that they need not wait until an item of a long job is
done. While there is one, others are ahead of what the engine has begun by one item at most. And while short ones are in
flight, the others are refilled only up to as many tokens: an engine works on all that is in it at once, so each further
chunk slows down every other. None of it can starve anybody: a job of which nobody said how long it is is short only
once, and one item of the others may always be in flight.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

QUANTUM = 4096
"""Tokens of credit a round: about a fifth of the largest chunk by default."""

SHORT_TOKENS = 65_536
"""A job with more tokens, admitted or known to come, is not short: five minutes of video at 11,000 tokens a minute."""

RESERVE = 8
"""One part in so many of a budget, rounded down, is for short jobs alone."""


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """Something of a job that waits for its turn.

    Args:
        cost: tokens, which is what jobs share by.
        size: of what `Budget.size` bounds.
    """

    job: str
    cost: int
    size: int = 0


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be in flight at once; an item that is larger by itself has all to itself.

    Args:
        slots: items; None: any number.
        size: sum of their sizes; None: any.
        ahead: tokens of the items that are in flight but not begun (see `Schedule.tell`), and as many again that only
            short jobs take up; None: any.
        courteous: others are held back while items of short jobs are in flight.
    """

    slots: int | None = None
    size: int | None = None
    ahead: int | None = None
    courteous: bool = False


@dataclass(slots=True)
class _Account:
    """A job: tokens that it was admitted so far, and that it is known to want; credit; its items in their order; how
    many fly; whether it is over."""

    served: int = 0
    expected: int = 0
    credit: int = QUANTUM
    waiting: deque[Item] = field(default_factory=deque)
    flying: int = 0
    over: bool = False


class Schedule:
    """Items wait (`enqueue`), are admitted (`next`) and leave (`done`), all within the budget."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        # In the order of their turns: who was admitted something goes to the end.
        self._accounts: dict[str, _Account] = {}
        # In the order of admission, each with whether its job is short.
        self._flying: dict[Item, bool] = {}
        self._begun: int | None = None
        self._turn_of_others = False

    @property
    def waiting(self) -> int:
        """Items that wait."""
        return sum(len(account.waiting) for account in self._accounts.values())

    @property
    def flying(self) -> tuple[Item, ...]:
        """Items in flight, in the order of their admission."""
        return tuple(self._flying)

    def expect(self, job: str, tokens: int) -> None:
        """The job will want so many tokens in all."""
        self._accounts.setdefault(job, _Account()).expected = tokens

    def enqueue(self, item: Item) -> None:
        """The item waits from now on, behind those of its job."""
        account = self._accounts.setdefault(item.job, _Account())
        account.over = False
        account.waiting.append(item)

    def next(self) -> Item | None:
        """Admit one item; None: nothing waits, or none may come in before something changes."""
        kinds = self._kinds()
        for jobs in kinds:
            job = self._first(jobs)
            item = self._accounts[job].waiting[0]
            short = self._is_short(job)
            if not short and self._held_back(item):
                continue
            # Who does not fit is waited for: passed over, a large item would wait for ever.
            return self._admit(item, jobs, short=short, contested=len(kinds) > 1) if self._fits(item) else None
        return None

    def done(self, item: Item) -> None:
        """The item left: out of flight, or out of the queue."""
        account = self._accounts[item.job]
        if item in self._flying:
            del self._flying[item]
            account.flying -= 1
            if self._begun is not None:
                # Nothing to subtract: whoever is answered is left out of what was told with the answer.
                self._begun = min(self._begun, len(self._flying))
        else:
            account.waiting.remove(item)
        self._forget(item.job)

    def tell(self, begun: int) -> None:
        """So many items in flight are begun, the first ones; before the first call nothing counts as ahead.

        Items that are done are no longer among them, also where `done` comes only after this.
        """
        self._begun = begun

    def leave(self, job: str) -> None:
        """The job is over: when it comes again, it is a new one. What is left of it in flight may still leave."""
        if job in self._accounts:
            self._accounts[job].over = True
            self._forget(job)

    def _is_short(self, job: str) -> bool:
        """Whether the job has few tokens, as far as is known."""
        account = self._accounts[job]
        return account.expected <= SHORT_TOKENS and account.served < SHORT_TOKENS

    def _forget(self, job: str) -> None:
        account = self._accounts[job]
        if account.over and not account.waiting and not account.flying:
            del self._accounts[job]

    def _kinds(self) -> list[list[str]]:
        """The jobs that wait, short and others, each in the order of their turns; who is to be asked first is first."""
        waiting = [job for job, account in self._accounts.items() if account.waiting]
        short = [job for job in waiting if self._is_short(job)]
        others = [job for job in waiting if not self._is_short(job)]
        ordered = [others, short] if self._turn_of_others else [short, others]
        return [kind for kind in ordered if kind]

    def _first(self, jobs: list[str]) -> str:
        """Whoever has credit after the fewest rounds."""
        return min(jobs, key=self._rounds)

    def _rounds(self, job: str) -> int:
        """Rounds until the job has credit."""
        return max(0, -self._accounts[job].credit // QUANTUM + 1)

    def _held_back(self, item: Item) -> bool:
        """Whether this item, whose job is not short, leaves the way to those that are."""
        others = [one for one, short in self._flying.items() if not short]
        if not others:
            return False
        slots, size, most_ahead = self._budget.slots, self._budget.size, self._budget.ahead
        if slots is not None and len(others) >= slots - slots // RESERVE:
            return True
        if size is not None and sum(one.size for one in others) + item.size > size - size // RESERVE:
            return True
        ahead = [one.cost for one in self._ahead() if not self._flying[one]]
        if most_ahead is not None and ahead and (sum(ahead) + item.cost > most_ahead or self._short_may_come()):
            return True
        short = sum(one.cost for one, is_short in self._flying.items() if is_short)
        return self._budget.courteous and 0 < short < sum(one.cost for one in others) + item.cost

    def _short_may_come(self) -> bool:
        """Whether a short job is there, whatever it does just now: who comes before its next item makes it wait."""
        return any(not account.over and self._is_short(job) for job, account in self._accounts.items())

    def _fits(self, item: Item) -> bool:
        if not self._flying:
            return True
        budget = self._budget
        if budget.slots is not None and len(self._flying) >= budget.slots:
            return False
        if budget.size is not None and sum(one.size for one in self._flying) + item.size > budget.size:
            return False
        ahead = self._ahead()
        return budget.ahead is None or not ahead or sum(one.cost for one in ahead) + item.cost <= 2 * budget.ahead

    def _ahead(self) -> tuple[Item, ...]:
        """Items in flight that are not begun."""
        return () if self._begun is None else self.flying[self._begun :]

    def _admit(self, item: Item, jobs: list[str], *, short: bool, contested: bool) -> Item:
        rounds = self._rounds(item.job)
        for job in jobs:
            account = self._accounts[job]
            account.credit = min(QUANTUM, account.credit + rounds * QUANTUM)
        account = self._accounts.pop(item.job)
        self._accounts[item.job] = account
        account.waiting.popleft()
        account.credit -= item.cost
        account.served += item.cost
        account.flying += 1
        self._flying[item] = short
        self._turn_of_others = short and contested
        return item
