"""docs/asyncapi.json and docs/asyncapi.html are up to date, and the page keeps to itself."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from consumer.errors import ErrorCode
from consumer.events.topics import Topics
from tools.asyncapi.__main__ import DOCUMENT, PAGE
from tools.asyncapi.document import as_json, document
from tools.asyncapi.page import page

SCHEMAS = sorted((Path(__file__).parents[2] / "schemas").glob("*.avsc"))
MADE = document()
SHOWN = page(MADE)


def test_the_document_is_up_to_date() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == as_json(MADE), "run `make docs`"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == SHOWN, "run `make docs`"


def test_every_topic_has_a_channel() -> None:
    properties = [name for name, value in vars(Topics).items() if isinstance(value, property)]
    assert {channel["address"] for channel in MADE["channels"].values()} == {
        getattr(Topics(), name) for name in properties
    }


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.stem)
def test_a_value_s_schema_is_the_file_s(path: Path) -> None:
    schema = json.loads(path.read_text(encoding="utf-8"))
    assert MADE["components"]["messages"][schema["name"]]["payload"]["schema"] == schema


def named(node: Any) -> set[str]:
    """The fields of a schema and of the records in it."""
    if isinstance(node, list):
        return set().union(*map(named, node))
    if not isinstance(node, dict):
        return set()
    inner = set().union(*map(named, node.values()))
    return inner | {field["name"] for field in node.get("fields", ())}


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.stem)
def test_the_page_shows_every_field(path: Path) -> None:
    fields = named(json.loads(path.read_text(encoding="utf-8")))
    assert {name for name in fields if f"<code>{name}</code>" not in SHOWN} == set()


def test_the_page_shows_every_header_and_every_code() -> None:
    headers = {name for message in MADE["components"]["messages"].values() for name in message["headers"]["properties"]}
    assert {"ce_type", "content-type", "__dlq.errors.code", "video-seconds"} < headers
    wanted = headers | {code.value for code in ErrorCode}
    assert {name for name in wanted if f"<code>{name}</code>" not in SHOWN} == set()


def test_the_page_is_small_and_asks_for_nothing() -> None:
    assert len(SHOWN.encode()) < 300_000
    assert "default-src 'none'" in SHOWN
    assert re.findall(r"<script|<link|<img|\bsrc=|@import|url\(", SHOWN) == []
    assert {link[0] for link in re.findall(r'href="([^"]*)"', SHOWN)} == {"#"}
