"""Dashboards, alerts and runbook agree with each other, and with the metrics that there are."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from consumer.errors import ErrorCode
from consumer.runpod.fleet_metrics import FleetMetrics
from consumer.settings import Settings
from consumer.telemetry.gpu import GPU_METRICS
from consumer.telemetry.metrics import Metrics
from tools.dashboards.__main__ import BOARDS, DIRECTORY
from tools.dashboards.grafana import as_json
from tools.dashboards.panels import Board, Panel

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")


def alerts() -> list[dict[str, Any]]:
    rules = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in (PROMETHEUS / "rules").glob("*.yml")]
    return [rule for one in rules for group in one["groups"] for rule in group["rules"]]


def series() -> set[str]:
    """The names of all series of our own."""
    ours = Metrics.declared() | FleetMetrics.declared()
    declared = {name: attribute.declaration for name, attribute in ours.items()} | GPU_METRICS
    names = {"build_info"}
    for name, one in declared.items():
        names |= {f"{name}{end}" for end in ("_bucket", "_sum", "_count")} if one.buckets else {name}
    return {f"video_consumer_{name}" for name in names}


LOGGING = r"_log\.(warning|error|exception|critical)|self\._later"

PANELS = [(f"{board.uid} {panel.title}", panel) for board in BOARDS for panel in board.panels]
QUESTIONS = {
    **{name: " ".join(query.expression for query in panel.queries) for name, panel in PANELS},
    **{rule["alert"]: rule["expr"] for rule in alerts()},
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_only_metrics_that_exist_are_asked_for(name: str) -> None:
    assert set(re.findall(r"video_consumer_\w+", QUESTIONS[name])) <= series()


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)
def test_the_dashboards_are_up_to_date(board: Board) -> None:
    written = (DIRECTORY / f"{board.uid}.json").read_text(encoding="utf-8")
    assert written == as_json(board), "run `make docs`"


@pytest.mark.parametrize("panel", [panel for _, panel in PANELS], ids=[name for name, _ in PANELS])
def test_a_panel_says_what_it_shows_and_what_a_worker_needs_for_it(panel: Panel) -> None:
    assert panel.text.endswith(".")
    asked = " ".join(query.expression for query in panel.queries)
    assert (panel.needs == "vllm") == ("vllm:" in asked)
    assert (panel.needs == "autoscaler") == ("video_consumer_fleet_" in asked)
    assert (panel.needs == "gpu") == ("video_consumer_gpu_" in asked.replace("video_consumer_gpu_seconds", ""))


def test_each_alert_has_its_entry_in_the_runbook_and_no_entry_is_left_over() -> None:
    entries = re.findall(r"^## (\w+)$", RUNBOOK, re.MULTILINE)
    assert [rule["alert"] for rule in alerts()] == entries
    for rule in alerts():
        assert rule["annotations"]["runbook_url"] == f"docs/runbook.md#{rule['alert'].lower()}"
        assert f"## {rule['alert']}\n\n*{rule['labels']['severity']}. " in RUNBOOK


def test_the_runbook_s_links_lead_somewhere() -> None:
    places = {name.lower() for name in re.findall(r"^## (\w+)$", RUNBOOK, re.MULTILINE)}
    assert set(re.findall(r"\]\(#(\w+)\)", RUNBOOK)) <= places
    linked = [link for link in re.findall(r"\]\(([^)#]+)\)", RUNBOOK) if "://" not in link]
    named = re.findall(r"(?<![/(])docs/\w+\.md", RUNBOOK)
    assert all((ROOT / "docs" / link).exists() for link in linked) and all((ROOT / name).exists() for name in named)


def test_each_alert_is_tried_both_ways() -> None:
    ways = defaultdict(set)
    for path in (PROMETHEUS / "tests").glob("*.yml"):
        for case in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]:
            for tried in case["alert_rule_test"]:
                ways[tried["alertname"]].add(bool(tried["exp_alerts"]))
    assert ways == {rule["alert"]: {True, False} for rule in alerts()}


def test_the_runbook_names_only_what_there_is() -> None:
    """Lines of the log, settings, codes: whoever reads it at night looks for exactly these."""
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "consumer").rglob("*.py"))
    quoted = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", RUNBOOK))
    assert {"engine_stalled", "transaction_failed"} <= quoted
    assert [name for name in quoted if not re.search(rf"\b{name}\b", sources)] == []
    capitals = set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", RUNBOOK))
    assert {name for name in capitals if name.lower() not in Settings.model_fields} - set(ErrorCode) == set()


def troubles() -> set[str]:
    """The events of all warnings and errors that the product logs."""
    found = set()
    for path in (ROOT / "consumer").rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and re.fullmatch(LOGGING, ast.unparse(call.func)):
                event = call.args[0]
                if isinstance(event, ast.Constant):
                    found.add(str(event.value))
                else:
                    # Only `_later` hands an event on, and its callers are looked at, too.
                    assert path.name in ("partition.py", "guard.py"), f"{path}: {ast.unparse(call)}"
    return found


def test_the_runbook_explains_every_trouble_in_the_log_and_no_other() -> None:
    table = RUNBOOK.partition("## What the log says")[2]
    told = {name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    assert told == troubles()
