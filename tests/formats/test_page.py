"""docs/media.md says what the tests beside this one hold; where one of them fails, the page has to say so, too."""

from __future__ import annotations

import re

from consumer.errors import ErrorCode
from tests.formats.page import PAGE, properties, written

TEXT = PAGE.read_text(encoding="utf-8")


def test_the_tables_are_those_of_a_run_without_failures() -> None:
    assert written(TEXT) == TEXT, "`python -m tests.formats` writes them"


def test_no_row_is_there_twice() -> None:
    files = [file for file, _ in properties()]
    assert len(files) == len(set(files)) > 15


def test_every_reason_code_that_it_names_exists() -> None:
    named = set(re.findall(r"`((?:MEDIA|SOURCE|CHUNK|EVENT)_[A-Z_]+)`", TEXT))
    assert len(named) > 6
    assert named <= set(ErrorCode)
