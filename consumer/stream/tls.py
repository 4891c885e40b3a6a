"""TLS with a broker, tried by hand: librdkafka has one and the same error for every certificate that does not verify.

It is done only where librdkafka was refused, to tell a person why.
"""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
from urllib.parse import urlsplit

from consumer.certificates import reason, trust
from consumer.errors import ConfigurationError
from consumer.settings import Settings

TRY_SECONDS = 2.0
# In TLS 1.3 the broker looks at a client's certificate when the client takes the handshake for done.
VERDICT_SECONDS = 1.0

# OpenSSL's X509_V_ERR_ codes.
_NOT_YET, _EXPIRED, _NOT_THE_HOST = (9,), (10,), (62, 64)
_NO_ISSUER = (2, 18, 19, 20, 21)


def require_files(settings: Settings) -> None:
    """Look at the files that KAFKA_SSL_... names; librdkafka's own errors name neither file nor fault.

    Raises:
        ConfigurationError: one cannot be read or is not what it should be; the sentence names its setting.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if settings.kafka_ssl_ca_location is not None:
        _trust(context, settings)
    _load_own(context, settings)


def _trust(context: ssl.SSLContext, settings: Settings) -> None:
    trust(context, settings.kafka_ssl_ca_location, "KAFKA_SSL_CA_LOCATION")


def _load_own(context: ssl.SSLContext, settings: Settings) -> None:
    certificate, key = settings.kafka_ssl_certificate_location, settings.kafka_ssl_key_location
    if certificate is None and key is None:
        return
    if certificate is None or key is None:
        missing = "KAFKA_SSL_CERTIFICATE_LOCATION" if certificate is None else "KAFKA_SSL_KEY_LOCATION"
        raise ConfigurationError(
            f"{missing} is not set, but a client's certificate and its key go together; set both (to the same file, if "
            "it holds both)."
        )
    password = settings.kafka_ssl_key_password
    try:
        # With an empty password instead of none, or OpenSSL would ask for it at the terminal.
        context.load_cert_chain(certificate, key, password.get_secret_value() if password else "")
    except OSError as error:
        raise ConfigurationError(
            f"The files {certificate} (KAFKA_SSL_CERTIFICATE_LOCATION) and {key} (KAFKA_SSL_KEY_LOCATION) are not a "
            f"certificate and its key in PEM, or KAFKA_SSL_KEY_PASSWORD does not open the key: {reason(error)}."
        ) from None


def tls_problem(settings: Settings, address: str) -> str | None:
    """What stands in the way of TLS with a broker: half a sentence, and behind a semicolon what to do about it.

    Args:
        address: host:port.

    Returns:
        None: nothing that this handshake meets.
    """
    host, port = _host_and_port(address)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _trust(context, settings)
    _load_own(context, settings)
    try:
        with (
            socket.create_connection((host, port), TRY_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=host) as connection,
            contextlib.suppress(TimeoutError),
        ):
            connection.settimeout(VERDICT_SECONDS)
            connection.recv(1)
    except ssl.SSLCertVerificationError as error:
        return _about_the_broker(host, error)
    except ssl.SSLError as error:
        return _about_this_client(settings, error.reason or "")
    except OSError:
        return None
    return None


def _about_the_broker(host: str, error: ssl.SSLCertVerificationError) -> str:
    code, message = error.verify_code, error.verify_message.rstrip(".")
    if code in _EXPIRED:
        return "the broker's certificate has expired; give the broker a new one"
    if code in _NOT_YET:
        return "the broker's certificate is not valid yet; look at the clocks of both machines"
    if code in _NOT_THE_HOST:
        return (
            f"the broker's certificate is not for the name {host}; name the broker as its certificate does, in "
            "KAFKA_BOOTSTRAP_SERVERS and in the broker's advertised.listeners"
        )
    if code in _NO_ISSUER:
        return (
            f"nobody who is trusted here vouches for the broker's certificate ({message}); set KAFKA_SSL_CA_LOCATION "
            "to the certificate of its authority"
        )
    return f"the broker's certificate cannot be accepted ({message}); give the broker another one"


def _about_this_client(settings: Settings, alert: str) -> str | None:
    told = re.sub(r"^.*_ALERT_", "", alert).replace("_", " ").lower()
    if "_ALERT_" not in alert or ("certificate" not in told and told != "unknown ca"):
        return None
    if settings.kafka_ssl_certificate_location is None:
        return (
            "the broker wants a certificate of this client; set KAFKA_SSL_CERTIFICATE_LOCATION and "
            "KAFKA_SSL_KEY_LOCATION"
        )
    return (
        f"the broker does not accept the certificate in KAFKA_SSL_CERTIFICATE_LOCATION ({told}); use one that has not "
        "expired, of an authority that the broker trusts"
    )


def _host_and_port(address: str) -> tuple[str, int]:
    parts = urlsplit(f"//{address.strip().rpartition('://')[2]}")
    return parts.hostname or "", parts.port or 9092
