"""`python -m tests.report`: take the pictures of the page that docs/report.md shows."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.report.browsing import running, written
from tests.report.example import example_page
from tests.services.chromium import chromium

DOCS = Path(__file__).parents[2] / "docs"
SHOTS = {
    "light": ("light", 1000, 1250, 1.0),
    "dark": ("dark", 1000, 1250, 1.0),
    "telephone": ("light", 390, 1500, 1.25),
}


def main(target: Path) -> int:
    """Returns the exit code."""
    found = chromium()
    if found is None:
        print("There is no Chromium for this machine; install one.", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as scratch, running(found) as browser:
        address = written(example_page(Path(scratch)), Path(scratch))
        for name, (scheme, width, height, scale) in SHOTS.items():
            context = browser.new_context(
                color_scheme="dark" if scheme == "dark" else "light",
                viewport={"width": width, "height": height},
                device_scale_factor=scale,
            )
            page = context.new_page()
            page.goto(address)
            page.screenshot(path=target / f"report-{name}.png", caret="initial")
            context.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS))
