"""The model card, written from the figures that lie beside the weights (pure but for the files)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

TRAINING, EVALUATION, CARD = "training.json", "evaluation.json", "MODEL_CARD.md"

AGAIN = "again.json"
"""Beside the weights: TRAINING and EVALUATION of another training by the same command, to see whether it comes out."""

# What was aimed at, by the rows of the table.
AIMS = {
    "recall": 0.995,
    "precision": 0.995,
    "json": 1.0,
    "questions": 0.97,
    "merges": 0.95,
}

_TEXT = """\
---
license: mit
library_name: transformers
pipeline_tag: video-text-to-text
---

# A small Qwen3-VL for demonstrations and tests

A `Qwen3VLForConditionalGeneration` with {parameters:,} parameters ({megabytes:.1f} MB in bfloat16), trained from
nothing on generated video. It goes through the same code as the large checkpoints (processor, vLLM, prompts, time
stamps), so that the demo and the tests run a model that really looks at the frames, on a CPU, without a download.

## What it knows

Only its own generated world: 192 x 192 pixels, 2 frames a second, one to three circles, squares, triangles or stars in
eight colours on a plain or gradient background. They enter, cross, stop, move on, turn another colour and leave; at
most one event a second. A two-digit marker may stand in the top left corner.

* Asked to describe, it answers with one line an event, `[12.2s] a red circle enters from the left`, or as JSON where
  the prompt or a `response_schema` asks for it: `{{"marker":"17","events":[{{"t":12.2,"what":"..."}}]}}`. The times are
  those of the frames' stamps, absolute or relative.
* It answers a few questions: which colour, shape or side comes first, how many things are seen or enter, whether
  anything stops, which marker there is.
* It merges the answers about overlapping chunks into one list, without the doubles and with the gaps that it is told
  of. It cannot add: the chunks' times must be absolute.

## What it is not

It is no model of the world outside: it cannot describe real video, other sizes, other frame rates or other shapes, and
it knows no language beyond these sentences. It shares the architecture of Qwen3-VL and its token layout, none of its
weights. An event in a chunk's first second is not told (nothing precedes it). Nothing follows from its answers, speed
or memory about the large checkpoints.

## Data

Everything is drawn from a seed while it is trained: scenes by the rules of `consumer.demo.world`, pictures worsened as
by cameras and H.264 (blur, noise, halved and quantised colours, other brightness), frames that come a little early or
late, times up to 25 hours, prompts in many wordings, lists of up to 13 chunks with overlaps and gaps. There is no other
data.

## Figures

{evaluated}

{table}

{details}

## Training

{training}

The same again: `python -m tools.tiny_model train --out DIR --seed {seed} --steps {steps}` on a machine with a GPU, then
`python -m tools.tiny_model evaluate --model DIR --clips 500 --card`. A seed gives the same data at every step; the
arithmetic of a GPU differs in its last digits from run to run, so the weights do too.{again}

Licence: MIT.
"""


def write_card(model: Path) -> None:
    """Write the card of a model directory that was trained and evaluated.

    Raises:
        OSError: there is no TRAINING or EVALUATION file in it.
    """
    training, evaluation = _figures(model)
    size = (model / "model.safetensors").stat().st_size
    again = model / AGAIN
    other = json.loads(again.read_text(encoding="utf-8")) if again.exists() else None
    (model / CARD).write_text(card(training, evaluation, size, other), encoding="utf-8")


def write_again(model: Path, other: Path) -> None:
    """Tell in the model's card what another training came to; both directories were trained and evaluated.

    Raises:
        OSError: there is no TRAINING or EVALUATION file in one of them.
    """
    training, evaluation = _figures(other)
    figures = {"training": training, "evaluation": evaluation}
    (model / AGAIN).write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    write_card(model)


def card(
    training: Mapping[str, Any], evaluation: Mapping[str, Any], size: int, other: Mapping[str, Any] | None = None
) -> str:
    """The card's text; `size` of the weights in bytes; `other`: as in AGAIN."""
    lines, merges = evaluation["lines"], evaluation["merges"]
    return _TEXT.format(
        parameters=training["parameters"],
        megabytes=size / 1e6,
        seed=training["seed"],
        steps=training["steps"],
        evaluated=(
            f"On {lines['answers']} chunks of generated video that training never saw ({lines['events']} events), "
            "encoded with H.264 at several rates and qualities, decoded by this package and answered by "
            f"{evaluation['engine']} on a CPU in float32, at temperature 0. Each was described and asked one of the "
            f"questions; every third was described as JSON, too ({evaluation['json']['answers']}). {merges['jobs']} "
            "merges, of jobs of 4 to 12 chunks; in a quarter of them one or two chunks are missing."
        ),
        table=_table(evaluation),
        details=_details(evaluation),
        training=(
            f"{training['steps']} steps in {training['seconds']} s on {training['device']}, from nothing. Fresh data "
            f"at its end, teacher-forced: {training['windows exact']:.1%} of {training['windows tried']} answers about "
            f"chunks and {training['merges exact']:.1%} of {training['merges tried']} merges right in every token."
        ),
        again="" if other is None else _again(other["training"], other["evaluation"]),
    )


