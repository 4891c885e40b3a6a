"""Each chunk and each final result exactly once, whatever happens: see `fleet` for what can happen."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.fleet import Fleet

pytestmark = pytest.mark.usefixtures("model_clients")

CI = settings(max_examples=560, stateful_step_count=60, deadline=None, derandomize=True, print_blob=True, database=None)


def test_the_promise_holds() -> None:
    Fleet.steps = 0
    run_state_machine_as_test(Fleet, settings=CI)
    assert Fleet.steps >= 20_000
