"""What the options that every command takes said, and the settings that follow from them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from consumer.cli.completion import files, setting_names, values_of
from consumer.cli.examples import epilog

if TYPE_CHECKING:
    from consumer.settings import LoadedSettings, Settings

DEFAULT_CONFIG = Path("config.yaml")

# The settings that commands are most often called with; `--set` takes all of them.
COMMON_SETTINGS = {
    "kafka_bootstrap_servers": "Kafka's host:port, comma-separated.",
    "kafka_topic_prefix": "First part of the topics' names.",
    "kafka_group_id": "Consumer group.",
    "schema_registry_url": "Schema Registry, for avro-registry.",
    "event_format": "What events are written in: avro, avro-registry or json.",
    "s3_endpoint": "host:port of MinIO or another S3.",
    "s3_bucket": "Bucket that files are uploaded to.",
    "engine": "vllm or synthetic.",
    "model_name": "Model on the hub, or a directory.",
    "log_level": "DEBUG, INFO, WARNING or ERROR.",
    "log_format": "json or console.",
}


@dataclass(slots=True)
class Invocation:
    """The shared options of one call; click keeps it as the context's `obj`."""

    config: Path | None = None
    debug: bool = False
    values: dict[str, str] = field(default_factory=dict)
    assignments: list[str] = field(default_factory=list)

    def load(self) -> LoadedSettings:
        """The settings with their origins.

        Raises:
            ConfigurationError: a value is wrong or a name is unknown.
        """
        from consumer.settings import load_settings

        config = self.config
        if config is None and DEFAULT_CONFIG.is_file():
            config = DEFAULT_CONFIG
        given: dict[str, Any] = dict(self.values) | assigned(self.assignments)
        return load_settings(config_file=config, environment=os.environ, command_line=given)

    def settings(self, *, log_level: str = "ERROR", log_format: Literal["json", "console"] = "console") -> Settings:
        """The settings, with logging configured by them.

        Args:
            log_level, log_format: for a command that a person waits for, unless the settings say otherwise.
        """
        from consumer.cli.logs import configure

        loaded = self.load()
        configure(loaded, log_level="DEBUG" if self.debug else log_level, log_format=log_format)
        return loaded.settings

    def mistyped(self) -> dict[str, str]:
        """By variable of the environment that is no setting, the one whose name it nearly has."""
        from consumer.mistyped import mistyped
        from consumer.setting_sources import variables
        from consumer.settings import Settings

        return mistyped(os.environ, variables(Settings.model_fields))


def assigned(assignments: list[str]) -> dict[str, Any]:
    """The values of `--set NAME=VALUE`, names as in the environment or as in config.yaml.

    Raises:
        ConfigurationError: there is no such setting.
        click.UsageError: it is no NAME=VALUE.
    """
    from consumer.errors import ConfigurationError
    from consumer.setting_sources import PASS_THROUGH, passed_through
    from consumer.settings import Settings

    values: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        field_name = name.strip().lower()
        if not equals or not field_name:
            raise click.UsageError(f"--set takes NAME=VALUE, not {name!r}")
        if field_name in Settings.model_fields and field_name not in PASS_THROUGH:
            values[field_name] = value
        elif passed := passed_through(name.strip(), value):
            values.setdefault(passed[0], {}).update(passed[1])
        else:
            raise ConfigurationError(f"There is no setting {name.strip().upper()}; {_nearest(field_name)}")
    return values


def _nearest(name: str) -> str:
    import difflib

    from consumer.settings import Settings

    found = difflib.get_close_matches(name, Settings.model_fields, 1)
    return f"did you mean {found[0].upper()}?" if found else "`video-consumer settings` lists all."


def shared_options(*, hidden: bool) -> list[click.Parameter]:
    """`--config`, `--set`, `--debug` and the common settings, as options that write into the Invocation."""

    def keep(name: str) -> Any:
        def callback(context: click.Context, _parameter: click.Parameter, value: Any) -> None:
            if value is not None and value != () and value is not False:
                _store(context.find_root().ensure_object(Invocation), name, value)

        return callback

    options: list[click.Parameter] = [
        click.Option(
            ["--config"],
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="Settings file; config.yaml of the working directory if there is one.",
            callback=keep("config"),
            shell_complete=files,
            expose_value=False,
            hidden=hidden,
        ),
        click.Option(
            ["--set", "assignments"],
            metavar="NAME=VALUE",
            multiple=True,
            help="Any setting; may be repeated.",
            callback=keep("assignments"),
            shell_complete=setting_names,
            expose_value=False,
            hidden=hidden,
        ),
        click.Option(
            ["--debug"],
            is_flag=True,
            help="Log everything, and show tracebacks of errors.",
            callback=keep("debug"),
            expose_value=False,
            hidden=hidden,
        ),
    ]
    for name, text in COMMON_SETTINGS.items():
        options.append(
            click.Option(
                [f"--{name.replace('_', '-')}", f"setting_{name}"],
                metavar="VALUE",
                help=text,
                callback=keep(name),
                shell_complete=values_of(name),
                expose_value=False,
                hidden=hidden,
            )
        )
    return options


def _store(invocation: Invocation, name: str, value: Any) -> None:
    if name == "config":
        invocation.config = value
    elif name == "debug":
        invocation.debug = True
    elif name == "assignments":
        invocation.assignments.extend(value)
    else:
        invocation.values[name] = value


def with_shared_options(command: click.Command, name: str) -> click.Command:
    """The command, taking the shared options behind its name as well as before it (hidden in its help).

    Args:
        name: as it is called, e.g. "dlq list"; by it the help shows its examples.
    """
    taken = {option for parameter in command.params for option in parameter.opts}
    if "--config" not in taken:
        command.params.extend(option for option in shared_options(hidden=True) if not taken.intersection(option.opts))
        if not command.epilog:
            command.epilog = (
                f"{epilog(name)}\n\n\b\n--config, --set, --debug, the common settings: see video-consumer --help."
            )
    if isinstance(command, click.Group):
        for nested in command.commands.values():
            with_shared_options(nested, f"{name} {nested.name}")
    return command


pass_invocation = click.make_pass_decorator(Invocation, ensure=True)
