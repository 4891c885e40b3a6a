"""Commands of `video-consumer` in the tests' own process, which takes a tenth of a process's time."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from consumer.cli.main import main

PODS = ("--fleet", "films", "--image", "you/it:1", "--max-pods", "1", "--max-hourly", "1")
SCALING = ("autoscale", "--once", "--dry-run", *PODS)
COMMANDS: dict[str, tuple[str, ...]] = {
    "submit": ("submit", "s3://videos/x.mp4"),
    "cancel": ("cancel", "job-0"),
    "results": ("results", "job-0"),
    "watch": ("watch", "job-0", "--timeout", "30"),
    "ask": ("ask", "job-0", "--zoom", "Who?", "--no-wait"),
    "dlq list": ("dlq", "list"),
    "dlq redrive": ("dlq", "redrive", "--all", "--yes"),
    "autoscale": SCALING,
}


class Commands:
    """`video-consumer` in this process: what it printed is kept."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys
        self.out = self.error = ""

    def __call__(self, environment: Mapping[str, str], *arguments: str) -> int:
        with self._monkeypatch.context() as patch:
            for name, value in {**environment, "LOG_LEVEL": "ERROR"}.items():
                patch.setenv(name, value)
            code = main(arguments)
        self.out, self.error = self._capsys.readouterr()
        return code
