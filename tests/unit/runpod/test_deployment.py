"""The files for RunPod's Hub and for KEDA: they name only what there is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from consumer.events.topics import Topics
from consumer.runpod.request import read_request
from consumer.settings import Settings, load_settings
from consumer.telemetry.metrics import Metrics

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / ".runpod"
# As RunPod's publishing guide names them, read in November 2026.
POOLS = {"AMPERE_16", "AMPERE_24", "ADA_24", "AMPERE_48", "ADA_48_PRO", "AMPERE_80", "ADA_80_PRO", "HOPPER_141"}
TYPES = {"string", "number", "boolean", "huggingface"}


def _json(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    return found


CONFIG: dict[str, Any] = _json("hub.json")["config"]
TESTS: list[dict[str, Any]] = _json("tests.json")["tests"]


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _defaults() -> dict[str, str]:
    return {one["key"]: _text(one["value"] if "value" in one else one["input"]["default"]) for one in CONFIG["env"]}


def test_what_the_hub_asks_for_is_there() -> None:
    hub = _json("hub.json")
    assert {"title", "description", "type", "category", "config"} == set(hub)
    assert (hub["type"], hub["category"], CONFIG["runsOn"]) == ("serverless", "video", "GPU")
    assert set(CONFIG["gpuIds"].split(",")) <= POOLS
    assert (FOLDER / "Dockerfile").resolve() == ROOT / "deploy" / "Dockerfile"
    assert (FOLDER / "handler.py").is_file()
    assert (ROOT / "README.md").is_file()


def test_every_input_is_a_setting_whose_default_holds() -> None:
    defaults = _defaults()
    assert len(defaults) == len(CONFIG["env"])
    assert {name.lower() for name in defaults} <= set(Settings.model_fields)
    settings = load_settings(environment=defaults).settings
    assert (settings.preset, settings.model_name) == ("24gb-fp8", "Qwen/Qwen3-VL-8B-Instruct-FP8")
    for one in CONFIG["env"]:
        assert one.get("input", {"type": "string"})["type"] in TYPES


@pytest.mark.parametrize("preset", CONFIG["presets"], ids=lambda preset: preset["name"])
def test_a_preset_is_a_deployment_that_works(preset: dict[str, Any]) -> None:
    assert preset["defaults"].keys() <= _defaults().keys()
    given = {name: _text(value) for name, value in preset["defaults"].items()}
    assert load_settings(environment=_defaults() | given).settings.preset == given["PRESET"]


@pytest.mark.parametrize("option", [one for env in CONFIG["env"] for one in env.get("input", {}).get("options", [])])
def test_every_option_can_be_chosen(option: dict[str, str]) -> None:
    settings = load_settings(environment=_defaults() | {"PRESET": option["value"]}).settings
    assert settings.preset == option["value"]
    assert settings.model_name.endswith("FP8") == option["value"].endswith("fp8"), "the preset chooses the model"


@pytest.mark.parametrize("test", TESTS, ids=lambda test: test["name"])
def test_the_hub_s_tests_are_requests_that_the_worker_takes(test: dict[str, Any]) -> None:
    config = _json("tests.json")["config"]
    settings = load_settings(environment={one["key"]: one["value"] for one in config["env"]}).settings
    job = read_request({"id": "abc", "input": test["input"]})
    assert job.video_url is not None
    assert urlsplit(job.video_url).hostname in settings.allowed_hosts
    assert set(config["allowedCudaVersions"]) == set(CONFIG["allowedCudaVersions"])


def test_cuda_is_that_of_the_image() -> None:
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    found = re.search(r"^ARG CUDA_VERSION=(\d+\.\d+)", dockerfile, re.MULTILINE)
    assert found
    assert CONFIG["allowedCudaVersions"][0] == found[1]


def test_keda_asks_for_a_metric_and_a_topic_that_there_are() -> None:
    (scaled,) = yaml.safe_load_all((ROOT / "deploy" / "keda" / "scaledobject.yaml").read_text(encoding="utf-8"))
    prometheus, kafka = (trigger["metadata"] for trigger in scaled["spec"]["triggers"])
    there = {sample.name for family in Metrics().registry.collect() for sample in family.samples}
    assert set(re.findall(r"video_consumer_\w+", prometheus["query"])) <= there
    settings = Settings()
    assert kafka["topic"] == Topics(settings.kafka_topic_prefix).jobs
    assert kafka["consumerGroup"] == settings.kafka_group_id
    assert scaled["spec"]["maxReplicaCount"] <= settings.topic_partitions
