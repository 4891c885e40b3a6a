"""What the environment says of settings: variables, files that variables name, and what passes through to libraries.

`NAME_FILE` names a file that holds the value of NAME, as Docker and Kubernetes mount secrets. `KAFKA_CONSUMER_...` and
`KAFKA_PRODUCER_...` pass through to librdkafka (`KAFKA_CONSUMER_FETCH_MIN_BYTES` becomes `fetch.min.bytes`),
`ENGINE_ARGS_...` to vLLM (`ENGINE_ARGS_LOAD_FORMAT` becomes `load_format`, its value read as YAML).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from consumer.errors import ConfigurationError

PASS_THROUGH = ("kafka_consumer", "kafka_producer", "engine_args")

_FILE = "_FILE"
# More than any secret; a wrong path (of a video, say) must not fill the memory.
_MOST_BYTES = 65_536


def passed_through(name: str, value: str) -> tuple[str, dict[str, Any]] | None:
    """The mapping that a variable or an assignment belongs to, and what it adds to it; None: it is none of these.

    Args:
        name: e.g. KAFKA_CONSUMER_FETCH_MIN_BYTES, engine_args.load_format, or ENGINE_ARGS with a whole YAML mapping.

    Raises:
        ConfigurationError: a value for vLLM is no YAML, or ENGINE_ARGS no mapping.
    """
    lowered = name.lower()
    if lowered == "engine_args":
        whole = _from_yaml(name, value) or {}
        if not isinstance(whole, dict):
            raise ConfigurationError(
                f'{name} must hold a mapping of engine arguments, e.g. {{"load_format": "dummy"}}.'
            )
        return lowered, whole
    field = next((one for one in PASS_THROUGH if lowered.startswith((f"{one}_", f"{one}."))), None)
    if field is None:
        return None
    key = lowered.removeprefix(field)[1:]
    if field == "engine_args":
        return field, {key: _from_yaml(name, value)} if value else {}
    return field, {key.replace("_", "."): value}


def from_variables(environment: Mapping[str, str], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that variables hold.

    Args:
        defaults: by setting, the value that it has without one.

    Raises:
        ConfigurationError: as `passed_through`.
    """
    values: dict[str, Any] = {}
    # Sorted: ENGINE_ARGS before ENGINE_ARGS_..., which win over it.
    for variable, value in sorted(environment.items()):
        if not variable.isupper():
            continue
        name = variable.lower()
        if name in defaults and name not in PASS_THROUGH:
            # An empty one says that there is none, where there may be none, and else nothing.
            if value or not isinstance(defaults[name], str | int | float):
                values[name] = value
        elif passed := passed_through(variable, value):
            values.setdefault(passed[0], {}).update(passed[1])
    return values


def variables(settings: Iterable[str]) -> list[str]:
    """Every variable that is read, but for those that pass through."""
    return [name.upper() + end for name in settings if name not in PASS_THROUGH for end in ("", _FILE)]


def from_files(environment: Mapping[str, str], defaults: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """By setting, the variable that names a file, and what the file holds without the end of its last line.

    Raises:
        ConfigurationError: the file cannot be read, or the setting has a variable of its own, too.
    """
    values: dict[str, tuple[str, str]] = {}
    for name in defaults:
        own = name.upper()
        variable = own + _FILE
        if name in PASS_THROUGH or not environment.get(variable):
            continue
        if environment.get(own):
            raise ConfigurationError(f"{own} and {variable} are both set; leave one of them out.")
        values[name] = variable, _content(variable, environment[variable])
    return values


def yaml_problem(error: yaml.YAMLError) -> str:
    """What is wrong and where, without the text itself, in which secrets may stand."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem and error.problem_mark:
        return f"{error.problem} in line {error.problem_mark.line + 1}"
    return "it is no YAML"


def _content(variable: str, path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        text = content.decode()
    except UnicodeDecodeError:
        raise ConfigurationError(f"The file {path} ({variable}) holds no text; name the file of the value.") from None
    except OSError as error:
        reason = error.strerror or "it cannot be opened"
        raise ConfigurationError(f"The file {path} ({variable}) cannot be read: {reason}.") from None
    if len(content) > _MOST_BYTES:
        raise ConfigurationError(
            f"The file {path} ({variable}) holds more than {_MOST_BYTES:,} bytes; name the file of the value."
        )
    return text.removesuffix("\n").removesuffix("\r")


def _from_yaml(name: str, value: str) -> Any:
    try:
        return yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{name} cannot be read as YAML: {yaml_problem(error)}.") from None
