"""The options that say what a pod is like; `runpod pods create` and `autoscale` share them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from consumer.runpod.fleet import Plan
    from consumer.settings import LoadedSettings

_F = TypeVar("_F", bound=Callable[..., Any])

DEFAULT_FLEET = "video-consumer"


def fleet_option(function: _F) -> _F:
    """`--fleet`."""
    return click.option(
        "--fleet",
        default=DEFAULT_FLEET,
        show_default=True,
        callback=_fleet,
        help="Name of the fleet; its pods are called NAME-xxxxxxxx, and others are never touched.",
    )(function)


_OPTIONS = [
    click.option("--image", required=True, help="Container image of the workers, e.g. you/video-consumer:0.1.0."),
    click.option("--gpu", "gpus", multiple=True, metavar="TYPE", help="GPU type by RunPod's id; may be repeated."),
    click.option(
        "--min-memory", type=click.IntRange(1), default=24, show_default=True, help="GB of a card, without --gpu."
    ),
    click.option("--gpu-count", type=click.IntRange(1), default=1, show_default=True, help="Cards in a pod."),
    click.option(
        "--cloud", type=click.Choice(["SECURE", "COMMUNITY"]), default="SECURE", show_default=True, help="Cloud tier."
    ),
    click.option("--disk", type=click.IntRange(1), default=40, show_default=True, help="Container disk, GB."),
    click.option("--volume-size", type=click.IntRange(10), help="GB of the machine's disk for the model."),
    click.option("--network-volume", metavar="ID", help="Network volume for the model, instead of --volume-size."),
    click.option("--mount-path", default="/models", show_default=True, help="Where the volume is in the container."),
    click.option("--data-center", "data_centers", multiple=True, metavar="ID", help="Allowed ones; may be repeated."),
    click.option("--min-cuda", metavar="X.Y", help="Lowest CUDA version of the machine's driver."),
    click.option("--registry", metavar="ID", help="RunPod's credentials for a private image."),
    click.option("--global-networking", is_flag=True, help="Give pods an address inside the account's network."),
    click.option(
        "--public-metrics", is_flag=True, help="Give metrics and health an address that everybody may ask, by pod id."
    ),
    click.option("--env", "variables", multiple=True, metavar="NAME=VALUE", help="Variable of the container."),
    click.option(
        "--secret",
        "secret_names",
        multiple=True,
        metavar="NAME[=SECRET]",
        help="Variable whose value is a secret of the RunPod account.",
    ),
]


def plan_options(function: _F) -> _F:
    """All that `plan_of` takes, `--fleet` included."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return fleet_option(function)


def plan_of(loaded: LoadedSettings, fleet: str, given: dict[str, Any]) -> Plan:
    """The plan that the options make.

    Raises:
        click.UsageError: options that do not go together, or are of the wrong form.
        ConfigurationError: a variable that pods cannot be given.
    """
    from consumer.runpod.fleet import Plan
    from consumer.runpod.pod_environment import pod_environment

    if given["volume_size"] is not None and given["network_volume"] is not None:
        raise click.UsageError("--volume-size and --network-volume exclude each other")
    if given["min_cuda"] is not None and not re.fullmatch(r"\d+\.\d+", given["min_cuda"]):
        raise click.UsageError(f"--min-cuda takes a version such as 12.8, not {given['min_cuda']!r}")
    variables = dict(_pair("--env", one) for one in given["variables"])
    secrets = dict(_pair("--secret", one if "=" in one else f"{one}={one}") for one in given["secret_names"])
    return Plan(
        fleet=fleet,
        image=given["image"],
        cloud=given["cloud"],
        gpus=given["gpus"],
        min_memory=given["min_memory"],
        gpu_count=given["gpu_count"],
        disk=given["disk"],
        volume=given["network_volume"] if given["network_volume"] is not None else given["volume_size"],
        mount_path=given["mount_path"],
        env=pod_environment(loaded, variables, secrets),
        data_centers=given["data_centers"],
        registry=given["registry"],
        min_cuda=given["min_cuda"],
        global_networking=given["global_networking"],
        public_metrics=given["public_metrics"],
    )


def _pair(option: str, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise click.UsageError(f"{option} takes NAME=VALUE, not {name!r}")
    return name, value


def _fleet(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    from consumer.runpod.fleet import FLEET_PATTERN

    if not re.fullmatch(FLEET_PATTERN, value):
        raise click.BadParameter("must be small letters, digits and -, at most 40")
    return value
