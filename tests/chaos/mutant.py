"""`video-consumer run` with something changed: `python -m tests.chaos.mutant WORD ...`.

A word is the name of a mutation (`mutations`), or a circumstance that makes a rare moment happen every time:

* `poison`: a chunk ends the process if its job's prompt is one of `DEATHS`: in the engine by SIGKILL (`poison:kill`),
  without a word (`poison:exit`) or out of memory (`poison:memory`); in the thread that waits for a decoder, by SIGKILL
  (`poison:decode`);
* `stop=POINT:KIND:N`: the process stops itself (SIGSTOP) in its N-th transaction of that kind (claim, chunk, final):
  `flushed`: its records are at the broker; `sent`: its offset, too, and nothing is left but the commit;
* `hold=JOB:FILE`: chunks of that job are computed when the file exists;
* `uncancelled`: the workers do not hear that a job is not wanted any more;
* `later`: a later version, whose plan digests are made in another way.
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from consumer.cli.main import main
from consumer.inference.synthetic import SyntheticEngine
from consumer.job import plan
from consumer.job.chunk import ChunkWorker
from consumer.media.library import Media
from consumer.pool import JobPool
from consumer.stream.transaction import TransactionalWriter
from tests.chaos.mutations import MUTATIONS, kind, patch

POISON = "poison"
# Innocent jobs of the same process have this long to be finished before it dies.
POISON_SECONDS = 2.0
EXIT_CODE = 9
SPARE_BYTES, BLOCK_BYTES = 64 * 2**20, 2**16
LOOK_SECONDS = 0.05


def kill() -> None:
    """As the kernel's out-of-memory killer does."""
    os.kill(os.getpid(), signal.SIGKILL)


def leave() -> None:
    """As a library does that gives up."""
    os._exit(EXIT_CODE)


def out_of_memory() -> None:
    """Leave the process the address space that it has and a little more, and use that up.

    Raises:
        MemoryError: always; what was used up stays so as long as its traceback is kept.
    """
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + SPARE_BYTES, hard))
    hoard = []
    while True:
        hoard.append(bytearray(BLOCK_BYTES))


ENGINE, DECODER = "engine", "decoder"
DEATHS: dict[str, tuple[str, Callable[[], None]]] = {
    f"{POISON}:kill": (ENGINE, kill),
    f"{POISON}:exit": (ENGINE, leave),
    f"{POISON}:memory": (ENGINE, out_of_memory),
    f"{POISON}:decode": (DECODER, kill),
}


def poison() -> None:
    """Some jobs kill their process."""

    def generate(original: Any) -> Any:
        async def mutated(self: SyntheticEngine, request: Any) -> Any:
            place, die = DEATHS.get(request.prompt, (None, kill))
            if place == ENGINE:
                await asyncio.sleep(POISON_SECONDS)
                die()
            return await original(self, request)

        return mutated

    def frames(original: Any) -> Any:
        async def mutated(self: ChunkWorker, context: Any, media: Any, *rest: Any) -> Any:
            media.death = DEATHS.get(context.job.prompt, (None, kill))
            return await original(self, context, media, *rest)

        return mutated

    def decoded(original: Any) -> Any:
        def mutated(self: Any, plan: Any) -> Any:
            place, die = self.death
            if place == DECODER:
                time.sleep(POISON_SECONDS)
                die()
            return original(self, plan)

        return mutated

    patch(SyntheticEngine, "generate", generate)
    patch(ChunkWorker, "_frames", frames)
    patch(Media, "decode", decoded)


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


def later() -> None:
    """A version that takes other things into a plan's digest."""
    patch(plan, "_digest", lambda original: lambda *given: f"v2-{original(*given)}")


CIRCUMSTANCES: dict[str, Callable[[], None]] = {POISON: poison, "uncancelled": uncancelled, "later": later}


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
    elif word in CIRCUMSTANCES:
        CIRCUMSTANCES[word]()
    elif word in MUTATIONS:
        MUTATIONS[word]()
    else:
        raise SystemExit(f"There is no {word}; see the top of this file.")


if __name__ == "__main__":
    for each in sys.argv[1:]:
        prepare(each)
    sys.exit(main(["run"]))
