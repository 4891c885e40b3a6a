"""How long the demo takes once it is installed, and how long it says nothing at most."""

from __future__ import annotations

import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.integration.demo_process import SEED, DemoProcess

pytestmark = pytest.mark.timeout(900)


def test_the_demo() -> None:
    # Not pytest's directory: its path is too long for a socket.
    with TemporaryDirectory(prefix="demo-bench-") as directory:
        demo = DemoProcess(Path(directory), "--seed", SEED)
        demo.read()
        assert demo.process.wait() == 0, demo.text
        seconds = time.monotonic() - demo.started
    print(f"\ndemo, installed: {seconds:.0f} s, longest silence {max(demo.silences):.1f} s; {os.cpu_count()} cores")
    assert seconds <= 180
    assert max(demo.silences) <= 5
