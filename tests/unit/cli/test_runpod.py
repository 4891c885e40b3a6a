"""`runpod pods` as a user calls it, against the stand-in of RunPod's API."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from consumer.cli.main import main
from tests.runpod_server import RunpodServer, problem


@pytest.fixture
def runpod(monkeypatch: pytest.MonkeyPatch) -> Iterator[RunpodServer]:
    with RunpodServer() as server:
        monkeypatch.setenv("RUNPOD_API_KEY", server.cloud.key)
        monkeypatch.setenv("RUNPOD_API_URL", server.url)
        monkeypatch.setattr("time.sleep", lambda _: pytest.fail("it waited"))
        yield server


def run(arguments: str) -> int:
    return main(["runpod", *arguments.split()])


def test_pods_are_made_listed_and_removed(runpod: RunpodServer, capsys: pytest.CaptureFixture[str]) -> None:
    make = "pods create --fleet films --image you/it:1 --count 2 --volume-size 60 --env A=1 --secret HF_TOKEN"
    assert run(f"{make} --kafka-bootstrap-servers kafka:9092") == 0
    made = capsys.readouterr()
    ids = made.out.split()
    assert list(runpod.cloud.pods) == ids
    assert made.err.count("NVIDIA L4 for $0.39 an hour") == 2
    env = runpod.cloud.pods[ids[0]]["env"]
    assert (env["A"], env["HF_TOKEN"]) == ("1", "{{ RUNPOD_SECRET_HF_TOKEN }}")
    assert env["KAFKA_BOOTSTRAP_SERVERS"] == "kafka:9092"
    assert env["KAFKA_CONSUMER_CLIENT_ID"] == runpod.cloud.pods[ids[0]]["name"]

    runpod.cloud.run()
    assert run("pods list --fleet films") == 0
    listed = capsys.readouterr()
    assert listed.out.count("RUNNING") == 2
    assert listed.err == "2 pods, $0.78 an hour\n"
    assert run("pods list --fleet films --json") == 0
    assert {pod["id"] for pod in json.loads(capsys.readouterr().out)} == set(ids)
    assert run("pods list") == 0
    assert capsys.readouterr().err == "0 pods, $0.00 an hour\n"

    assert run(f"pods remove --fleet films {ids[0]}") == 0
    assert list(runpod.cloud.pods) == ids[1:]
    assert run("pods remove --fleet films --all") == 0
    assert runpod.cloud.pods == {}


def test_a_pod_of_somebody_else_is_not_removed(runpod: RunpodServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("pods create --fleet films --image you/it:1") == 0
    assert run("pods create --fleet others --image you/it:1") == 0
    mine, others = capsys.readouterr().out.split()
    assert run(f"pods remove --fleet films {mine} {others}") == 1
    assert f"{others} is no pod of the fleet films: nothing was removed" in capsys.readouterr().err
    assert run("pods remove --fleet nobody --all") == 0
    assert list(runpod.cloud.pods) == [mine, others]


def test_a_dry_run_shows_the_request(runpod: RunpodServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("pods create --image you/it:1 --gpu-count 2 --min-cuda 12.8 --dry-run") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["gpu"] == {"id": "NVIDIA L4", "count": 2, "minCudaVersion": "12.8"}
    assert runpod.cloud.pods == {}


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ("create", 2, "--image"),
        ("create --image i --volume-size 20 --network-volume v", 2, "--volume-size and --network-volume exclude"),
        ("create --image i --env A", 2, "--env takes NAME=VALUE, not 'A'"),
        ("create --image i --min-cuda 12", 2, "--min-cuda takes a version such as 12.8, not '12'"),
        ("create --image i --fleet Films", 2, "must be small letters, digits and -"),
        ("create --image i --gpu nothing", 1, "RunPod has nothing nowhere free in the cloud SECURE"),
        ("create --image i --min-memory 999", 1, "RunPod has a GPU with 999 GB nowhere free"),
        ("remove", 2, "name pods, or pass --all"),
        ("remove a --all", 2, "name pods, or pass --all"),
    ],
)
def test_one_sentence_says_what_is_wrong(
    arguments: str, code: int, sentence: str, runpod: RunpodServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(f"pods {arguments}") == code
    errors = capsys.readouterr().err
    assert sentence in errors
    assert errors.count("\n") == 1
    assert runpod.cloud.pods == {}


def test_a_wrong_key_is_an_error_of_configuration(runpod: RunpodServer, capsys: pytest.CaptureFixture[str]) -> None:
    runpod.cloud.answers.append(problem(401, "invalid bearer token"))
    assert run("pods list") == 4
    assert capsys.readouterr().err.startswith("RunPod does not accept RUNPOD_API_KEY (invalid bearer token)")


def test_without_a_key_nothing_is_tried(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("pods list") == 4
    assert capsys.readouterr().err.startswith("RUNPOD_API_KEY is not set")
