"""Toxiproxy: ways to other services that can be cut, slowed down and reset."""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from tests.services.downloads import toxiproxy_program
from tests.services.ports import PortLease
from tests.services.sandbox import Sandbox
from tests.services.waiting import wait_ready

SECONDS = 5.0


class Toxiproxy:
    """Runs from `with` on.

    Args:
        ways: name -> (port that clients use, port of the service), all on 127.0.0.1.
    """

    def __init__(self, ways: Mapping[str, tuple[int, int]]) -> None:
        self._program = toxiproxy_program()
        self._sandbox = Sandbox("toxiproxy")
        self._lease = PortLease()
        self._ways = dict(ways)

    def __enter__(self) -> Toxiproxy:
        try:
            command = [str(self._program), "-host", "127.0.0.1", "-port", str(self._lease.port)]
            server = self._sandbox.start(
                "toxiproxy", command, {"PATH": os.environ.get("PATH", ""), "LOG_LEVEL": "warn"}
            )
            wait_ready("Toxiproxy", server, self._ready)
            for name, (port, behind) in self._ways.items():
                way = {"name": name, "listen": f"127.0.0.1:{port}", "upstream": f"127.0.0.1:{behind}", "enabled": True}
                self._ask("POST", "/proxies", way)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def cut(self, name: str) -> None:
        """Close all connections and refuse new ones, until `mend`."""
        self._ask("POST", f"/proxies/{name}", {"enabled": False})

    def slow(self, name: str, milliseconds: int) -> None:
        """Hold everything back that comes from the service, by this much and as much as half more, until `mend`."""
        jitter = {"latency": milliseconds, "jitter": milliseconds // 2}
        self._ask("POST", f"/proxies/{name}/toxics", {"type": "latency", "stream": "downstream", "attributes": jitter})

    def reset(self, name: str, milliseconds: int) -> None:
        """End each connection with a TCP reset when it has carried data for this long, until `mend`."""
        after = {"timeout": milliseconds}
        self._ask("POST", f"/proxies/{name}/toxics", {"type": "reset_peer", "stream": "upstream", "attributes": after})

    def mend(self, name: str) -> None:
        """As it was at first."""
        for toxic in self._ask("GET", f"/proxies/{name}/toxics"):
            self._ask("DELETE", f"/proxies/{name}/toxics/{toxic['name']}")
        self._ask("POST", f"/proxies/{name}", {"enabled": True})

    def close(self) -> None:
        """End it."""
        self._sandbox.close()
        self._lease.close()

    def _ready(self) -> bool:
        try:
            self._ask("GET", "/proxies")
        except OSError:
            return False
        return True

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self._lease.port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "User-Agent": "tests"},
        )
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310 - the address is made here
            content = answer.read()
        return json.loads(content) if content else None
