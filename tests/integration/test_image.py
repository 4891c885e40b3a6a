"""The image without Docker: its stages' own steps, its entry, its file for Compose, and what `make image` calls."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from consumer import __version__
from consumer.telemetry.health import HealthState
from consumer.telemetry.probes import ProbeServer
from tests.services.downloads import actionlint_program, compose_program

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
TOOLS = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
# Where packages come from is a matter of the machine.
FROM_OUTSIDE = {name: value for name, value in os.environ.items() if re.match("(?i)UV_|PIP_|SSL_|.*_proxy$", name)}
ECHO = '#!/bin/sh\nprintf "%s\\n" "$$" "$HF_HOME" "$COMPILE_CACHE_DIR" "$@"\n'


def run(*words: str | Path, **more: Any) -> str:
    """Its output; it must end well."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=200, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout)


def program(directory: Path, name: str, text: str) -> Path:
    """A script of this name, to be found in `directory`."""
    directory.mkdir(exist_ok=True)
    path = directory / name
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `docker build` sends along, by .dockerignore."""
    place = tmp_path_factory.mktemp("context")
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        source = ROOT / line[1:]
        if not line.startswith("!"):
            continue
        (place / line[1:]).parent.mkdir(exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, place / line[1:], ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, place / line[1:])
    return place


@pytest.mark.timeout(600)
def test_the_client_s_stages_make_a_client_that_works(context: Path, tmp_path: Path) -> None:
    """The Dockerfile's own lines, with other places; nothing of this checkout is imported."""
    steps = re.findall(
        r"^RUN (make wheel|make libraries VENV=/opt/venv|.*\n    /opt/venv/bin/pip .*)$", DOCKERFILE, re.M
    )
    wheel, libraries, install = steps[:3]
    environment = {"PATH": TOOLS, "HOME": str(Path.home()), **FROM_OUTSIDE}
    for step in (libraries, wheel, re.sub(r"^--mount\S+ \\\n", "", install)):
        line = step.replace("/opt/venv", str(tmp_path / "venv")).replace("/dist/", f"{context}/dist/")
        run("sh", "-c", line, cwd=context, env=environment)
    client = tmp_path / "venv" / "bin"
    assert run(client / "video-consumer", "--version", cwd=tmp_path, env={}).endswith(f" {__version__}\n")
    known = "from consumer.events.schemas import known; assert known()"
    run(client / "python", "-c", known, cwd=tmp_path, env={})
    assert "torch" not in run(client / "pip", "list", cwd=tmp_path, env={})


