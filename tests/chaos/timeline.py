"""What happened when: the faults, and the transitions that the workers' logs tell of, in one file by time."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

TRANSITIONS = frozenset(
    {
        "assigned",
        "draining",
        "fencing_failed",
        "job_concluded",
        "lost",
        "partition_phase",
        "read_back",
        "read_back_failed",
        "revoked",
        "transaction_failed",
        "workers_crashed",
    }
)


class Timeline:
    """Notes what is done to the system.

    Args:
        path: JSON lines, each written at once.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, event: str, **fields: Any) -> None:
        """One line, with the time of now."""
        now = datetime.datetime.now(datetime.UTC).isoformat().replace("+00:00", "Z")
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"timestamp": now, "event": event, **fields}) + "\n")

    def merge(self, records: Iterable[dict[str, Any]], path: Path) -> None:
        """Write the notes and the transitions among `records` (the workers' logs), by time."""
        notes = self._path.read_text(encoding="utf-8").splitlines() if self._path.exists() else []
        lines = [json.loads(line) for line in notes]
        lines += [one for one in records if one["event"] in TRANSITIONS]
        lines.sort(key=lambda one: one["timestamp"])
        path.write_text("".join(json.dumps(one) + "\n" for one in lines), encoding="utf-8")
