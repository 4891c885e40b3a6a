"""How Kafka's Java programs are called, and what makes them start fast: an archive of loaded classes, made once."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from tests.services.tools import require

# A broker that lives for a test needs neither a parallel collector nor the slow second compiler.
SMALL = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData")
# An archive that does not fit (another Java) is left unused; not worth a line in the log.
QUIET = ("-Xshare:auto", "-Xlog:cds=off", "-Xlog:cds+dynamic=off")


def java(libs: Path, main_class: str, *arguments: str, options: tuple[str, ...] = ()) -> list[str]:
    """The command line of a Kafka program."""
    program = require("java", "to run Apache Kafka")
    return [program, *SMALL, *QUIET, *options, "-cp", f"{libs}/*", main_class, *arguments]


def java_environment() -> dict[str, str]:
    """All that a Java program is told of this process's environment."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "JAVA_HOME", "TMPDIR", "LANG") if name in os.environ}


def archive_name(libs: Path) -> str:
    """An archive serves one Java and one class path, so both are in its name."""
    program = Path(require("java", "to run Apache Kafka")).resolve()
    told = f"{program} {program.stat().st_mtime_ns} {libs}"
    return f"{libs.parent.name}-started-{hashlib.sha256(told.encode()).hexdigest()[:8]}"
