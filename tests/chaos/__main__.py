"""`python -m tests.chaos --seed 7 --faults 100 --workers 4 --report FILE.md`: one run, on servers of its own."""

from __future__ import annotations

import argparse
import itertools
import shutil
import sys
import tempfile
from pathlib import Path

from tests.chaos.ground import Ground
from tests.chaos.report import markdown, write
from tests.chaos.run import Run
from tests.services.errors import ServicesError


def main() -> int:
    """The exit code: 1 if the guarantee was broken, or servers fail."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, nargs="+", default=[1], help="each seed is a run of its own")
    parser.add_argument("--faults", type=int, default=100, help="faults in each run")
    parser.add_argument("--workers", type=int, default=3, help="worker processes, to begin with")
    parser.add_argument(
        "--protocol",
        choices=["consumer", "classic"],
        nargs="+",
        default=["consumer"],
        help="of the consumer group; several are taken in turn",
    )
    parser.add_argument(
        "--report",
        type=Path,
        help="write a report to this Markdown file; it may have a place for it",
    )
    parser.add_argument("--keep", action="store_true", help="keep logs and timelines of runs without violations, too")
    given = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="video-consumer-chaos-"))
    outcomes = []
    try:
        with Ground(directory) as ground:
            for seed, protocol in zip(given.seed, itertools.cycle(given.protocol), strict=False):
                own = directory / f"seed-{seed}"
                own.mkdir()
                print(f"seed {seed}, {protocol}: {given.faults} faults, {given.workers} workers, in {own}", flush=True)
                outcome = Run(ground, seed, given.faults, given.workers, own, protocol).carry_out()
                outcomes.append(outcome)
                if given.report is not None:
                    write(given.report, markdown(outcomes, given.workers))
                if outcome.violations:
                    print(outcome.complaint(), file=sys.stderr, flush=True)
                else:
                    print(
                        f"  held: {outcome.jobs} jobs, {outcome.chunks} chunk results, {outcome.recomputed} computed "
                        f"again (limit {outcome.most_recomputed}), {outcome.seconds:.0f} s",
                        flush=True,
                    )
                    if not given.keep:
                        shutil.rmtree(own)
    except ServicesError as error:
        print(error, file=sys.stderr)
        return 1
    if any(one.violations for one in outcomes):
        return 1
    if not given.keep:
        shutil.rmtree(directory, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
