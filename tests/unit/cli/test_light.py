"""The commands of producers and readers work where no engine and no decoder is installed."""

from __future__ import annotations

import subprocess
import sys

import pytest

# A machine with the core dependencies only, at whose address no broker answers; the deadline is short to be quick.
PROGRAM = """
import importlib.abc, sys

class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "torchvision", "vllm", "transformers", "av", "numpy"):
            raise ModuleNotFoundError(f"{name} is needed")

sys.meta_path.insert(0, Missing())
from consumer.stream.cluster import Cluster
Cluster.__init__.__defaults__ = (0.2,)
from consumer.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    "arguments", ["submit s3://videos/a.mp4", "watch job", "results job", "dlq list", "dlq redrive --all"]
)
def test_up_to_the_broker_nothing_heavy_is_needed(arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments.split(), "--kafka-bootstrap-servers", "127.0.0.1:1"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr.startswith("Kafka at 127.0.0.1:1 (KAFKA_BOOTSTRAP_SERVERS) did not answer"), done.stderr
    assert done.stderr.count("\n") == 1
    assert (done.returncode, done.stdout) == (1, "")


def test_the_way_of_testing_would_see_it() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "process", "s3://videos/a.mp4", "--engine", "synthetic"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "is needed" in done.stderr
