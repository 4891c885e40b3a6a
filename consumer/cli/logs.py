"""Logs of a command that a person waits for: to stderr, and quiet unless the settings ask for more."""

from __future__ import annotations

import logging
from typing import Literal

from consumer.settings import LoadedSettings
from consumer.telemetry.logs import configure_logging


def configure(loaded: LoadedSettings, *, log_level: str, log_format: Literal["json", "console"]) -> None:
    """Configure logging; what the user set wins over the command's choice."""
    settings, origins = loaded.settings, loaded.origins
    level = settings.log_level if origins["log_level"] != "default" and log_level != "DEBUG" else log_level
    style = settings.log_format if origins["log_format"] != "default" else log_format
    configure_logging(style, level)
    if level not in ("DEBUG", "INFO"):
        # librdkafka tells each failed connection and refusal; the command says it in one sentence of its own.
        logging.getLogger("consumer.kafka").setLevel(logging.CRITICAL + 1)
