"""What every Kafka client of this process has in common: addresses, security, logging."""

from __future__ import annotations

import logging
from typing import Any

from consumer.settings import Settings

_log = logging.getLogger("consumer.kafka")


def client_config(settings: Settings) -> dict[str, Any]:
    """librdkafka's settings for reaching the cluster, without anything that is special to one kind of client."""
    config: dict[str, Any] = {
        "bootstrap.servers": settings.kafka_bootstrap_servers,
        "security.protocol": settings.kafka_security_protocol,
        # librdkafka prints to stderr without a logger, even at log_level 0 (fatal lines), which is no place for a library.
        "logger": _log,
    }
    optional = {
        "sasl.mechanism": settings.kafka_sasl_mechanism,
        "sasl.username": settings.kafka_sasl_username,
        "sasl.password": settings.kafka_sasl_password.get_secret_value() if settings.kafka_sasl_password else None,
        "ssl.ca.location": settings.kafka_ssl_ca_location,
    }
    return config | {key: value for key, value in optional.items() if value is not None}
