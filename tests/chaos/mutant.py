"""`video-consumer run` with something changed: `python -m tests.chaos.mutant WORD ...`.

A word is the name of a mutation (`mutations`), or a circumstance that makes a rare moment happen every time:

* `poison`: a chunk whose prompt begins with `poison` kills the process (`poison:exit`: ends it without a word);
* `stop=POINT:KIND:N`: the process stops itself (SIGSTOP) in its N-th transaction of that kind (claim, chunk, final):
  `flushed`: its records are at the broker; `sent`: its offset, too, and nothing is left but the commit;
* `hold=JOB:FILE`: chunks of that job are computed when the file exists;
* `uncancelled`: the workers do not hear that a job is not wanted any more.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from consumer.cli.main import main
from consumer.inference.synthetic import SyntheticEngine
from consumer.pool import JobPool
from consumer.stream.transaction import TransactionalWriter
from tests.chaos.mutations import MUTATIONS, kind, patch

POISON = "poison"
# Innocent jobs of the same process have this long to be finished before it dies.
POISON_SECONDS = 2.0
EXIT_CODE = 9
LOOK_SECONDS = 0.05


def poison() -> None:
    """Some jobs kill their process."""

    def generate(original: Any) -> Any:
        async def mutated(self: SyntheticEngine, request: Any) -> Any:
            if request.prompt.startswith(POISON):
                await asyncio.sleep(POISON_SECONDS)
                if request.prompt.startswith(f"{POISON}:exit"):
                    os._exit(EXIT_CODE)
                os.kill(os.getpid(), signal.SIGKILL)
            return await original(self, request)

        return mutated

    patch(SyntheticEngine, "generate", generate)


def stop(point: str, which: str, number: int) -> None:
    """The process stops itself at that point of its `number`-th transaction of the kind `which`."""
    seen: Counter[str] = Counter()
    armed = {"now": False}

    def once(original: Any) -> Any:
        def mutated(self: Any, messages: Any, offsets: Any) -> Any:
            seen[kind(messages)] += 1
            armed["now"] = (kind(messages), seen[which]) == (which, number)

            def stopping() -> Any:
                if point == "flushed":
                    _stop_if(armed)
                return offsets()

            return original(self, messages, stopping)

        return mutated

    def send(original: Any) -> Any:
        def mutated(self: Any, *arguments: Any) -> None:
            original(self, *arguments)
            if point == "sent":
                _stop_if(armed)

        return mutated

    patch(TransactionalWriter, "_once", once)
    patch(TransactionalWriter, "_send_offsets", send)


def _stop_if(armed: dict[str, bool]) -> None:
    if armed["now"]:
        armed["now"] = False
        # To this very thread, which therefore does not get one step further.
        signal.raise_signal(signal.SIGSTOP)


def hold(job_id: str, path: Path) -> None:
    """Chunks of that job are computed when the file exists."""

    def generate(original: Any) -> Any:
        async def mutated(self: SyntheticEngine, request: Any) -> Any:
            while request.subject.job_id == job_id and not path.exists():
                await asyncio.sleep(LOOK_SECONDS)
            return await original(self, request)

        return mutated

    patch(SyntheticEngine, "generate", generate)


def uncancelled() -> None:
    """The workers do not hear that a job is not wanted any more: what they compute late must be dropped."""
    patch(JobPool, "cancel", lambda _: lambda self, partition, epoch: None)


def prepare(word: str) -> None:
    """Carry out one word of the command line.

    Raises:
        SystemExit: there is no such word.
    """
    name, _, rest = word.partition("=")
    if name == "stop":
        point, which, number = rest.split(":")
        stop(point, which, int(number))
    elif name == "hold":
        job_id, _, path = rest.partition(":")
        hold(job_id, Path(path))
    elif word == POISON:
        poison()
    elif word == "uncancelled":
        uncancelled()
    elif word in MUTATIONS:
        MUTATIONS[word]()
    else:
        raise SystemExit(f"There is no {word}; see the top of this file.")


if __name__ == "__main__":
    for each in sys.argv[1:]:
        prepare(each)
    sys.exit(main(["run"]))
