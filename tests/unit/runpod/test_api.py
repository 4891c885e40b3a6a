"""The client of RunPod's API against the stand-in, over real HTTP."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from pydantic import SecretStr

from consumer.errors import ConfigurationError
from consumer.runpod.api import TRIES, RunpodApi
from consumer.runpod.api_errors import RunpodRefusedError, RunpodUnavailableError, UncertainCreationError
from consumer.runpod.api_models import GpuRequest, PodRequest
from consumer.runpod.fleet import Plan, members, new_name
from consumer.settings import Settings
from tests.runpod_schema import violations
from tests.runpod_server import CATALOGUE, L4, RunpodServer, problem

PLAN = Plan(fleet="films", image="you/video-consumer:1")
FULL = Plan(
    fleet="films",
    image="you/video-consumer:1",
    cloud="COMMUNITY",
    gpu_count=2,
    volume="vol_1",
    env={"MODEL_NAME": "m"},
    data_centers=("US-TX-3",),
    registry="reg_1",
    min_cuda="12.8",
    global_networking=True,
)


def _make(api: RunpodApi, plan: Plan = PLAN) -> str:
    return api.create(plan.request(L4, new_name(plan.fleet))).id


@pytest.mark.parametrize("plan", [PLAN, FULL, Plan(fleet="films", image="i", volume=50)])
def test_what_is_asked_for_is_what_the_description_allows(plan: Plan, api: RunpodApi, runpod: RunpodServer) -> None:
    made = api.create(plan.request(L4, "films-00000001"))
    stored = runpod.cloud.pods[made.id]
    assert (made.status, made.gpu and made.gpu.count) == ("PROVISIONING", plan.gpu_count)
    assert (
        stored["mounts"]
        == {
            None: {},
            "vol_1": {"network": [{"volumeId": "vol_1", "path": "/models"}]},
            50: {"persistent": {"size": 50, "path": "/models"}},
        }[plan.volume]
    )
    assert made.cost == pytest.approx(0.39 if plan is not FULL else 0.52)


@pytest.mark.parametrize("place", ["", "gpu", "mounts"])
def test_a_field_that_the_description_does_not_know_is_refused_by_name(
    place: str, api: RunpodApi, runpod: RunpodServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    body: dict[str, Any] = PLAN.request(L4, "films-00000001").body() | {"mounts": {}}
    (body[place] if place else body)["gpuTypeIds"] = ["NVIDIA L4"]
    monkeypatch.setattr(PodRequest, "body", lambda _: body)
    with pytest.raises(RunpodRefusedError, match=r"422: \$.*additional properties 'gpuTypeIds' not allowed") as caught:
        _make(api)
    assert (caught.value.status, runpod.cloud.pods) == (422, {})


def test_a_wrong_value_is_refused_too() -> None:
    assert violations(PLAN.request(L4, "").body()) == ["$.name: '' should be non-empty"]
    assert violations({"name": "a"}) == ["$: 'image' is a required property"]
    request = GpuRequest(id="NVIDIA L4", min_cuda_version="12")
    body = PLAN.request(L4, "a").model_copy(update={"gpu": request}).body()
    assert violations(body) == [r"$.gpu.minCudaVersion: '12' does not match '^\\d+\\.\\d+$'"]


def test_all_pages_of_pods_are_read_and_a_pod_is_removed_once(api: RunpodApi, runpod: RunpodServer) -> None:
    made = [_make(api) for _ in range(5)]
    assert [pod.id for pod in api.pods()] == made
    api.remove(made[2])
    api.remove(made[2])
    assert len(members(api.pods(), "films")) == 4
    assert runpod.cloud.requests.count(("GET", "/v2/pods")) == 5


def test_the_catalogue_tells_price_and_stock(api: RunpodApi, runpod: RunpodServer) -> None:
    runpod.cloud.stock["NVIDIA L4"] = 1
    found = {gpu.id: gpu for gpu in api.gpus("COMMUNITY", 2)}
    assert len(found) == len(CATALOGUE)
    assert not found["NVIDIA L4"].offered("COMMUNITY")
    assert found["NVIDIA GeForce RTX 4090"].offered("COMMUNITY")
    assert (found["NVIDIA L40S"].offered("COMMUNITY"), found["NVIDIA L40S"].offered("SECURE")) == (False, True)
    assert found["NVIDIA GeForce RTX 4090"].hourly("COMMUNITY", 2) == pytest.approx(0.92)


def test_429_is_waited_out_as_told_and_5xx_with_backoff(
    api: RunpodApi, runpod: RunpodServer, waits: list[float]
) -> None:
    runpod.cloud.answers.extend([problem(429, "rate limit exceeded", Retry_After="12"), problem(503, "down"), None])
    assert api.pods() == ()
    assert waits == [12, 2.0]


@pytest.mark.parametrize("told", ["900000", "-3", "nan", "soon"])
def test_no_retry_after_keeps_it_for_long(told: str, api: RunpodApi, runpod: RunpodServer, waits: list[float]) -> None:
    runpod.cloud.answers.append(problem(429, "slow down", Retry_After=told))
    api.pods()
    assert waits == [{"900000": 60, "-3": 1.0}.get(told, 1.0)]


def test_an_outage_is_one_sentence(api: RunpodApi, runpod: RunpodServer, waits: list[float]) -> None:
    runpod.cloud.answers.extend([problem(502, "bad gateway")] * TRIES)
    with pytest.raises(RunpodUnavailableError) as caught:
        api.pods()
    assert str(caught.value) == (
        f"RunPod's API at {runpod.url} (RUNPOD_API_URL) gave no usable answer: GET /pods was answered with 502, "
        "4 times in a row."
    )
    assert len(waits) == TRIES - 1


def test_a_pod_is_asked_for_once_when_nobody_knows_whether_it_was_made(
    api: RunpodApi, runpod: RunpodServer, waits: list[float]
) -> None:
    runpod.cloud.lose = True
    with pytest.raises(UncertainCreationError, match="did not say whether it made the pod films-"):
        _make(api)
    assert (len(runpod.cloud.pods), waits) == (1, [])
    runpod.cloud.answers.append(problem(500, "oops"))
    with pytest.raises(UncertainCreationError, match="was answered with 500"):
        _make(api)
    runpod.cloud.answers.append((201, {"id": "pod1"}, {}))
    with pytest.raises(UncertainCreationError, match="name is not as described"):
        _make(api)
    assert (len(runpod.cloud.pods), waits) == (1, [])


def test_a_pod_is_asked_for_again_when_it_was_surely_not_made(
    api: RunpodApi, runpod: RunpodServer, waits: list[float]
) -> None:
    runpod.cloud.answers.append(problem(429, "rate limit exceeded", Retry_After="3"))
    _make(api)
    assert (len(runpod.cloud.pods), waits) == (1, [3])
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}/v2"
        with (
            RunpodApi(SecretStr("k"), nobody, sleep=waits.append) as other,
            pytest.raises(RunpodUnavailableError, match="POST /pods ended with ConnectError, 4 times") as caught,
        ):
            _make(other)
    assert not isinstance(caught.value, UncertainCreationError)


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (402, "RunPod asks for money before it makes a pod (no balance): top up the account."),
        (403, "RUNPOD_API_KEY does not give access to GET /pods (no balance): widen the key's permissions."),
        (409, "RunPod refused GET /pods with 409: no balance."),
    ],
)
def test_refusals(status: int, sentence: str, api: RunpodApi, runpod: RunpodServer, waits: list[float]) -> None:
    runpod.cloud.answers.append(problem(status, "no\nbalance."))
    with pytest.raises(RunpodRefusedError) as caught:
        api.pods()
    assert (str(caught.value), waits) == (sentence, [])


def test_an_answer_that_is_no_problem_by_rfc_9457(api: RunpodApi, runpod: RunpodServer) -> None:
    runpod.cloud.answers.append((400, b"<html>" + b"x" * 5000, {}))
    with pytest.raises(RunpodRefusedError, match=r"^RunPod refused GET /pods with 400: Bad Request\.$"):
        api.pods()
    runpod.cloud.answers.append((200, b"<html>", {}))
    with pytest.raises(RunpodUnavailableError, match=r"in the answer to GET /pods the body is not as described"):
        api.pods()
    runpod.cloud.answers.append(problem(400, "long " * 500))
    with pytest.raises(RunpodRefusedError) as caught:
        api.pods()
    assert len(str(caught.value)) < 400


def test_the_key() -> None:
    with pytest.raises(ConfigurationError, match=r"^RUNPOD_API_KEY is not set"):
        RunpodApi.of(Settings())


def test_a_wrong_key_is_never_repeated(runpod: RunpodServer) -> None:
    with (
        RunpodApi(SecretStr("rpa_wrong_key"), runpod.url) as client,
        pytest.raises(ConfigurationError, match="does not accept RUNPOD_API_KEY") as caught,
    ):
        client.pods()
    assert "rpa_wrong_key" not in str(caught.value)


def test_a_pods_environment_is_not_shown(api: RunpodApi) -> None:
    plan = Plan(fleet="films", image="i", env={"PASSWORD": "hunter2"})
    request = plan.request(L4, "films-00000001")
    assert "hunter2" not in f"{request!r} {api.create(request)!r} {api.pods()!r}"
