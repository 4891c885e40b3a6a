"""What `version` tells, also on machines where less is installed, or something is broken."""

from __future__ import annotations

import json
import re
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytest

from consumer import __version__
from consumer.cli import versions
from consumer.cli.main import main
from tests.unit.telemetry.nvml import Nvml


def as_json(capsys: pytest.CaptureFixture[str]) -> dict[str, str | None]:
    assert main(["version", "--json"]) == 0
    found: dict[str, str | None] = json.loads(capsys.readouterr().out)
    return found


def replaced(monkeypatch: pytest.MonkeyPatch, name: str, module: Any) -> None:
    """`import_module` gives (or raises) this for the name."""

    def load(wanted: str) -> Any:
        if wanted != name:
            return import_module(wanted)
        if isinstance(module, Exception):
            raise module
        return module

    monkeypatch.setattr(versions, "import_module", load)


def test_people_get_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["version"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(rf"video-consumer +{re.escape(__version__)}", lines[0])
    assert [re.split(r"  +", line)[0] for line in lines] == list(versions.versions())


def test_all_that_matters_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    found = as_json(capsys)
    for name in ("confluent-kafka", "av", "torch", "transformers", "fastavro", "minio", "pydantic"):
        assert found[name] == version(name)
    assert re.match(r"2\.\d+\.\d+", found["librdkafka"] or "")
    assert re.match(r"n?\d+\.\d", found["FFmpeg"] or "")
    assert re.match(r"\d+\.\d+\.\d+", found["vllm"] or "")
    assert (found["Python"] or "").startswith("3.")
    assert found["system"]


def test_what_is_not_installed_is_a_dash(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(versions, "version", missing)
    monkeypatch.setattr(versions, "find_spec", lambda _: None)
    monkeypatch.setattr(versions, "NVIDIA", Path("/nowhere"))
    replaced(monkeypatch, "pynvml", ImportError("no pynvml"))
    found = as_json(capsys)
    assert {name for name, one in found.items() if one is not None} == {"video-consumer", "Python", "system"}
    assert main(["version"]) == 0
    assert re.search(r"^vllm +-$", capsys.readouterr().out, re.MULTILINE)


def test_a_broken_library_is_told_and_nothing_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    replaced(monkeypatch, "av", ImportError("libx.so.1: cannot open\nshared object"))
    assert as_json(capsys)["FFmpeg"] == "does not load: libx.so.1: cannot open shared object"


class _Cards(Nvml):
    def nvmlSystemGetDriverVersion(self) -> str:  # noqa: N802 - NVML's own name
        return "580.65.06"

    def nvmlDeviceGetName(self, handle: int) -> str:  # noqa: N802
        self._call("nvmlDeviceGetName")
        return "NVIDIA H200" if handle < 2 else "NVIDIA L4"


def test_cards_and_driver_by_nvml(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = _Cards(3)
    replaced(monkeypatch, "pynvml", nvml)
    found = versions.versions()
    assert (found["NVIDIA driver"], found["GPU"]) == ("580.65.06", "2 x NVIDIA H200, 1 x NVIDIA L4")
    assert nvml.closed


def test_a_driver_that_does_not_answer_is_read_from_the_kernel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "version"
    file.write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.124.06  Wed Feb 26 01:58:49 UTC 2025\n")
    monkeypatch.setattr(versions, "NVIDIA", file)
    for failing in ("nvmlInit", "nvmlDeviceGetName"):
        replaced(monkeypatch, "pynvml", _Cards(1, failing=failing))
        found = versions.versions()
        assert found["NVIDIA driver"] == "570.124.06"
        assert (found["GPU"] or "").startswith("does not answer") == (failing == "nvmlDeviceGetName")


def test_torch_is_not_imported_for_its_cuda(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("raise AssertionError('torch was imported')\n")
    (tmp_path / "torch" / "version.py").write_text("from typing import Optional\ncuda: Optional[str] = '12.8'\n")
    import importlib.machinery

    spec = importlib.machinery.PathFinder.find_spec("torch", [str(tmp_path)])
    monkeypatch.setattr(versions, "find_spec", lambda name: spec if name == "torch" else None)
    assert versions.versions()["CUDA of torch"] == "12.8"
    (tmp_path / "torch" / "version.py").write_text("cuda: Optional[str] = None\n")
    assert versions.versions()["CUDA of torch"] is None
