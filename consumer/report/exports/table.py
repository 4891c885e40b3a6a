"""A row a chunk: as CSV for spreadsheets, as Parquet for everything that computes."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from consumer.events.models import ChunkResult
from consumer.report.exports.outcome import Outcome

Kind = Literal["text", "int", "float", "bool", "texts", "instant"]
# What spreadsheets take for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `value` may be None."""

    name: str
    kind: Kind
    value: Callable[[ChunkResult], Any]


COLUMNS = (
    Column("job_id", "text", lambda one: one.job_id),
    Column("run_id", "text", lambda one: one.run_id),
    Column("chunk_index", "int", lambda one: one.chunk_index),
    Column("start_time", "float", lambda one: one.start_time),
    Column("end_time", "float", lambda one: one.end_time),
    Column("success", "bool", lambda one: one.success),
    Column("response", "text", lambda one: one.response),
    Column("parsed", "text", lambda one: one.parsed),
    Column("error_code", "text", lambda one: one.error.code.value if one.error is not None else None),
    Column("error_message", "text", lambda one: one.error.message if one.error is not None else None),
    Column("finish_reason", "text", lambda one: one.finish_reason),
    Column("truncated", "bool", lambda one: one.truncated),
    Column("degraded", "texts", lambda one: one.degraded),
    Column("warnings", "texts", lambda one: one.warnings),
    Column("frames", "int", lambda one: one.frames.count if one.frames is not None else None),
    Column("width", "int", lambda one: one.frames.width if one.frames is not None else None),
    Column("height", "int", lambda one: one.frames.height if one.frames is not None else None),
    Column("vision_tokens", "int", lambda one: one.tokens.vision),
    Column("prompt_tokens", "int", lambda one: one.tokens.prompt),
    Column("completion_tokens", "int", lambda one: one.tokens.completion),
    Column("processing_time", "float", lambda one: one.processing_time),
    Column("attempt", "int", lambda one: one.attempt),
    Column("model", "text", lambda one: one.provenance.model),
    Column("plan_digest", "text", lambda one: one.provenance.plan_digest),
    Column("created_at", "instant", lambda one: one.created_at),
)


def comma_separated(outcome: Outcome) -> str:
    """RFC 4180, in UTF-8; lists are joined by semicolons, an instant is in ms since the epoch.

    Text that a spreadsheet would take for a formula gets an apostrophe in front, as OWASP advises.
    """
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow([column.name for column in COLUMNS])
    writer.writerows([_cell(column, chunk) for column in COLUMNS] for chunk in outcome.chunks)
    return file.getvalue()


def _cell(column: Column, chunk: ChunkResult) -> str:
    value = column.value(chunk)
    if value is None:
        return ""
    if column.kind == "bool":
        return str(value).lower()
    if column.kind not in ("text", "texts"):
        return str(value)
    text = "; ".join(value) if column.kind == "texts" else value
    return f"'{text}" if text.startswith(_FORMULA) else text


def parquet(outcome: Outcome) -> bytes:
    """One row group; the final result stands as JSON in the file's metadata, under `video_result`.

    Raises:
        ModuleNotFoundError: pyarrow, the extra `parquet`, is not installed.
    """
    import pyarrow
    import pyarrow.parquet

    types = {
        "text": pyarrow.string(),
        "int": pyarrow.int64(),
        "float": pyarrow.float64(),
        "bool": pyarrow.bool_(),
        "texts": pyarrow.list_(pyarrow.string()),
        "instant": pyarrow.timestamp("ms", tz="UTC"),
    }
    final = {"video_result": outcome.final.model_dump_json()} if outcome.final is not None else {}
    schema = pyarrow.schema([(column.name, types[column.kind]) for column in COLUMNS], metadata=final)
    rows = [{column.name: column.value(chunk) for column in COLUMNS} for chunk in outcome.chunks]
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows, schema=schema), buffer)
    return buffer.getvalue()
