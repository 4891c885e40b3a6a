"""Programs of other people, run to the end: what is missing or fails is said in a sentence."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.services.errors import ServicesError

INSTALL = {
    "java": "Install Java 17 or newer (Debian: openjdk-17-jre-headless)",
    "mvn": "Install Maven (Debian: maven)",
    "go": "Install Go 1.25 or newer",
    "apt-get": "Install Prometheus' package where there is one",
    "dpkg-deb": "Install dpkg",
    "node": "Install Node.js 18 or newer",
    "npm": "Install npm (it comes with Node.js)",
}


def require(tool: str, purpose: str) -> str:
    """The tool's path.

    Raises:
        ServicesError: it is not there; the sentence says what it is needed for and how to get it.
    """
    found = shutil.which(tool)
    if found is None:
        raise ServicesError(f"`{tool}` is needed {purpose}, but it is not in PATH. {INSTALL[tool]} and try again.")
    return found


def run(command: list[str], purpose: str, *, cwd: Path, environment: Mapping[str, str] | None = None) -> None:
    """Run a tool; what it prints is shown only if it fails.

    Raises:
        ServicesError: the tool is missing, or it failed.
    """
    program = require(command[0], purpose)
    # Go and Maven keep their own caches where GOPATH, GOMODCACHE, GOCACHE, MAVEN_OPTS say, or else below HOME.
    given = {"HOME": str(Path.home()), **os.environ, **(environment or {})}
    done = subprocess.run(
        [program, *command[1:]],
        cwd=cwd,
        env=given,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if done.returncode != 0:
        last = done.stdout.strip()[-2000:]
        raise ServicesError(f"`{command[0]}`, needed {purpose}, failed with exit code {done.returncode}:\n{last}")


def tell(message: str) -> None:
    """A sign of life on stderr, for work that takes long."""
    print(message, file=sys.stderr, flush=True)
