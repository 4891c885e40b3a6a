"""`autoscale`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from consumer.cli.invocation import Invocation, pass_invocation
from consumer.cli.pod_options import plan_of, plan_options

if TYPE_CHECKING:
    from consumer.runpod.autoscaler import Rules

_SECONDS = click.FloatRange(0)
_POSITIVE = click.FloatRange(0, min_open=True)


@click.command(short_help="Keep as many pods on RunPod as the backlog needs.")
@plan_options
@click.option("--max-pods", type=click.IntRange(0), required=True, help="Never more pods than these.")
@click.option("--max-hourly", type=_SECONDS, required=True, metavar="USD", help="Never more money an hour than this.")
@click.option("--min-pods", type=click.IntRange(0), default=0, show_default=True, help="Pods even without work.")
@click.option("--target", type=_POSITIVE, default=1800.0, show_default=True, help="Work the backlog off within, s.")
@click.option(
    "--cooldown", type=_SECONDS, default=600.0, show_default=True, help="Too many pods for so long before one goes, s."
)
@click.option(
    "--start", type=_SECONDS, default=300.0, show_default=True, help="From making a pod to its first work, s."
)
@click.option(
    "--start-limit",
    type=_POSITIVE,
    default=1200.0,
    show_default=True,
    help="A pod not at work after this is broken, s.",
)
@click.option(
    "--speed",
    type=_POSITIVE,
    default=5.0,
    show_default=True,
    help="Seconds of video a pod does in one, until measured.",
)
@click.option(
    "--job-seconds", type=_POSITIVE, default=600.0, show_default=True, help="Video of a mean job, until measured, s."
)
@click.option("--selector", default="", metavar="MATCHERS", help='Whose metrics, e.g. job="films"; all by default.')
@click.option("--interval", type=_POSITIVE, default=30.0, show_default=True, help="Between two looks, s.")
@click.option("--once", is_flag=True, help="Look, decide and act once; exit code 1 if RunPod did not answer.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@pass_invocation
def command(invocation: Invocation, /, fleet: str, selector: str, interval: float, once: bool, **given: Any) -> int:
    """Make and delete the pods of a fleet until stopped; the pods stay when this process ends.

    Kafka tells which jobs are undone and who has them, Prometheus (PROMETHEUS_URL) how long they are and how quick pods
    are, RunPod everything else: so it may be stopped and started at any time. One process a fleet. Its own metrics and
    health are at HTTP_PORT, and /targets there tells Prometheus where the pods are.
    """
    import contextlib

    from consumer.runpod.api import RunpodApi
    from consumer.runpod.autoscaler import Autoscaler
    from consumer.runpod.fleet_metrics import FleetMetrics
    from consumer.runpod.prometheus import Prometheus
    from consumer.runpod.rounds import Stopping, rounds
    from consumer.runpod.watching import watched
    from consumer.stream.group_view import GroupWatch

    settings = invocation.settings(log_level="INFO", log_format="json")
    plan = plan_of(invocation.load(), fleet, given)
    stopping = Stopping()
    with contextlib.ExitStack() as stack:
        api = stack.enter_context(RunpodApi.of(settings, sleep=stopping.wait))
        group = stack.enter_context(GroupWatch(settings))
        meter = None
        if settings.prometheus_url is not None:
            meter = stack.enter_context(Prometheus(settings.prometheus_url, selector))
        metrics = FleetMetrics()
        scaler = Autoscaler(api, group, meter, plan, _rules(given), metrics=metrics)
        if once:
            return 0 if scaler.step() is not None else 1
        with watched(scaler, plan, metrics.registry, settings, interval) as step:
            rounds(step, interval, stopping)
    return 0


def _rules(given: dict[str, Any]) -> Rules:
    from consumer.runpod.autoscaler import Rules
    from consumer.runpod.demand import Assumed
    from consumer.runpod.reconcile import Patience
    from consumer.runpod.scaling import Limits

    if given["min_pods"] > given["max_pods"]:
        raise click.UsageError("--min-pods must not be above --max-pods")
    limits = Limits(
        target_seconds=given["target"],
        max_pods=given["max_pods"],
        max_hourly=given["max_hourly"],
        min_pods=given["min_pods"],
        cooldown_seconds=given["cooldown"],
        start_seconds=given["start"],
    )
    return Rules(
        limits=limits,
        patience=Patience(start_seconds=given["start_limit"]),
        assumed=Assumed(given["job_seconds"], given["speed"]),
        dry_run=given["dry_run"],
    )
