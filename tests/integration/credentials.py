"""Settings with which one is let in by the broker, and others with which one is not, and what is then said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.integration.secured import KEY_PASSWORD, Secured
from tests.integration.system import System

Environment = Callable[[Secured], dict[str, str]]

RIGHT: dict[str, Environment] = {
    "TLS": lambda one: one.tls(),
    "mutual TLS": lambda one: one.mutual(one.certificates.client),
    "mutual TLS, key with a password": lambda one: (
        one.mutual(one.certificates.locked_client) | {"KAFKA_SSL_KEY_PASSWORD": KEY_PASSWORD}
    ),
    "PLAIN": lambda one: one.password("PLAIN"),
    "PLAIN without TLS": lambda one: one.password("PLAIN", listener="BARE"),
    "SCRAM-SHA-256": lambda one: one.password("SCRAM-SHA-256"),
    "SCRAM-SHA-512": lambda one: one.password("SCRAM-SHA-512"),
    "OAUTHBEARER": lambda one: one.token(),
}

WRONG_PASSWORD = {"KAFKA_SASL_PASSWORD": "not-it"}
WRONG: dict[str, tuple[Environment, str]] = {
    "password": (
        lambda one: one.password("PLAIN") | WRONG_PASSWORD,
        "the broker does not accept the user and its password (Authentication failed: Invalid username or password)",
    ),
    "SCRAM password": (
        lambda one: one.password("SCRAM-SHA-256") | WRONG_PASSWORD,
        "the broker does not accept the user and its password",
    ),
    "client secret": (
        lambda one: one.token() | WRONG_PASSWORD,
        "no token came from KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL",
    ),
    "mechanism": (
        lambda one: one.password("SCRAM-SHA-1"),
        "the broker does not know KAFKA_SASL_MECHANISM=SCRAM-SHA-1; set one of PLAIN",
    ),
    "authority": (
        lambda one: one.tls() | {"KAFKA_SSL_CA_LOCATION": one.certificates.stranger},
        "nobody who is trusted here vouches for the broker's certificate",
    ),
    "expired": (lambda one: one.tls("EXPIRED"), "the broker's certificate has expired; give the broker a new one"),
    "host name": (
        lambda one: one.tls() | {"KAFKA_BOOTSTRAP_SERVERS": one.kafka.address("TLS").replace("127.0.0.1", "localhost")},
        "the broker's certificate is not for the name localhost; name the broker as its certificate does",
    ),
    "no certificate": (
        lambda one: one.tls("MUTUAL"),
        "the broker wants a certificate of this client; set KAFKA_SSL_CERTIFICATE_LOCATION",
    ),
    "expired certificate": (
        lambda one: one.mutual(one.certificates.expired_client),
        "the broker does not accept the certificate in KAFKA_SSL_CERTIFICATE_LOCATION",
    ),
    "strange certificate": (
        lambda one: one.mutual(one.certificates.strange_client),
        "the broker does not accept the certificate in KAFKA_SSL_CERTIFICATE_LOCATION",
    ),
    "key's password": (
        lambda one: one.mutual(one.certificates.locked_client),
        "or KAFKA_SSL_KEY_PASSWORD does not open the key",
    ),
}


def as_user(secured: Secured, system: System, user: str) -> dict[str, str]:
    """The settings of a user without any right of its own, until it is given some."""
    return system.environment() | secured.password("PLAIN", user)


def with_tokens(secured: Secured, system: System, user: str) -> dict[str, str]:
    """The same user, by tokens."""
    return system.environment() | secured.token(user)


def in_files(environment: dict[str, str], names: tuple[str, ...], directory: Path) -> dict[str, str]:
    """The same, these secrets in files that end in the end of line that editors put there."""
    directory.mkdir()
    for name in names:
        (directory / name).write_text(f"{environment.pop(name)}\n")
    return environment | {f"{name}_FILE": str(directory / name) for name in names}
