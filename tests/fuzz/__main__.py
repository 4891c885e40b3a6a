"""Thousands of broken files: `make fuzz`, or `python -m tests.fuzz --seed 1 --count 2000`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.fuzz.campaign import Campaign, default_keep


def main() -> int:
    """0: nothing was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="other files for every number")
    parser.add_argument("--count", type=int, default=2000, help="how many files")
    parser.add_argument("--first", type=int, default=0, help="begin with this number: --first N --count 1 is one file")
    parser.add_argument("--threads", type=int, default=2, help="files side by side")
    parser.add_argument("--keep", type=Path, default=default_keep(), help="where files that break something are put")
    options = parser.parse_args()
    numbers = range(options.first, options.first + options.count)
    report = Campaign(options.seed, options.keep, after=_dot).run(numbers, options.threads)
    print(f"\n{report.table()}")
    for sentence in report.broken:
        print(sentence)
    return 1 if report.broken else 0


def _dot() -> None:
    print(".", end="", flush=True)


if __name__ == "__main__":
    sys.exit(main())
