"""Writes the generated parts of the documentation: settings, presets, metrics, the simulated week; for `make docs`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from consumer.cli.masking import rows
from consumer.presets import CARDS, PRESETS, preset
from consumer.runpod.fleet_metrics import FleetMetrics
from consumer.setting_sources import PASS_THROUGH
from consumer.settings import Settings, load_settings
from consumer.telemetry.declaring import PREFIX, Declaration
from consumer.telemetry.gpu import GPU_METRICS
from consumer.telemetry.metrics import Metrics
from tools.scaling.table import week_table

ROOT = Path(__file__).parents[1]
README, DOCS = ROOT / "README.md", ROOT / "docs"
ENGINE, METRICS, SCALING = DOCS / "engine.md", DOCS / "metrics.md", DOCS / "scaling.md"
MOST_VALUES = 8


def settings_table() -> str:
    """Every setting as a Markdown table: its name in the environment, its default, its meaning."""
    lines = ["| setting | default | meaning |", "|---|---|---|"]
    for row in rows(load_settings(environment={})):
        default = f"`{row.text}`" if row.text else ""
        field = row.name.lower()
        name = f"{row.name}_..." if field in PASS_THROUGH else row.name
        lines.append(f"| `{name}` | {default} | {Settings.model_fields[field].description} |")
    return "\n".join(lines) + "\n"


def presets_table() -> str:
    """Every preset as a Markdown table: what it sets and what that was derived from."""
    lines = [
        "| `PRESET` | card, MiB | weights, GB | `GPU_MEMORY_UTILIZATION` | tokens that fit | `MAX_MODEL_LEN` "
        "| `MAX_NUM_BATCHED_TOKENS` | `MAX_CONCURRENT_CHUNKS` | `DECODERS` | `MODEL_NAME` |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name in PRESETS:
        found = preset(name)
        settings = found.settings
        values = (
            f"`{name}`",
            f"{CARDS[name.partition('-')[0]]:,}",
            f"{found.weights_bytes / 1e9:.2f}",
            settings["gpu_memory_utilization"],
            f"{found.kv_tokens:,}",
            settings["max_model_len"],
            settings["max_num_batched_tokens"],
            settings["max_concurrent_chunks"],
            settings["decoders"],
            found.model_name,
        )
        lines.append(f"| {' | '.join(map(str, values))} |")
    return "\n".join(lines) + "\n"


def metrics_table() -> str:
    """Every metric of a worker as a Markdown table; a label with many values is named with how many it has."""
    return _metrics({name: attribute.declaration for name, attribute in Metrics.declared().items()} | GPU_METRICS)


def fleet_table() -> str:
    """Every metric of the autoscaler, likewise."""
    return _metrics({name: attribute.declaration for name, attribute in FleetMetrics.declared().items()})


def _metrics(declared: Mapping[str, Declaration]) -> str:
    lines = ["| metric | kind | unit | labels | meaning |", "|---|---|---|---|---|"]
    for name, one in declared.items():
        labels = "; ".join(f"`{label}`: {_values(values)}" for label, values in one.labels.items())
        lines.append(f"| `{PREFIX}_{name}` | {one.kind.__name__.lower()} | {one.unit} | {labels} | {one.text} |")
    return "\n".join(lines) + "\n"


def _values(values: tuple[str, ...]) -> str:
    if not values:
        return "number of the card"
    return ", ".join(values) if len(values) <= MOST_VALUES else f"one of {len(values)}, such as {values[0]}"


TABLES: dict[Path, dict[str, Callable[[], str]]] = {
    README: {"settings": settings_table},
    ENGINE: {"presets": presets_table},
    METRICS: {"metrics": metrics_table},
    SCALING: {"week": week_table, "fleet": fleet_table},
}
"""The generated parts of each page: the names of their markers, and what stands between them."""


def with_table(page: Path) -> str:
    """The page's text with its tables written anew.

    Raises:
        ValueError: the markers are not there.
    """
    text = page.read_text(encoding="utf-8")
    for name, table in TABLES[page].items():
        part = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        text, count = part.subn(_between(table()), text)
        if count != 1:
            raise ValueError(f"{page.name} must hold <!-- {name} --> and <!-- /{name} --> once")
    return text


def _between(table: str) -> Callable[[re.Match[str]], str]:
    return lambda found: found[1] + table + found[2]


if __name__ == "__main__":
    for one in TABLES:
        one.write_text(with_table(one), encoding="utf-8")
        print(f"{one.name} is up to date.")
