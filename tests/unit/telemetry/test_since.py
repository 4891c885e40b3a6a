"""How long something has been going on."""

from __future__ import annotations

import pytest

from consumer.telemetry.since import Since


def test_it_counts_while_it_goes_on_and_is_zero_otherwise() -> None:
    now = [10.0]
    since = Since(lambda: now[0])
    assert since.seconds() == 0
    with pytest.raises(ValueError, match="over"), since.going_on():
        now[0] = 14.0
        assert since.seconds() == 4
        raise ValueError("over")
    assert since.seconds() == 0
