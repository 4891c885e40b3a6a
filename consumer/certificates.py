"""Whose certificates count, by the settings ..._SSL_CA_LOCATION."""

from __future__ import annotations

import ssl
from pathlib import Path

from consumer.errors import ConfigurationError


def trust(context: ssl.SSLContext, location: str | None, setting: str) -> None:
    """Trust the authorities in a PEM file or directory and nobody else, or without one those of the machine.

    Args:
        setting: whose value `location` is.

    Raises:
        ConfigurationError: they cannot be read.
    """
    if location is None:
        context.load_default_certs()
        return
    whole = Path(location).is_dir()
    try:
        context.load_verify_locations(None if whole else location, location if whole else None)
    except OSError as error:
        raise ConfigurationError(
            f"{setting} names {location}, which holds no certificates in PEM that can be read: {reason(error)}."
        ) from None


def reason(error: OSError) -> str:
    """Why a file could not be read, or was none of those that are wanted."""
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    return error.strerror or "it is of another kind"
