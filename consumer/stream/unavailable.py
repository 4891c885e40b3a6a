"""A broker that cannot be used: what librdkafka told of it, and the sentence for a person."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from confluent_kafka import KafkaError, KafkaException

from consumer.errors import ConfigurationError, VideoConsumerError
from consumer.settings import Settings
from consumer.stream.tls import tls_problem

T = TypeVar("T")

_NO_TOKEN = "Failed to acquire SASL OAUTHBEARER token: "  # noqa: S105 - a text of librdkafka
_NO_LOGIN = "SASL authentication error: "
_MECHANISMS = re.compile(r"Unsupported SASL mechanism: broker's supported mechanisms: (\S+)")
_ADDRESS = re.compile(r"^(?:sasl_)?ssl://([^/\s]+)/")


class KafkaUnavailableError(VideoConsumerError):
    """No broker answered in time, or it refused this client; the sentence names the address and the reason."""


class NoAnswerError(KafkaUnavailableError):
    """Nobody answered; another broker might."""


class StaleMetadataError(KafkaUnavailableError):
    """What this client knew of the leaders is old, or newer than what the broker knows."""


class KafkaRefusedError(KafkaUnavailableError, ConfigurationError):
    """Certificates, credentials or rights are wrong: a setting, here or at the broker, must be mended (exit code 4)."""


class BrokerErrors:
    """What librdkafka's `error_cb` told: the requests themselves only time out, the reason comes by this way."""

    def __init__(self) -> None:
        self._last: KafkaError | None = None
        self._refusal: KafkaError | None = None

    def __call__(self, error: KafkaError) -> None:
        # Whom the broker does not take by its certificate is told by an alert, which librdkafka has for a broken line.
        if error.code() in (KafkaError._AUTHENTICATION, KafkaError._SSL) or "ssl/tls alert" in error.str():
            self._refusal = error
        elif error.code() != KafkaError._ALL_BROKERS_DOWN:
            self._last = error

    @property
    def refusal(self) -> KafkaError | None:
        """An error that waiting does not help against."""
        return self._refusal

    @property
    def reason(self) -> KafkaError | None:
        return self._refusal or self._last


def unavailable(settings: Settings, seconds: float, errors: BrokerErrors) -> KafkaUnavailableError:
    """The sentence for a broker that cannot be used; asks it once more where TLS failed."""
    address = f"Kafka at {settings.kafka_bootstrap_servers} (KAFKA_BOOTSTRAP_SERVERS)"
    if errors.refusal is not None:
        problem = _credentials(settings, errors.refusal) or _certificates(settings, errors.refusal)
        if problem is None:
            problem = (
                f"{detail(errors.refusal)}; check the security protocol and the KAFKA_SASL_ and KAFKA_SSL_ settings"
            )
        return KafkaRefusedError(
            f"There is no way to {address} with KAFKA_SECURITY_PROTOCOL={settings.kafka_security_protocol}: {problem}."
        )
    because = f" ({detail(errors.reason)})" if errors.reason is not None else ""
    return NoAnswerError(
        f"{address} did not answer within {seconds:.0f} s{because}; check that the broker runs and that the "
        "address and KAFKA_SECURITY_PROTOCOL are right."
    )


def _credentials(settings: Settings, error: KafkaError) -> str | None:
    text = error.str()
    if error.code() != KafkaError._AUTHENTICATION:
        return None
    if _NO_TOKEN in text:
        return (
            f"no token came from KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL ({text.split(_NO_TOKEN)[-1].rstrip('. ')}); "
            "check it, KAFKA_SASL_USERNAME (the client id) and KAFKA_SASL_PASSWORD (its secret)"
        )
    offered = _MECHANISMS.search(text)
    if offered is not None:
        return (
            f"the broker does not know KAFKA_SASL_MECHANISM={settings.kafka_sasl_mechanism}; set one of "
            f"{offered[1].replace(',', ', ')}"
        )
    if _NO_LOGIN in text:
        told = detail(error).removeprefix(_NO_LOGIN)
        return (
            f"the broker does not accept the user and its password ({told}); check KAFKA_SASL_USERNAME, "
            "KAFKA_SASL_PASSWORD and KAFKA_SASL_MECHANISM"
        )
    return None


def _certificates(settings: Settings, error: KafkaError) -> str | None:
    if error.code() == KafkaError._AUTHENTICATION:
        return None
    found = _ADDRESS.match(error.str())
    return tls_problem(settings, found[1] if found else settings.kafka_bootstrap_servers.split(",")[0])


def made(client: Callable[[], T]) -> T:
    """Make a client of librdkafka.

    Raises:
        ConfigurationError: librdkafka does not take the settings; its sentence names the one that it objects to.
    """
    try:
        return client()
    except KafkaException as error:
        reason = error.args[0].str().split(": ", 1)[-1].rstrip(".")
        raise ConfigurationError(f"librdkafka does not accept the KAFKA_ settings: {reason}.") from None


def detail(error: KafkaError | None) -> str:
    """librdkafka's text without what stands around it, such as `127.0.0.1:1/bootstrap: ` and ` (after 0ms in state`."""
    text = error.str() or error.name() if error is not None else ""
    return text.split(": ", 1)[-1].split(" (after ", 1)[0].split(" (in state", 1)[0].rstrip(". ")
