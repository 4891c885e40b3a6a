"""One browser for the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Dialog, Page

from tests.report.browsing import running, written
from tests.services.chromium import axe_script, chromium, npm_is_there
from tests.services.fetching import fetch_first

WAIT_MS = 20_000


def pytest_collection_finish(session: pytest.Session) -> None:
    """Fetch the browser before any test's clock runs."""
    fetch_first(session, "browser", _fetch)


def _fetch() -> None:
    if chromium() is not None and npm_is_there():
        axe_script()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """A real Chromium. Not longer than for these tests: while it runs, so does an event loop of its driver's."""
    found = chromium()
    if found is None:
        pytest.skip("there is no Chromium: npm would bring one for Linux on x86-64, or install one")
    with running(found) as browser:
        yield browser


@dataclass
class Opened:
    """A page in the browser, and what it did that it should not."""

    page: Page
    address: str
    noise: list[str] = field(default_factory=list)

    def watch(self) -> None:
        page = self.page
        page.on("console", lambda message: self.noise.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: self.noise.append(f"error: {error}"))
        page.on("dialog", self._asked)
        page.on("popup", lambda popup: self.noise.append(f"popup: {popup.url}"))
        page.on("request", lambda request: self._requested(request.url))

    def _asked(self, dialog: Dialog) -> None:
        self.noise.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _requested(self, url: str) -> None:
        if not url.startswith("data:") and url.partition("#")[0] != self.address:
            self.noise.append(f"request: {url}")

    def texts(self, selector: str) -> list[str]:
        """Of what is to be seen."""
        return [one.inner_text() for one in self.page.locator(selector).all() if one.is_visible()]


Open = Callable[..., Opened]


@pytest.fixture
def open_page(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Opens the text of a page as a file; keyword arguments are the browser's for its context."""
    contexts = []

    def open_it(text: str, **options: Any) -> Opened:
        address = written(text, tmp_path)
        context = browser.new_context(**{"viewport": {"width": 1000, "height": 800}, **options})
        contexts.append(context)
        context.set_default_timeout(WAIT_MS)
        opened = Opened(context.new_page(), address)
        opened.watch()
        opened.page.goto(address)
        return opened

    yield open_it
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The script of axe-core."""
    if not npm_is_there():
        pytest.skip("axe-core comes by npm, which is not in PATH")
    return axe_script()
