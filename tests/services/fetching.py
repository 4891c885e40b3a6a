"""For conftest.py: servers are fetched before any test's clock runs, in sight of the person who waits."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest

from tests.services.errors import ServicesError


def fetch_first(session: pytest.Session, fixture: str, fetch: Callable[[], None]) -> None:
    """Call `fetch` if a test that was collected uses `fixture`; for `pytest_collection_finish`.

    Raises:
        pytest.UsageError: a server cannot be had; its sentence.
    """
    wanted = any(fixture in getattr(item, "fixturenames", ()) for item in session.items)
    if not wanted or session.config.option.collectonly:
        return
    capture = session.config.pluginmanager.getplugin("capturemanager")
    try:
        with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
            fetch()
    except ServicesError as error:
        raise pytest.UsageError(str(error)) from None
