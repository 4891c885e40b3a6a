"""A short job beside a long one, by a clock that only the model of an engine moves: at most twice as long as alone.

The model reads 21,700 tokens a second in steps of 24,576 and gives every answer a token a step (see `StepModel`), which
is about what an H200 does with an 8B model. A long job always has four chunks of 60 s waiting (11,400 tokens); a short
one is a chunk of 30 s (5,700). Answers have 64 to 192 tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random

import pytest

from consumer.inference.engine import EngineLimits
from consumer.inference.synthetic_steps import StepModel
from consumer.job.engine_budget import engine_budget
from consumer.job.schedule import Budget, Item, Schedule

TOKENS_PER_SECOND, STEP_TOKENS = 21_700, 24_576
LONG, SHORT, QUEUED = 11_400, 5_700, 4
BUDGET = engine_budget(EngineLimits(131_072, STEP_TOKENS, kv_cache_tokens=700_000), slots=32)
# From when the long job has filled the engine, and far enough apart that the short ones do not meet.
ARRIVALS = [40.0 + 20.0 * number + Random(number).random() * 3.0 for number in range(40)]


@dataclass(slots=True)
class Play:
    """One course of events; `seconds` of each short job, in the end, and how many chunks of the long one were done."""

    budget: Budget
    long_jobs: int
    now: float = 0.0
    seconds: list[float] = field(default_factory=list)
    long_done: int = 0

    def run(self, arrivals: Sequence[float]) -> Play:
        model, schedule, random = StepModel(TOKENS_PER_SECOND, STEP_TOKENS), Schedule(self.budget), Random(1)
        flying: dict[str, Item] = {}
        begun: dict[str, float] = {}
        to_come = sorted(arrivals)
        for number in range(self.long_jobs * QUEUED):
            schedule.enqueue(Item(f"long-{number % self.long_jobs}", LONG, LONG))
        while len(self.seconds) < len(arrivals):
            while to_come and to_come[0] <= self.now:
                job = f"short-{len(to_come)}"
                begun[job] = to_come.pop(0)
                schedule.enqueue(Item(job, SHORT, SHORT))
            while (item := schedule.next()) is not None:
                name = f"{self.now} {len(flying)} {random.random()}"
                flying[name] = item
                model.add(name, prompt=item.cost, answer=random.randint(64, 192))
                if item.job not in begun:
                    schedule.enqueue(Item(item.job, LONG, LONG))
            if model.empty:
                self.now = to_come[0]
                continue
            seconds, done = model.step()
            self.now += seconds
            # As engines do: they tell of the step before anybody takes its answers.
            schedule.tell(model.begun)
            for name in done:
                item = flying.pop(name)
                schedule.done(item)
                if item.job in begun:
                    self.seconds.append(self.now - begun[item.job])
                    schedule.leave(item.job)
                else:
                    self.long_done += 1
        return self

    def at(self, share: float) -> float:
        """That quantile of the seconds."""
        return sorted(self.seconds)[round(share * (len(self.seconds) - 1))]


@pytest.mark.parametrize("long_jobs", [1, 8])
def test_a_short_job_beside_long_ones_takes_at_most_twice_as_long_as_alone(long_jobs: int) -> None:
    alone = Play(BUDGET, 0).run(ARRIVALS)
    beside = Play(BUDGET, long_jobs).run(ARRIVALS)
    print(
        f"alone {alone.at(0.5):.2f} s, {alone.at(0.99):.2f} s; beside {beside.at(0.5):.2f} s, {beside.at(0.99):.2f} s"
    )
    assert beside.at(0.5) <= 2 * alone.at(0.5)
    assert beside.at(0.99) <= 2 * alone.at(0.99)


def test_it_is_the_holding_back_that_does_it_and_it_costs_the_long_job_little() -> None:
    polite = Play(BUDGET, 1).run(ARRIVALS)
    rude = Play(replace(BUDGET, courteous=False), 1).run(ARRIVALS)
    print(
        f"without {rude.at(0.5):.2f} s; chunks a second {polite.long_done / polite.now:.3f} against "
        f"{rude.long_done / rude.now:.3f}"
    )
    assert rude.at(0.5) > 4 * polite.at(0.5)
    assert polite.long_done / polite.now > 0.9 * rude.long_done / rude.now
