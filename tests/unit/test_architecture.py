"""The rules of the house: which way imports point, how long a module may be, what may not stay in it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LONG, TOO_LONG, FEW = 300, 350, 5
MODULES = sorted(path for folder in ("consumer", "tests", "tools") for path in (ROOT / folder).rglob("*.py"))


def lint_imports(directory: Path) -> subprocess.CompletedProcess[str]:
    """import-linter, as `make lint` runs it, over the package below `directory`."""
    return subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--config", str(ROOT / "pyproject.toml")],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_imports_point_the_right_way() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What import-linter says of a copy of the package with one forbidden import a contract."""
    directory = tmp_path_factory.mktemp("spoiled")
    shutil.copytree(ROOT / "consumer", directory / "consumer", ignore=shutil.ignore_patterns("model", "__pycache__"))
    for module, forbidden in {
        "stream/machine.py": "consumer.media.probe",
        "client/following.py": "torch",
        "media/clock.py": "confluent_kafka",
        "job/summary.py": "vllm",
    }.items():
        with (directory / "consumer" / module).open("a") as file:
            file.write(f"\nimport {forbidden}\n")
    (directory / "consumer" / "nowhere.py").write_text("")
    return lint_imports(directory).stdout


@pytest.mark.parametrize(
    "finding",
    [
        "Arrows of import point one way, and neighbours do not know each other BROKEN",
        "Producers and readers of jobs need no model and no decoder BROKEN",
        "Only stream, client and events speak Kafka BROKEN",
        "Only inference speaks to models BROKEN",
        "consumer.stream is not allowed to import consumer.media",
        "consumer.nowhere",
    ],
)
def test_a_forbidden_import_is_seen(spoiled: str, finding: str) -> None:
    assert finding in spoiled


def test_modules_are_short() -> None:
    """A module is named for the one thing it holds; one that grows longer holds two."""
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert lengths, "there are modules"
    long = {name: length for name, length in lengths.items() if length > LONG}
    assert len(long) <= FEW, long
    assert max(lengths.values()) <= TOO_LONG, long


def test_nothing_is_left_unfinished() -> None:
    words = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
    assert [str(path.relative_to(ROOT)) for path in MODULES if words.search(path.read_text(encoding="utf-8"))] == []
