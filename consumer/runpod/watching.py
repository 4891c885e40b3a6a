"""The autoscaler's own pages: `/metrics`, `/healthz`, `/readyz`, and `/targets` for Prometheus."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry

from consumer.runpod.autoscaler import Autoscaler
from consumer.runpod.fleet import Plan
from consumer.runpod.targets import targets
from consumer.settings import Settings
from consumer.telemetry.health import HealthState
from consumer.telemetry.probes import ProbeServer

ROUND_SECONDS = 600.0
"""No round takes so long, with every request of it tried to the end."""


@contextlib.contextmanager
def watched(
    scaler: Autoscaler, plan: Plan, registry: CollectorRegistry, settings: Settings, interval: float
) -> Iterator[Callable[[], None]]:
    """The pages are there inside; yields one round, to be called every `interval` seconds.

    It is alive while rounds end, and ready while RunPod answers.

    Raises:
        ConfigurationError: HTTP_PORT or HTTP_HOST cannot be listened on.
    """
    state = HealthState()
    state.expect("rounds", interval + ROUND_SECONDS)
    state.set_ready("fleet", False)
    pages = {"/targets": lambda: targets(scaler.pods, plan)}
    server = ProbeServer(settings.http_host, settings.http_port, registry=registry, state=state, more=pages)

    def step() -> None:
        state.set_ready("fleet", scaler.step() is not None)
        state.beat("rounds")

    server.start()
    try:
        yield step
    finally:
        server.stop()
