"""Prometheus, with the project's own configuration and rules; its targets are told later, and may change."""

from __future__ import annotations

import json
import os
import re
import shutil
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.services.downloads import prometheus_programs
from tests.services.ports import PortLease
from tests.services.sandbox import Sandbox
from tests.services.waiting import wait_ready

CONFIGURATION = Path(__file__).parents[2] / "deploy" / "prometheus"
SECONDS = 10.0
_BESIDES = "    file_sd_configs:\n      - files: [targets/*.yml]\n"


class Prometheus:
    """Runs from `with` on, at `address` (host:port).

    Args:
        targets: addresses of workers' pages.
        scrape_every: instead of what the configuration says, such as `1s`; for tests, which cannot wait for a minute.
        autoscaler: where it is; then runpod.yml is taken instead of prometheus.yml, and `targets` are scraped besides
            the pods that it tells of.
    """

    def __init__(
        self, targets: Sequence[str] = (), scrape_every: str | None = None, autoscaler: str | None = None
    ) -> None:
        self._programs = prometheus_programs()
        self._sandbox = Sandbox("prometheus")
        self._lease = PortLease()
        self._targets, self._scrape_every, self._autoscaler = targets, scrape_every, autoscaler
        self._file = "prometheus.yml" if autoscaler is None else "runpod.yml"
        self.address = f"127.0.0.1:{self._lease.port}"

    def __enter__(self) -> Prometheus:
        try:
            self._configure()
            command = [
                str(self._programs / "prometheus"),
                f"--config.file=configuration/{self._file}",
                "--storage.tsdb.path=data",
                f"--web.listen-address={self.address}",
                "--log.level=warn",
            ]
            server = self._sandbox.start("prometheus", command, {"PATH": os.environ.get("PATH", "")})
            wait_ready("Prometheus", server, self._ready)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series of an instant query; a query that Prometheus does not take raises an HTTPError."""
        found: list[dict[str, Any]] = self._ask("query", query=expression)["result"]
        return found

    def rules(self) -> list[dict[str, Any]]:
        """The alerting rules with their states."""
        return [rule for group in self._ask("rules")["groups"] for rule in group["rules"]]

    def close(self) -> None:
        """End it, and forget what it has stored."""
        self._sandbox.close()
        self._lease.close()

    def _configure(self) -> None:
        """A copy of the project's configuration, with its targets for those of compose."""
        place = self._sandbox.directory / "configuration"
        shutil.copytree(CONFIGURATION, place, ignore=shutil.ignore_patterns("targets"))
        targets = place / "targets"
        targets.mkdir()
        (targets / "local.yml").write_text(json.dumps([{"targets": list(self._targets)}]), encoding="utf-8")
        file = place / self._file
        text = file.read_text(encoding="utf-8")
        if self._scrape_every is not None:
            text = re.sub(r": (15|30)s", f": {self._scrape_every}", text)
        if self._autoscaler is not None:
            text = text.replace("autoscaler:9400", self._autoscaler)
            if self._targets:
                text = text.replace("    http_sd_configs:\n", f"{_BESIDES}    http_sd_configs:\n")
        file.write_text(text, encoding="utf-8")

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self.address}/-/ready", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def _ask(self, path: str, **words: str) -> Any:
        address = f"http://{self.address}/api/v1/{path}?{urllib.parse.urlencode(words)}"
        with urllib.request.urlopen(address, timeout=SECONDS) as answer:
            return json.load(answer)["data"]