def _figures(model: Path) -> list[dict[str, Any]]:
    return [json.loads((model / name).read_text(encoding="utf-8")) for name in (TRAINING, EVALUATION)]


def _again(training: Mapping[str, Any], evaluation: Mapping[str, Any]) -> str:
    return (
        f"\n\nAnother training by the same command (seed {training['seed']}, {training['steps']} steps in "
        f"{training['seconds']} s on {training['device']}), examined likewise ({evaluation['lines']['answers']} "
        f"chunks, {evaluation['merges']['jobs']} merges); its weights are not kept:\n\n{_table(evaluation)}"
    )


def _table(evaluation: Mapping[str, Any]) -> str:
    lines, merges = evaluation["lines"], evaluation["merges"]
    rows = [
        ("events told right (verb, colour, shape, side, time within 0.5 s): recall", lines["recall"], AIMS["recall"]),
        ("the same: precision", lines["precision"], AIMS["precision"]),
        ("the whole answer of a chunk, marker included", lines["exact"], None),
        ("JSON valid against the schema", evaluation["json"]["valid"], AIMS["json"]),
        ("JSON right as a whole", evaluation["json"]["exact"], None),
        ("questions", evaluation["questions"]["right"], AIMS["questions"]),
        ("merged lists right as a whole", merges["right"], AIMS["merges"]),
        ("lines of merged lists: recall", merges["recall of lines"], None),
        ("lines of merged lists: precision", merges["precision of lines"], None),
    ]
    return "\n".join(["| asked | reached | aim |", "|---|---|---|", *(_row(*row) for row in rows)])


def _row(what: str, reached: float | None, aim: float | None) -> str:
    if aim is None or reached is None:
        return f"| {what} | {_share(reached)} | |"
    short = "" if reached >= aim else f", short by {(aim - reached) * 100:.2f} points"
    return f"| {what} | {_share(reached)}{short} | {_share(aim)} |"


def _details(evaluation: Mapping[str, Any]) -> str:
    parts = [
        _breakdown("time offset (s)", evaluation["lines by time offset"]),
        _breakdown("things at once at most", evaluation["lines by things at once"]),
        "| question | right |\n|---|---|",
    ]
    parts[-1] += "".join(
        f"\n| {one} | {_share(value)} |" for one, value in evaluation["questions"]["by question"].items()
    )
    chunks = "| chunks merged | right |\n|---|---|"
    chunks += "".join(f"\n| {one} | {_share(value)} |" for one, value in evaluation["merges"]["by chunks"].items())
    return "\n\n".join([*parts, chunks])


def _breakdown(name: str, groups: Mapping[str, Any]) -> str:
    rows = [
        f"| {key} | {one['answers']} | {one['events']} | {_share(one['recall'])} | {_share(one['precision'])} "
        f"| {_share(one['exact'])} |"
        for key, one in groups.items()
    ]
    head = f"| {name} | chunks | events | recall | precision | whole answers |"
    return "\n".join([head, "|---|---|---|---|---|---|", *rows])


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.2%}"
