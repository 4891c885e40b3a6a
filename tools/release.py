"""Publishes a version on GitHub, with the wheel in dist/ and its part of CHANGELOG.md as notes; `make release` runs it.

It needs nothing but the standard library and GitHub's `gh`, and makes nothing twice: a release that exists is an error.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def notes(changelog: str, version: str) -> str:
    """The version's part of the text, without its heading.

    Raises:
        ValueError: there is none, or it is empty.
    """
    parts = re.split(r"^## (\S+).*\n", changelog, flags=re.MULTILINE)
    found = dict(zip(parts[1::2], parts[2::2], strict=True)).get(version, "").strip()
    if not found:
        raise ValueError(f"CHANGELOG.md says nothing of {version}; write a part `## {version}` before it is released.")
    return found


def command(version: str, wheels: list[str], tag: str) -> list[str]:
    """What is called, with the notes on its standard input.

    Raises:
        ValueError: the tag is that of another version, or it is not one wheel of this one.
    """
    if tag != f"v{version}":
        raise ValueError(f"The tag {tag} is not v{version}, which pyproject.toml has; set one after the other.")
    if [Path(wheel).name.split("-")[1] for wheel in wheels] != [version]:
        raise ValueError(f"dist/ must hold the wheel of {version} and no other; run `make wheel`.")
    return ["gh", "release", "create", tag, *wheels, "--verify-tag", "--title", version, "--notes-file", "-"]


def main() -> int:
    version = sys.argv[1]
    tag = os.environ.get("GITHUB_REF_NAME") or f"v{version}"
    try:
        text = notes((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), version)
        line = command(version, sorted(map(str, Path("dist").glob("*.whl"))), tag)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    return subprocess.run(line, input=text, text=True, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
