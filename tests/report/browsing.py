"""Pages in a real Chromium."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.services.chromium import Chromium

# Nothing of its own goes out; as root, as in containers, its sandbox does not start.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def running(chromium: Chromium) -> Iterator[Browser]:
    """The browser, until the end of the body."""
    with tempfile.TemporaryDirectory(prefix="video-consumer-browser-") as home, sync_playwright() as playwright:
        environment: dict[str, str | float | bool] = {"HOME": home, **chromium.environment}
        browser = playwright.chromium.launch(
            executable_path=chromium.program, args=list(FLAGS), env=environment, chromium_sandbox=False
        )
        try:
            yield browser
        finally:
            browser.close()


def written(page: str, directory: Path) -> str:
    """The address of the page as a file."""
    path = directory / "report.html"
    path.write_text(page, encoding="utf-8")
    return path.as_uri()
