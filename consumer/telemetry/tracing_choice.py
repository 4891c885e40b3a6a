"""Which tracing a process has."""

from __future__ import annotations

from consumer.errors import ConfigurationError
from consumer.settings import Settings
from consumer.telemetry.tracing import NO_TRACING, Tracing


def make_tracing(settings: Settings, worker: str) -> Tracing:
    """As the settings say.

    Args:
        worker: this process's name.

    Raises:
        ConfigurationError: an endpoint is configured and the packages for it are missing.
    """
    endpoint = settings.otel_exporter_otlp_endpoint
    if endpoint is None:
        return NO_TRACING
    try:
        from consumer.telemetry.otlp import OtlpTracing
    except ImportError as error:
        raise ConfigurationError(
            f"OTEL_EXPORTER_OTLP_ENDPOINT is set, but {error.name} is not installed: install video-consumer[tracing], "
            "or unset it."
        ) from None
    return OtlpTracing(endpoint, worker)
