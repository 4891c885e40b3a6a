from __future__ import annotations

from dataclasses import replace

import pytest

from consumer.runpod.api import RunpodApi
from consumer.runpod.api_errors import RunpodRefusedError, UncertainCreationError
from consumer.runpod.fleet import CLIENT_VARIABLE, FLEET_VARIABLE, PRICE_VARIABLE, Plan, members, new_name, offers
from consumer.runpod.placing import place
from consumer.settings import load_settings
from tests.runpod_schema import violations
from tests.runpod_server import L4, RunpodServer, problem

PLAN = Plan(fleet="films", image="you/video-consumer:1")


def _ids(api: RunpodApi, plan: Plan) -> list[str]:
    return [gpu.id for gpu in offers(api.gpus(plan.cloud, plan.gpu_count), plan)]


def test_the_cheapest_card_that_will_do_comes_first(api: RunpodApi, runpod: RunpodServer) -> None:
    expected = ["NVIDIA L4", "NVIDIA GeForce RTX 4090", "NVIDIA L40S", "NVIDIA H100 80GB HBM3"]
    assert _ids(api, PLAN) == expected
    runpod.cloud.stock["NVIDIA L4"] = 0
    assert _ids(api, PLAN) == expected[1:]
    assert _ids(api, Plan(fleet="films", image="i", gpus=("NVIDIA L40S", "NVIDIA RTX A4000"))) == [
        "NVIDIA RTX A4000",
        "NVIDIA L40S",
    ]
    assert _ids(api, Plan(fleet="films", image="i", cloud="COMMUNITY", min_memory=48)) == ["NVIDIA H100 80GB HBM3"]


def test_only_pods_with_the_fleets_name_and_mark_are_members(api: RunpodApi) -> None:
    own = api.create(PLAN.request(L4, new_name("films")))
    api.create(Plan(fleet="films-2", image="i").request(L4, new_name("films-2")))
    # Somebody's own pods: the name alone, and the mark alone.
    api.create(PLAN.request(L4, "films-0000000a").model_copy(update={"env": {}}))
    api.create(PLAN.request(L4, "films-of-mine"))
    api.create(PLAN.request(L4, "films-0000000g"))
    assert members(api.pods(), "films") == (own,)
    assert own.env == {FLEET_VARIABLE: "films", CLIENT_VARIABLE: own.name, PRICE_VARIABLE: "0.39"}


def test_a_worker_knows_what_its_pod_costs() -> None:
    two = Plan(fleet="films", image="i", gpu_count=2, cloud="COMMUNITY")
    settings = load_settings(environment=two.request(L4, "films-00000001").env).settings
    assert settings.price_per_hour == pytest.approx(2 * 0.26)
    told = Plan(fleet="films", image="i", env={PRICE_VARIABLE: "7"})
    assert told.request(L4, "films-00000001").env[PRICE_VARIABLE] == "7", "in another currency, say"


def test_metrics_are_public_only_when_asked_for() -> None:
    assert PLAN.request(L4, "films-00000001").ports is None
    public = replace(PLAN, public_metrics=True).request(L4, "films-00000001")
    assert public.ports == ("9400/http",)
    assert violations(public.body()) == []


def test_pods_that_are_deleted_are_no_members(api: RunpodApi, runpod: RunpodServer) -> None:
    api.create(PLAN.request(L4, new_name("films")))
    runpod.cloud.run(status="TERMINATED")
    assert members(api.pods(), "films") == ()
    runpod.cloud.run(status="SOMETHING_NEW")


def test_a_type_that_is_gone_or_not_allowed_is_passed_over(api: RunpodApi, runpod: RunpodServer) -> None:
    found = offers(api.gpus("SECURE"), PLAN)
    runpod.cloud.stock["NVIDIA L4"] = 0
    runpod.cloud.answers.extend([None, problem(403, "no access to this pool")])
    made = place(api, PLAN, found, "films-00000001")
    assert made.gpu is not None
    assert made.gpu.id == "NVIDIA L40S"
    assert runpod.cloud.names() == ["films-00000001"]


def test_the_last_refusal_is_told(api: RunpodApi, runpod: RunpodServer) -> None:
    found = offers(api.gpus("SECURE"), PLAN)
    runpod.cloud.stock = {gpu.id: 0 for gpu in found}
    with pytest.raises(RunpodRefusedError, match="no longer any instances available"):
        place(api, PLAN, found, "films-00000001")
    assert len(runpod.cloud.requests) == 1 + len(found)


@pytest.mark.parametrize("status", [402, 422])
def test_what_no_other_type_would_change_ends_it(status: int, api: RunpodApi, runpod: RunpodServer) -> None:
    found = offers(api.gpus("SECURE"), PLAN)
    runpod.cloud.answers.append(problem(status, "no"))
    with pytest.raises(RunpodRefusedError):
        place(api, PLAN, found, "films-00000001")
    assert runpod.cloud.names() == []


def test_no_second_pod_is_asked_for_while_the_first_may_be_there(api: RunpodApi, runpod: RunpodServer) -> None:
    found = offers(api.gpus("SECURE"), PLAN)
    runpod.cloud.lose = True
    with pytest.raises(UncertainCreationError):
        place(api, PLAN, found, "films-00000001")
    assert runpod.cloud.names() == ["films-00000001"]
