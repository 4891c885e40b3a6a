"""`--from-file`: a job a line, as JSON objects with the fields of a job, or `source` for what SOURCE may be."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import click

LONGEST_LINE = 4 * 2**20
"""Bytes; a job's record may have a million by default."""


def read_jobs(path: Path, most: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each line's fields with its name for error messages; `-` is stdin, empty lines are none.

    Raises:
        click.UsageError: the file cannot be read, a line is no JSON object, or there are more than `most`.
    """
    count = 0
    with _opened(path) as file:
        for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE + 1), b""), 1):
            name = f"{path}, line {number}" if str(path) != "-" else f"stdin, line {number}"
            if len(line) > LONGEST_LINE:
                raise click.UsageError(f"{name} is longer than {LONGEST_LINE:,} bytes; write one job a line")
            if not line.strip():
                continue
            count += 1
            if count > most:
                raise click.UsageError(f"{path} has more than {most:,} jobs; split it")
            yield name, _fields(name, line)


def merged(defaults: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """The line's fields, and where it is silent those of the options; `metadata` is put together."""
    together = {**defaults, **fields}
    metadata = fields.get("metadata")
    if isinstance(metadata, dict):
        together["metadata"] = {**defaults.get("metadata", {}), **metadata}
    return together


def _fields(name: str, line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line.decode("utf-8-sig").rstrip(), object_pairs_hook=_unique)
    except UnicodeDecodeError:
        raise click.UsageError(f"{name} is not UTF-8; save the file as UTF-8") from None
    except json.JSONDecodeError as error:
        raise click.UsageError(
            f"{name} is not JSON: {error.msg} at column {error.colno}; write one job a line"
        ) from None
    except _TwiceError as error:
        raise click.UsageError(f"{name} has the field {error} twice; keep one of them") from None
    except RecursionError:
        raise click.UsageError(f"{name} is nested too deeply to be a job") from None
    if not isinstance(found, dict):
        raise click.UsageError(f'{name} is no JSON object; write a job as {{"video_url": ..., "prompt": ...}}')
    return found


class _TwiceError(Exception):
    """A field is there twice."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _TwiceError(ascii(name)[1:-1][:80])
        found[name] = value
    return found


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    if str(path) == "-":
        yield sys.stdin.buffer
        return
    try:
        file = path.open("rb")
    except OSError as error:
        raise click.UsageError(
            f"--from-file: {path} cannot be read: {error.strerror}; name a file with a job a line"
        ) from None
    with file:
        yield file
