"""`python -m tools.dashboards`: writes deploy/grafana/*.json. `make docs` runs it."""

from __future__ import annotations

from pathlib import Path

from tools.dashboards.grafana import as_json
from tools.dashboards.operations import OPERATIONS
from tools.dashboards.overview import OVERVIEW

DIRECTORY = Path(__file__).parents[2] / "deploy" / "grafana"
BOARDS = (OVERVIEW, OPERATIONS)


if __name__ == "__main__":
    for board in BOARDS:
        path = DIRECTORY / f"{board.uid}.json"
        path.write_text(as_json(board), encoding="utf-8")
        print(f"{path.name} is up to date.")
