"""The commands of producers and readers work where no engine and no decoder is installed."""

from __future__ import annotations

import json
import subprocess
import sys

# A machine with the core dependencies only, at whose address no broker answers; the deadline is short to be quick.
PROGRAM = """
import contextlib, importlib.abc, io, json, sys

class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "torchvision", "vllm", "transformers", "av", "numpy"):
            raise ModuleNotFoundError(f"{name} is needed")

sys.meta_path.insert(0, Missing())
from consumer.stream.cluster import Cluster
Cluster.__init__.__defaults__ = (0.2,)
from consumer.cli.main import main
for command in sys.argv[1:]:
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        code = main(command.split())
    print(json.dumps([code, out.getvalue(), err.getvalue()]))
"""

COMMANDS = ["submit s3://videos/a.mp4", "watch job", "results job", "dlq list", "dlq redrive --all"]


def run(*commands: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", PROGRAM, *commands], capture_output=True, text=True, timeout=60)


def test_up_to_the_broker_nothing_heavy_is_needed() -> None:
    done = run(*(f"{command} --kafka-bootstrap-servers 127.0.0.1:1" for command in COMMANDS))
    assert (done.returncode, done.stdout.count("\n")) == (0, len(COMMANDS)), done.stderr
    for line in done.stdout.splitlines():
        code, out, err = json.loads(line)
        assert err.startswith("Kafka at 127.0.0.1:1 (KAFKA_BOOTSTRAP_SERVERS) did not answer"), err
        assert (code, out, err.count("\n")) == (1, "", 1)


def test_the_way_of_testing_would_see_it() -> None:
    assert "is needed" in run("process s3://videos/a.mp4 --engine synthetic").stderr
