"""docs/asyncapi.html in the browser."""

from __future__ import annotations

import pytest

from tests.report.conftest import Open
from tools.asyncapi.__main__ import PAGE

# By how much the page, and the widest of its tables, must be moved sideways to be read.
HIDDEN = """[document.documentElement, ...document.querySelectorAll('.wide')].map(
    one => one.scrollWidth - one.clientWidth)"""


@pytest.mark.parametrize("width", [360, 1200])
def test_it_keeps_to_itself_and_is_read_without_moving_it_sideways(open_page: Open, width: int) -> None:
    opened = open_page(PAGE.read_text(encoding="utf-8"), viewport={"width": width, "height": 800})
    assert opened.page.get_by_role("heading", name="Error codes").is_visible()
    hidden = opened.page.evaluate(HIDDEN)
    assert len(hidden) > 5
    assert max(hidden) <= 0
    assert opened.noise == []