def entered(tmp_path: Path, *words: str, error: str = "", **environment: str) -> list[str]:
    """HF_HOME, COMPILE_CACHE_DIR and arguments, as the program gets them; `error` is what is told beside."""
    fake = program(tmp_path / "bin", "video-consumer", ECHO).parent
    given = {"PATH": f"{fake}:{os.environ['PATH']}", **environment}
    with subprocess.Popen(
        [ROOT / "deploy" / "entrypoint.sh", *words],
        env=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        output, told = process.communicate(timeout=20)
    assert error in told if error else not told
    assert process.returncode == 0
    lines = output.splitlines()
    assert lines[0] == str(process.pid), "the program takes the shell's place, so that it gets the signals"
    return lines[1:]


def test_caches_are_kept_on_the_first_volume_that_is_there(tmp_path: Path) -> None:
    pod, models = tmp_path / "workspace", tmp_path / "models"
    volumes = f"{tmp_path}/runpod-volume {pod} {models}"
    assert entered(tmp_path, "run", CACHE_VOLUMES=volumes) == ["", "", "run"]
    models.mkdir()
    assert entered(tmp_path, CACHE_VOLUMES=volumes) == [f"{models}/huggingface", f"{models}/compiled"]
    pod.mkdir()
    assert entered(tmp_path, CACHE_VOLUMES=volumes) == [f"{pod}/huggingface", f"{pod}/compiled"]
    own = {"HF_HOME": "/mine", "COMPILE_CACHE_DIR": "/also"}
    assert entered(tmp_path, "a b", CACHE_VOLUMES=volumes, **own) == ["/mine", "/also", "a b"]


def test_a_model_that_the_image_carries_is_read_from_it(tmp_path: Path) -> None:
    baked, volume = tmp_path / "baked", tmp_path / "volume"
    (baked / "hub" / "models--owner--model").mkdir(parents=True)
    volume.mkdir()
    given = {"CACHE_VOLUMES": str(volume), "BAKED_MODELS": str(baked)}
    assert entered(tmp_path, MODEL_NAME="owner/model", **given) == [str(baked), f"{volume}/compiled"]
    for other in ("owner/other", ""):
        assert entered(tmp_path, MODEL_NAME=other, **given) == [f"{volume}/huggingface", f"{volume}/compiled"]


def test_the_card_is_shared_where_that_is_asked_for(tmp_path: Path) -> None:
    log = tmp_path / "log"
    control = f'#!/bin/sh\necho "$CUDA_MPS_LOG_DIRECTORY $@" >>{log}\n'
    program(tmp_path / "bin", "nvidia-cuda-mps-control", control)
    for others in ("", "0"):
        assert entered(tmp_path, "run", CUDA_MPS=others) == ["", "", "run"]
    assert not log.exists()
    assert entered(tmp_path, "run", CUDA_MPS="1", TMPDIR="/t") == ["", "", "run"]
    assert log.read_text(encoding="utf-8") == "/t/nvidia-mps-log -d\n"


@pytest.mark.parametrize("control", ["#!/bin/sh\nexit 1\n", None])
def test_a_card_that_cannot_be_shared_is_told_and_stops_nothing(control: str | None, tmp_path: Path) -> None:
    if control is not None:
        program(tmp_path / "bin", "nvidia-cuda-mps-control", control)
    assert entered(tmp_path, "run", error="take turns on the card", CUDA_MPS="1") == ["", "", "run"]


def test_the_image_is_asked_whether_it_lives() -> None:
    checks = [json.loads(line) for line in re.findall(r"^    CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)]
    assert len(checks) == 2
    state = HealthState()
    server = ProbeServer("127.0.0.1", 0, registry=CollectorRegistry(), state=state)
    server.start()
    try:
        for check in checks:
            assert check[0] == "python"
            line = [sys.executable, *check[1:]]
            run(*line, env={"HTTP_PORT": str(server.port)})
        state.expect("loop", -1.0)
        assert subprocess.run(line, env={"HTTP_PORT": str(server.port)}, stderr=subprocess.DEVNULL).returncode == 1
    finally:
        server.stop()
    assert subprocess.run(line, env={"HTTP_PORT": str(server.port)}, stderr=subprocess.DEVNULL).returncode == 1


def called(
    tmp_path: Path, name: str, *words: str, environment: Mapping[str, str] | None = None, cwd: Path = ROOT
) -> tuple[list[str], str]:
    """The arguments of the last call of a program, and its standard input, when `make` runs."""
    log = tmp_path / "log"
    script = f'#!/bin/sh\nprintf "%s\\n" "$@" >{log}\ncat >{log}.in </dev/stdin\n'
    fake = program(tmp_path / "bin", name, script).parent
    given = {"PATH": f"{fake}:{TOOLS}", "HOME": str(Path.home()), **FROM_OUTSIDE, **(environment or {})}
    run("make", *words, cwd=cwd, env=given, stdin=subprocess.DEVNULL)
    return log.read_text(encoding="utf-8").splitlines(), Path(f"{log}.in").read_text(encoding="utf-8")


def test_what_make_image_asks_docker_for(tmp_path: Path) -> None:
    plain, _ = called(tmp_path, "docker", "image", "STAGE=cpu")
    assert plain[:5] == ["build", "--file", "deploy/Dockerfile", "--target", "cpu"]
    assert (ROOT / plain[2]).is_file()
    assert plain[-1] == "."
    assert "BAKED_MODEL" not in plain and "--secret" not in plain
    # As the workflow calls it.
    workflow = {"IMAGE": "you/it", "TAGS": "latest abc", "BAKED_MODEL": "o/m", "HF_TOKEN": "hunter2"}
    pushed, _ = called(tmp_path, "docker", "image-push", environment=workflow)
    assert [one for one in pushed if one.startswith("you/it")] == ["you/it:latest", "you/it:abc"]
    assert pushed[-6:] == ["--build-arg", "BAKED_MODEL", "--secret", "id=HF_TOKEN", "--push", "."]
    assert "hunter2" not in str(pushed)


def test_what_make_release_asks_github_for(context: Path, tmp_path: Path) -> None:
    for name in ("tools/release.py", "CHANGELOG.md"):
        (context / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, context / name)
    words, text = called(tmp_path, "gh", "release", cwd=context, environment={"GITHUB_REF_NAME": f"v{__version__}"})
    wheel = f"dist/video_consumer-{__version__}-py3-none-any.whl"
    assert words[:4] == ["release", "create", f"v{__version__}", wheel]
    assert (context / wheel).is_file()
    assert text and text in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_file_for_compose_is_one_to_docker(linters: None) -> None:
    read = json.loads(run(compose_program(), "-format", "json", "docker-compose.yml", cwd=ROOT))
    assert {"kafka", "consumer", "consumer-cpu", "schema-registry", "prometheus", "grafana"} <= set(read["services"])


def test_the_workflows_are_what_github_takes(linters: None) -> None:
    run(actionlint_program(), "-no-color", *sorted((ROOT / ".github" / "workflows").glob("*.yml")), cwd=ROOT)
