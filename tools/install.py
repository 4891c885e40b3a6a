"""Makes `.venv` with everything for demo and tests; `make install` runs it with the Python of the system.

It must read on older Pythons too, so that they say one sentence instead of a syntax error.
"""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / ".installed"
EXTRAS = "cpu,runpod,parquet,tracing,dev"
OLDEST = (3, 11)
SIGN_OF_LIFE_SECONDS = 4.0


def main() -> int:
    """Returns the exit code; the stamp is written only when everything is there."""
    if sys.version_info < OLDEST:
        found = "{}.{}".format(*sys.version_info)
        return fail(f"Python 3.11 or newer is needed, but {sys.executable} is {found}; try make PYTHON=python3.12 ...")
    if not (VENV / "bin" / "pip").exists():
        say("Creating .venv ...")
        if run([sys.executable, "-m", "venv", "--clear", str(VENV)]):
            return fail("The venv could not be made; on Debian and Ubuntu the package python3-venv is needed.")
    if not (VENV / "bin" / "uv").exists():
        say("Installing uv ...")
        if run([str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "uv"]):
            return fail("pip could not install uv; see its message above.")
    say("Installing vLLM for CPUs, torch and the tools, some GB; takes minutes the first time ...")
    # Compiled once, by all cores: else each of vLLM's processes does it at its first start, or, where bytecode is not
    # to be written, at every start, and that takes longer than all the rest of its imports.
    options = ["--compile-bytecode", "--python", str(PYTHON)]
    if run([str(VENV / "bin" / "uv"), "pip", "install", *options, "-e", f".[{EXTRAS}]"]):
        return fail("uv could not install the packages; see its message above.")
    STAMP.touch()
    say("Installed; .venv/bin/video-consumer is there.")
    return 0


def run(command: "list[str]") -> int:
    """The command's exit code. Off a terminal pip and uv show no progress; lines say that they live."""
    finished = threading.Event()
    if not sys.stderr.isatty():
        threading.Thread(target=tick, args=(time.monotonic(), finished), daemon=True).start()
    try:
        # A large wheel from a slow mirror is not an error after uv's 30 seconds.
        return subprocess.call(command, cwd=str(ROOT), env={"UV_HTTP_TIMEOUT": "300", **os.environ})
    finally:
        finished.set()


def tick(started: float, finished: threading.Event) -> None:
    while not finished.wait(SIGN_OF_LIFE_SECONDS):
        say(f"  ... {time.monotonic() - started:.0f} s")


def say(text: str) -> None:
    print(text, flush=True)


def fail(text: str) -> int:
    print(text, file=sys.stderr, flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main())
