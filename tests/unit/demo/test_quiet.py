"""Children and C libraries write to descriptor 2, so the tests do, too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from consumer.demo.quiet import SHOWN_LINES, QuietStderr


def noise(text: str) -> None:
    os.write(2, f"{text} from C\n".encode())
    subprocess.run([sys.executable, "-c", f"import sys; print('{text} from a child', file=sys.stderr)"], check=True)


def test_noise_goes_to_the_file_and_stderr_comes_back(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with QuietStderr(tmp_path / "log"):
        noise("inside")
    noise("outside")
    assert capfd.readouterr().err == "outside from C\noutside from a child\n"
    assert (tmp_path / "log").read_text() == "inside from C\ninside from a child\n"


def test_an_error_brings_the_last_lines_back(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError), QuietStderr(tmp_path / "log"):
        for number in range(SHOWN_LINES + 5):
            os.write(2, f"line {number}\n".encode())
        raise RuntimeError
    lines = capfd.readouterr().err.splitlines()
    assert (len(lines), lines[0], lines[-1]) == (SHOWN_LINES, "line 5", f"line {SHOWN_LINES + 4}")


def test_whoever_stops_it_does_not_want_to_read(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt), QuietStderr(tmp_path / "log"):
        noise("inside")
        raise KeyboardInterrupt
    assert capfd.readouterr().err == ""
