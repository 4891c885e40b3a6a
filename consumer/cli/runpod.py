"""`runpod pods create`, `runpod pods list` and `runpod pods remove`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from consumer.cli.invocation import Invocation, pass_invocation
from consumer.cli.pod_options import fleet_option, plan_of, plan_options

if TYPE_CHECKING:
    from consumer.runpod.api_models import Pod


@click.group(short_help="Make, list and remove worker pods on RunPod.")
def command() -> None:
    """Make, list and remove pods that run workers, through RunPod's REST API (RUNPOD_API_KEY)."""


@command.group("pods")
def pods() -> None:
    """The pods of a fleet."""


@pods.command("create", short_help="Make pods on the cheapest GPU that will do.")
@plan_options
@click.option("--count", type=click.IntRange(1, 100), default=1, show_default=True, help="Pods to make.")
@click.option("--dry-run", is_flag=True, help="Print the request of the first choice, and make nothing.")
@pass_invocation
def create(invocation: Invocation, /, fleet: str, count: int, dry_run: bool, **given: Any) -> int:
    """Make pods on the cheapest type of GPU that will do and is free; their ids go to stdout.

    A pod gets the settings of this call as its environment (their values, where they are not the defaults); secrets
    only as {{ RUNPOD_SECRET_NAME }}, to be kept in the RunPod account under the setting's name.
    """
    from consumer.cli.format import as_json
    from consumer.runpod.api import RunpodApi
    from consumer.runpod.api_errors import RunpodError
    from consumer.runpod.fleet import new_name, offers
    from consumer.runpod.placing import place

    settings = invocation.settings()
    plan = plan_of(invocation.load(), fleet, given)
    with RunpodApi.of(settings) as api:
        found = offers(api.gpus(plan.cloud, plan.gpu_count), plan)
        if not found:
            kind = ", ".join(plan.gpus) or f"a GPU with {plan.min_memory} GB"
            raise RunpodError(
                f"RunPod has {kind} nowhere free in the cloud {plan.cloud}: try another --gpu or --cloud."
            )
        if dry_run:
            click.echo(as_json(plan.request(found[0], new_name(fleet)).body()))
            return 0
        for _ in range(count):
            pod = place(api, plan, found, new_name(fleet))
            click.echo(pod.id)
            click.echo(f"{pod.name}: {_card(pod)} for ${pod.cost:.2f} an hour", err=True)
    return 0


@pods.command("list", short_help="List the pods of the fleet, and their cost.")
@fleet_option
@click.option("--json", "json_output", is_flag=True, help="As a JSON list.")
@pass_invocation
def list_pods(invocation: Invocation, /, fleet: str, json_output: bool) -> int:
    """List the pods of the fleet, and what they cost together."""
    from consumer.cli.format import as_json
    from consumer.runpod.api import RunpodApi
    from consumer.runpod.fleet import members

    with RunpodApi.of(invocation.settings()) as api:
        found = members(api.pods(), fleet)
    if json_output:
        click.echo(as_json([pod.model_dump(mode="json", exclude={"env"}) for pod in found]))
        return 0
    for pod in found:
        click.echo(f"{pod.id}  {pod.name}  {pod.status:<12}  {_card(pod)}  ${pod.cost:.2f}/h  {pod.created_at:%F %R}")
    click.echo(f"{len(found)} pods, ${sum(pod.cost for pod in found):.2f} an hour", err=True)
    return 0


@pods.command("remove", short_help="Delete pods of the fleet for good.")
@fleet_option
@click.argument("names", nargs=-1, metavar="POD...")
@click.option("--all", "everything", is_flag=True, help="All pods of the fleet.")
@pass_invocation
def remove(invocation: Invocation, /, fleet: str, names: tuple[str, ...], everything: bool) -> int:
    """Delete pods of the fleet for good, by id or by name; what they were working on is done again by others."""
    from consumer.runpod.api import RunpodApi
    from consumer.runpod.api_errors import RunpodError
    from consumer.runpod.fleet import members

    if everything == bool(names):
        raise click.UsageError("name pods, or pass --all")
    with RunpodApi.of(invocation.settings()) as api:
        own = members(api.pods(), fleet)
        chosen = own if everything else tuple(pod for pod in own if pod.id in names or pod.name in names)
        known = {pod.id for pod in chosen} | {pod.name for pod in chosen}
        if strangers := [name for name in names if name not in known]:
            raise RunpodError(f"{strangers[0]} is no pod of the fleet {fleet}: nothing was removed (see --fleet).")
        for pod in chosen:
            api.remove(pod.id)
            click.echo(f"{pod.name} is removed.", err=True)
    return 0


def _card(pod: Pod) -> str:
    if pod.gpu is None:
        return "no GPU"
    return pod.gpu.id if pod.gpu.count == 1 else f"{pod.gpu.count} x {pod.gpu.id}"
