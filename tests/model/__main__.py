"""Many more steps than CI takes, other ones every time: `make model`, or `python -m tests.model STEPS`."""

from __future__ import annotations

import sys
import time

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model import clients
from tests.model.fleet import Fleet
from tests.model.test_model import CI

STEPS = 1_000_000
_BATCH = settings(CI, max_examples=1_000, derandomize=False)


def main() -> None:
    """Raises what the model finds, with the steps that lead there and the blob that repeats them."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else STEPS
    began = time.monotonic()
    with pytest.MonkeyPatch.context() as patch:
        clients.install(patch)
        while Fleet.steps < wanted:
            run_state_machine_as_test(Fleet, settings=_BATCH)
            print(f"{Fleet.steps} steps, {time.monotonic() - began:.0f} s: nothing found", flush=True)


if __name__ == "__main__":
    main()
