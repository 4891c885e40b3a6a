"""`python -m tests.formats`: run the tests of formats, and write what they found into docs/media.md."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.formats.page import PAGE, Row, written


class Failures:
    """Which cells of the matrix and which properties failed."""

    def __init__(self) -> None:
        self.cells: set[Row] = set()
        self.rows: set[Row] = set()

    def pytest_runtest_makereport(self, item: pytest.Function, call: pytest.CallInfo[None]) -> None:
        """Called by pytest after each part of a test; answers nothing."""
        if call.excinfo is None:
            return
        given = item.callspec.params if hasattr(item, "callspec") else {}
        if "container" in given:
            self.cells.add((str(given["film"]), str(given["container"])))
        for mark in item.iter_markers("says"):
            self.rows.add(mark.args)


def main() -> int:
    """pytest's exit code: 1 if a test failed, and then the page says which."""
    failures, here = Failures(), Path(__file__).parent
    page_test = here / "test_page.py"
    code = pytest.main(["-q", "-p", "no:cacheprovider", f"--ignore={page_test}", str(here)], plugins=[failures])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        return int(code)
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), failures.cells, failures.rows), encoding="utf-8")
    print(f"{PAGE.name} is up to date.")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
