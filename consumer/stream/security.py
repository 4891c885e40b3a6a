"""librdkafka's settings for TLS and for saying who this client is."""

from __future__ import annotations

from typing import Any

from consumer.errors import ConfigurationError
from consumer.settings import Settings
from consumer.stream.tls import require_files

_TOKENS = "OAUTHBEARER"


def security_config(settings: Settings) -> dict[str, Any]:
    """What KAFKA_SECURITY_PROTOCOL asks for; settings that it has no use for are left out.

    Raises:
        ConfigurationError: a setting that it needs is missing, or a file cannot be read; the sentence names it.
    """
    protocol = settings.kafka_security_protocol
    config: dict[str, Any] = {"security.protocol": protocol}
    if protocol in ("SSL", "SASL_SSL"):
        config |= _tls(settings)
    if protocol in ("SASL_PLAINTEXT", "SASL_SSL"):
        config |= _sasl(settings)
    return config


def _tls(settings: Settings) -> dict[str, Any]:
    require_files(settings)
    password = settings.kafka_ssl_key_password
    found = {
        "ssl.ca.location": settings.kafka_ssl_ca_location,
        "ssl.certificate.location": settings.kafka_ssl_certificate_location,
        "ssl.key.location": settings.kafka_ssl_key_location,
        "ssl.key.password": password.get_secret_value() if password is not None else None,
    }
    return {key: value for key, value in found.items() if value is not None}


def _sasl(settings: Settings) -> dict[str, Any]:
    mechanism = settings.kafka_sasl_mechanism
    if mechanism is None:
        raise _missing(settings, "KAFKA_SASL_MECHANISM")
    if settings.kafka_sasl_username is None:
        raise _missing(settings, "KAFKA_SASL_USERNAME")
    if settings.kafka_sasl_password is None:
        raise _missing(settings, "KAFKA_SASL_PASSWORD")
    user, password = settings.kafka_sasl_username, settings.kafka_sasl_password.get_secret_value()
    if mechanism != _TOKENS:
        return {"sasl.mechanism": mechanism, "sasl.username": user, "sasl.password": password}
    if settings.kafka_sasl_oauthbearer_token_endpoint_url is None:
        raise _missing(settings, "KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL")
    config = {
        "sasl.mechanism": mechanism,
        "sasl.oauthbearer.method": "oidc",
        "sasl.oauthbearer.client.id": user,
        "sasl.oauthbearer.client.secret": password,
        "sasl.oauthbearer.token.endpoint.url": settings.kafka_sasl_oauthbearer_token_endpoint_url,
    }
    scope = settings.kafka_sasl_oauthbearer_scope
    return config if scope is None else config | {"sasl.oauthbearer.scope": scope}


def _missing(settings: Settings, name: str) -> ConfigurationError:
    mechanism = settings.kafka_sasl_mechanism
    which = f" and KAFKA_SASL_MECHANISM={mechanism}" if mechanism is not None else ""
    verb = "need" if which else "needs"
    return ConfigurationError(
        f"KAFKA_SECURITY_PROTOCOL={settings.kafka_security_protocol}{which} {verb} {name}, which is not set; "
        "docs/security.md shows all that belong together."
    )
