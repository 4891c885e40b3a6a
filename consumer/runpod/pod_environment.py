"""The environment of a new pod, made of this process's settings.

A secret's value never leaves this machine: RunPod's placeholder for a secret of the account stands for it, and the
value is put in when the pod boots.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from pydantic import SecretStr

from consumer.errors import ConfigurationError
from consumer.runpod.fleet import CLIENT_VARIABLE, FLEET_VARIABLE
from consumer.setting_sources import PASS_THROUGH
from consumer.settings import LoadedSettings

# Of the machine that makes the pods, not of the pods.
_OWN = frozenset(
    {
        "http_host",
        "http_port",
        "log_format",
        "log_level",
        "kafka_group_instance_id",
        "prometheus_url",
        "runpod_api_key",
        "runpod_api_url",
    }
)
_SECRET = re.compile(r"password|secret|token$|jaas|credential|private|pem$", re.IGNORECASE)


def pod_environment(
    loaded: LoadedSettings, given: Mapping[str, str], secret_names: Mapping[str, str]
) -> dict[str, str]:
    """What is set here and concerns a worker, then what was given.

    Args:
        given: further variables, or other values.
        secret_names: by variable, the secret of the account that holds its value. The setting's own name is taken for
            a secret that is set here and not named.

    Raises:
        ConfigurationError: a variable that the fleet needs for itself was given.
    """
    found = _named(loaded) | _passed_through(loaded) | dict(given)
    found |= {variable: placeholder(secret) for variable, secret in secret_names.items()}
    for variable in (FLEET_VARIABLE, CLIENT_VARIABLE):
        if variable in found:
            raise ConfigurationError(f"{variable} must not be set for pods: each gets its own.")
    return dict(sorted(found.items()))


def placeholder(secret: str) -> str:
    """What RunPod replaces by the value of the account's secret when the pod boots."""
    return f"{{{{ RUNPOD_SECRET_{secret} }}}}"


def _named(loaded: LoadedSettings) -> dict[str, str]:
    found = {}
    for name, origin in loaded.origins.items():
        value = getattr(loaded.settings, name)
        # What a preset derives, the pod derives again.
        if origin == "default" or origin.startswith("preset ") or name in _OWN or name in PASS_THROUGH:
            continue
        if value is not None:
            found[name.upper()] = _text(name.upper(), value)
    return found


def _passed_through(loaded: LoadedSettings) -> dict[str, str]:
    found = {}
    for field in PASS_THROUGH:
        for key, value in getattr(loaded.settings, field).items():
            variable = f"{field}_{key.replace('.', '_')}".upper()
            found[variable] = placeholder(variable) if _SECRET.search(variable) else _text(variable, value)
    return found


def _text(variable: str, value: object) -> str:
    if isinstance(value, SecretStr):
        return placeholder(variable)
    if isinstance(value, tuple):
        return ",".join(value)
    text = value if isinstance(value, str) else json.dumps(value)
    # An address may hold a user and a password.
    return placeholder(variable) if "://" in text and "@" in text else text
