"""`python -m tools.asyncapi`: writes docs/asyncapi.json and docs/asyncapi.html. `make docs` runs it."""

from __future__ import annotations

from pathlib import Path

from tools.asyncapi.document import as_json, document
from tools.asyncapi.page import page

DOCS = Path(__file__).parents[2] / "docs"
DOCUMENT, PAGE = DOCS / "asyncapi.json", DOCS / "asyncapi.html"


if __name__ == "__main__":
    made = document()
    for path, text in ((DOCUMENT, as_json(made)), (PAGE, page(made))):
        path.write_text(text, encoding="utf-8")
        print(f"{path.name} is up to date.")
