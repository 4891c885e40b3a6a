"""Writes the generated parts of the documentation: the README's table of settings. `make docs` runs it."""

from __future__ import annotations

import re
from pathlib import Path

from consumer.cli.masking import rows
from consumer.settings import PASS_THROUGH, Settings, load_settings

README = Path(__file__).parents[1] / "README.md"
_PART = re.compile(r"(<!-- settings -->\n).*?(<!-- /settings -->)", re.DOTALL)


def settings_table() -> str:
    """Every setting as a Markdown table: its name in the environment, its default, its meaning."""
    lines = ["| setting | default | meaning |", "|---|---|---|"]
    for row in rows(load_settings(environment={})):
        default = f"`{row.text}`" if row.text else ""
        field = row.name.lower()
        name = f"{row.name}_..." if field in PASS_THROUGH else row.name
        lines.append(f"| `{name}` | {default} | {Settings.model_fields[field].description} |")
    return "\n".join(lines) + "\n"


def with_settings(readme: str) -> str:
    """The README's text with its table written anew.

    Raises:
        ValueError: the markers are not there.
    """
    written, count = _PART.subn(lambda part: part[1] + settings_table() + part[2], readme)
    if count != 1:
        raise ValueError("README.md must hold <!-- settings --> and <!-- /settings --> once")
    return written


if __name__ == "__main__":
    README.write_text(with_settings(README.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"{README.name} is up to date.")
