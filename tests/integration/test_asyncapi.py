"""docs/asyncapi.json, judged by AsyncAPI's own parser."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from consumer.events.topics import Topics
from tests.services import pins
from tests.services.cache import made_once
from tests.services.tools import run, tell
from tools.asyncapi.__main__ import DOCUMENT
from tools.asyncapi.document import as_json, document, traffic

SCRIPT = Path(__file__).with_name("asyncapi.cjs")
PACKAGES = {
    "@asyncapi/parser": pins.ASYNCAPI_PARSER_VERSION,
    "@asyncapi/avro-schema-parser": pins.ASYNCAPI_AVRO_VERSION,
}
ERROR, WARNING = 0, 1

pytestmark = pytest.mark.skipif(not shutil.which("npm"), reason="Node.js is not on this machine: `npm` is not in PATH")


def parser() -> Path:
    """A directory with the parser in its node_modules."""

    def fetch(directory: Path) -> None:
        tell("Fetching AsyncAPI's parser with npm (once, some seconds) ...")
        (directory / "package.json").write_text(json.dumps({"private": True, "dependencies": PACKAGES}))
        # Its dependencies' scripts only report the installation to somebody.
        run(
            ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund"],
            "to fetch AsyncAPI's parser",
            cwd=directory,
        )

    return made_once(f"asyncapi-{'-'.join(PACKAGES.values())}", fetch)


def no_such_channel(made: dict[str, Any]) -> None:
    made["operations"]["receiveJob"]["channel"]["$ref"] = "#/channels/nowhere"


def no_avro(made: dict[str, Any]) -> None:
    del made["components"]["messages"]["VideoJob"]["payload"]["schema"]["fields"]


BROKEN: list[Callable[[dict[str, Any]], None]] = [no_such_channel, no_avro]


def test_the_parser_accepts_the_document_and_refuses_broken_ones(tmp_path: Path) -> None:
    paths = [DOCUMENT]
    for spoil in BROKEN:
        made = document()
        spoil(made)
        paths.append(tmp_path / f"{spoil.__name__}.json")
        paths[-1].write_text(as_json(made), encoding="utf-8")

    done = subprocess.run(["node", SCRIPT, *paths], cwd=parser(), capture_output=True, text=True, timeout=120)

    assert done.returncode == 0, done.stderr
    whole, *broken = json.loads(done.stdout)
    assert [one for one in whole["diagnostics"] if one["severity"] in (ERROR, WARNING)] == []
    assert whole["channels"] == [one.topic for one in traffic(Topics())]
    for path, found in zip(paths[1:], broken, strict=True):
        assert ERROR in {one["severity"] for one in found["diagnostics"]}, path.name
