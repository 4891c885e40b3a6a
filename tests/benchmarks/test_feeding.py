"""The small model on the CPU: rendering off the event loop against on it, in one run; 500 chunks with flat memory.

Conditions: 640x360 at 30 frames a second, H.264; chunks of 10 s at 2 frames a second, at most 400 vision tokens, 16
tokens out; six sequences a step, eight chunks in flight.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from consumer.demo.model_path import demo_model
from consumer.demo.settings import ENVIRONMENT

CHUNKS = 500
pytestmark = pytest.mark.timeout(3600)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    directory = tmp_path_factory.mktemp("feeding")
    out = directory / "out.json"
    options = f"--size 640x360 --chunks {CHUNKS} --alone 48 --serial 8 --on-loop 48 --warm 8 --running 6 --in-flight 8"
    options += " --tokens 400 --answer 16 --chunk-seconds 10 --file-seconds 420 --max-model-len 8192 --step-tokens 2048"
    command = [sys.executable, "-m", "tests.benchmarks.feeding", "--model", str(demo_model()), "--model-says", "small"]
    command += ["--out", str(out), "--films", str(directory / "films"), "--eager", "--decoders", "2", *options.split()]
    root = Path(__file__).parents[2]
    subprocess.run(command, check=True, cwd=root, env={**os.environ, **ENVIRONMENT, "PYTHONPATH": str(root)})
    rows: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return rows


def test_memory_stays_as_it_is(found: dict[str, Any]) -> None:
    memory = found["chain"]["memory"]
    print(f"\n{memory['early_mib']} MiB in the second fifth of {CHUNKS} chunks, {memory['late_mib']} in the last")
    assert memory["growth"] < 0.1


def test_the_event_loop_is_left_alone(found: dict[str, Any]) -> None:
    off, on = found["chain"], found["chain, rendering on the loop"]
    print(
        f"\noff the loop {off['x_real_time']} times real time, on it {on['x_real_time']}; alone", found["engine alone"]
    )
    # Tokens of a prompt and what an answer needs stay there; a chunk's pixels do not.
    assert off["cores"]["render"] > 0
    assert on["cores"]["render"] == 0
    assert off["x_real_time"] > 0.9 * on["x_real_time"]
