"""Estimates as a table for a person and as JSON for a program (pure)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from consumer.cli.estimating import Estimates
from consumer.cli.format import clock
from consumer.job.estimate import Estimate
from consumer.job.throughput import Throughput

_LONGEST_NAME = 44


def as_fields(found: Estimates, throughput: Throughput, price_per_hour: float | None) -> dict[str, Any]:
    """The JSON object."""

    def fields(one: Estimate) -> dict[str, Any]:
        seconds = throughput.seconds(one.prompt_tokens)
        price = {"price": seconds / 3600 * price_per_hour} if price_per_hour is not None else {}
        return asdict(one) | {"gpu_seconds": seconds} | price

    return {
        "videos": [{"source": video.name} | fields(video.asked) for video in found.videos],
        "total": fields(found.total),
        "changes": [{"change": name} | fields(one) for name, one in found.changes.items()],
        "throughput": asdict(throughput),
        "exact_text": found.exact_text,
        "failures": found.failures,
    }


def table(found: Estimates, throughput: Throughput, price_per_hour: float | None) -> str:
    """The table, and below it what the figures are."""
    heads = ["", "length", "chunks", "frames", "tokens", "GPU", *(["price"] if price_per_hour is not None else [])]
    rows = [heads, *(_row(_cut(video.name), video.asked, throughput, price_per_hour) for video in found.videos)]
    if len(found.videos) != 1:
        rows.append(_row(f"{len(found.videos)} videos", found.total, throughput, price_per_hour))
    changes = found.changes
    parts = [
        _aligned([*rows, *(_row(f"  with {name}", one, throughput, price_per_hour) for name, one in changes.items())])
    ]
    total = found.total
    text = "exact" if found.exact_text else "exact but for the prompt's text, as MODEL_NAME's vocabulary is not here"
    parts.append(
        f"Tokens: what the model reads, {total.vision_tokens:,} of them pixels; {text}. It answers with at most "
        f"{total.answer_tokens:,} more."
    )
    if total.about or any(one.about for one in changes.values()):
        parts.append("~: key frames, reckoned from some of the chunks.")
    answers = f" and {throughput.answer_tokens:.0f} tokens an answer" if throughput.answer_tokens is not None else ""
    rate = f"{throughput.prompt_tokens_per_second:,.0f} tokens a second{answers}"
    parts.append(f"GPU: at {rate}, by {throughput.where}, kept busy.")
    return "\n".join(parts)


def _row(name: str, one: Estimate, throughput: Throughput, price_per_hour: float | None) -> list[str]:
    about = "~" if one.about else ""
    seconds = throughput.seconds(one.prompt_tokens)
    row = [name, clock(one.seconds), f"{one.chunks:,}", f"{about}{one.frames:,}", f"{about}{one.prompt_tokens:,}"]
    row.append(f"{about}{seconds:,.1f} s")
    if price_per_hour is not None:
        row.append(f"{about}{seconds / 3600 * price_per_hour:,.4f}")
    return row


def _aligned(rows: list[list[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )


def _cut(name: str) -> str:
    name = "".join(one if one.isprintable() else "?" for one in name)
    return name if len(name) <= _LONGEST_NAME else "…" + name[-_LONGEST_NAME + 1 :]
