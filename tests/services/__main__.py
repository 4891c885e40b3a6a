"""`python -m tests.services`: a real Kafka, MinIO and Prometheus on this machine, for a person to use.

`start` (the default) starts them in the background and prints the settings; again: prints them again. `stop` ends them,
`fetch` only fetches what they need into the cache.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.services.background import Background
from tests.services.downloads import kafka_libs, minio_program, prometheus_programs
from tests.services.errors import ServicesError
from tests.services.tools import tell

ROOT = Path(__file__).parents[2]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.services", description=__doc__)
    parser.add_argument("command", nargs="?", default="start", choices=["start", "stop", "fetch", "serve"])
    parser.add_argument("--directory", type=Path, default=ROOT / ".services", help="where settings and log are kept")
    given = parser.parse_args()
    background = Background(given.directory.absolute())
    try:
        match given.command:
            case "start":
                _fetch()
                print(background.start(), end="")
                tell(f"The same lines are in {_short(background.environment_file)}; `make services-stop` ends them.")
            case "stop":
                tell("Stopped." if background.stop() else "No services are running.")
            case "fetch":
                _fetch()
            case "serve":
                background.serve()
    except ServicesError as error:
        tell(str(error))
        return 1
    return 0


def _fetch() -> None:
    """Here, where a person sees what takes long."""
    kafka_libs()
    minio_program()
    prometheus_programs()


def _short(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


if __name__ == "__main__":
    sys.exit(main())
