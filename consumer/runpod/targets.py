"""Where Prometheus finds the workers of a fleet: the list that its `http_sd_configs` ask for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from consumer.runpod.api_models import Pod, PodStatus
from consumer.runpod.fleet import METRICS_PORT, Plan


def targets(pods: Iterable[Pod], plan: Plan) -> list[dict[str, Any]]:
    """The pods that run, by their address inside the account's network, or else by RunPod's proxy.

    Pods are called by their names (`instance`): an address is a matter of the way there. Without either way there are
    none: nothing reaches a pod's port.
    """
    return [
        {"targets": [address], "labels": {"instance": pod.name, "fleet": plan.fleet, **_scheme(plan)}}
        for pod in pods
        if pod.status == PodStatus.RUNNING and (address := _address(pod.id, plan)) is not None
    ]


def _address(pod_id: str, plan: Plan) -> str | None:
    if plan.global_networking:
        return f"{pod_id}.runpod.internal:{METRICS_PORT}"
    return f"{pod_id}-{METRICS_PORT}.proxy.runpod.net:443" if plan.public_metrics else None


def _scheme(plan: Plan) -> dict[str, str]:
    return {} if plan.global_networking else {"__scheme__": "https"}
