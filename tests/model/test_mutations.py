"""The proof is tested, too: with each damage to the protocol the model goes red within what CI runs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.fleet import Fleet
from tests.model.mutations import MUTATIONS
from tests.model.test_model import CI

pytestmark = pytest.mark.usefixtures("model_clients")


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_the_model_notices(mutation: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch) -> None:
    mutation(monkeypatch)
    # The first finding is enough: nothing is made smaller, or looked for beyond it. Today's examples of CI find all;
    # another version of Hypothesis, which chooses others, may need some more.
    quick = settings(CI, max_examples=5 * CI.max_examples, phases=[Phase.generate], report_multiple_bugs=False)
    # RuntimeError: the state machine itself refuses an event that cannot be.
    with pytest.raises((AssertionError, RuntimeError)):
        run_state_machine_as_test(Fleet, settings=quick)
