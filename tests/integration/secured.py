"""A broker that asks who one is and what one may: TLS, passwords, tokens and ACLs, each on a listener of its own."""

from __future__ import annotations

import base64
import contextlib
import datetime
import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs

import trustme
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from tests.json_server import JsonServer, Reply, Request
from tests.services.kafka import KafkaCluster

MASTER = "operator"
"""Who may do everything, however they say who they are."""
WORKER, USER = "worker", "user"
PASSWORD = "hunter2-of-the-test"
KEY_PASSWORD = "open-sesame"
SCRAM = {"SCRAM-SHA-256": ScramMechanism.SCRAM_SHA_256, "SCRAM-SHA-512": ScramMechanism.SCRAM_SHA_512}
AUDIENCE = "kafka"
TOKEN_SECONDS = {MASTER: 600, WORKER: 10}
"""For so long a token holds; then the broker ends connections that have not shown another.

A client asks for the next one after four fifths, and Kafka takes none within a second of the last: shorter ones fail.
"""
LISTENERS = {"TLS": "SSL", "MUTUAL": "SSL", "EXPIRED": "SSL", "BOTH": "SASL_SSL", "BARE": "SASL_PLAINTEXT"}
_LONG_AGO = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
_SECURITY = "org.apache.kafka.common.security"
_JAAS = "sasl.jaas.config"


class Certificates:
    """An authority, what it vouches for, and a stranger; as PEM files in a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        ours, theirs = trustme.CA(), trustme.CA()
        self._ours = ours
        self.authority = self._file("authority", ours.cert_pem.bytes())
        self.stranger = self._file("stranger", theirs.cert_pem.bytes())
        self.broker = self._pem("broker", ours.issue_cert("127.0.0.1"))
        self.expired_broker = self._pem("expired-broker", _expired(ours, "127.0.0.1"))
        self.client = self._pem("client", ours.issue_cert("client.test", common_name=MASTER))
        self.locked_client = self._pem("locked", ours.issue_cert("client.test", common_name=MASTER), KEY_PASSWORD)
        self.expired_client = self._pem("expired-client", _expired(ours, "client.test", MASTER))
        self.strange_client = self._pem("strange-client", theirs.issue_cert("client.test", common_name=MASTER))

    def for_store(self, directory: Path) -> None:
        """A certificate and its key by the names that MinIO looks for."""
        certificate = self._ours.issue_cert("127.0.0.1")
        certificate.private_key_pem.write_to_path(str(directory / "private.key"))
        (directory / "public.crt").write_bytes(b"".join(one.bytes() for one in certificate.cert_chain_pems))

    def _pem(self, name: str, certificate: trustme.LeafCert, password: str | None = None) -> str:
        key = load_pem_private_key(certificate.private_key_pem.bytes(), None)
        locked = BestAvailableEncryption(password.encode()) if password else NoEncryption()
        # Java reads no other form of keys.
        held = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked)
        return self._file(name, held + b"".join(one.bytes() for one in certificate.cert_chain_pems))

    def _file(self, name: str, content: bytes) -> str:
        path = self._directory / f"{name}.pem"
        path.write_bytes(content)
        return str(path)


def _expired(authority: trustme.CA, host: str, name: str | None = None) -> trustme.LeafCert:
    after = _LONG_AGO + datetime.timedelta(days=90)
    return authority.issue_cert(host, common_name=name, not_before=_LONG_AGO, not_after=after)


class TokenServer(JsonServer):
    """Hands out signed tokens for a client's id and secret, and tells the key that they are signed with.

    Attributes:
        given: when each token was handed out, by client (seconds since 1970).
    """

    def __init__(self) -> None:
        super().__init__()
        self._key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
        self.scopes: list[str] = []
        self.given: dict[str, list[float]] = {who: [] for who in TOKEN_SECONDS}

    @property
    def token_url(self) -> str:
        return f"http://{self.address}/token"

    @property
    def keys_url(self) -> str:
        return f"http://{self.address}/keys"

    def respond(self, request: Request) -> Reply | None:
        if request.target == "/keys":
            numbers = self._key.public_key().public_numbers()
            key = {
                "kty": "RSA",
                "kid": "one",
                "use": "sig",
                "alg": "RS256",
                "n": _number(numbers.n),
                "e": _number(numbers.e),
            }
            return Reply(200, {"keys": [key]})
        told = base64.b64decode((request.authorization or "").removeprefix("Basic ")).decode()
        who, _, password = told.partition(":")
        if who not in TOKEN_SECONDS or password != PASSWORD:
            return Reply(401, {"error": "invalid_client"})
        self.scopes += parse_qs(request.content.decode()).get("scope", [])
        self.given[who].append(time.time())
        token = {"access_token": self._token(who), "token_type": "Bearer", "expires_in": TOKEN_SECONDS[who]}
        return Reply(200, token)

    def _token(self, who: str) -> str:
        now = math.ceil(time.time())
        claims = {"sub": who, "aud": AUDIENCE, "iss": "test", "iat": now - 1, "exp": now + TOKEN_SECONDS[who]}
        signed = f"{_encoded({'alg': 'RS256', 'kid': 'one'})}.{_encoded(claims)}"
        return f"{signed}.{_url(self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


@dataclass(frozen=True, slots=True)
class Secured:
    """The broker, and what its clients need."""

    kafka: KafkaCluster
    certificates: Certificates
    tokens: TokenServer

    def tls(self, listener: str = "TLS") -> dict[str, str]:
        """Settings for TLS without a certificate of one's own."""
        return {
            "KAFKA_BOOTSTRAP_SERVERS": self.kafka.address(listener),
            "KAFKA_SECURITY_PROTOCOL": LISTENERS[listener],
            "KAFKA_SSL_CA_LOCATION": self.certificates.authority,
        }

    def mutual(self, certificate: str) -> dict[str, str]:
        """Settings for mutual TLS with the certificate and key in that file."""
        return self.tls("MUTUAL") | {
            "KAFKA_SSL_CERTIFICATE_LOCATION": certificate,
            "KAFKA_SSL_KEY_LOCATION": certificate,
        }

    def password(self, mechanism: str, user: str = MASTER, listener: str = "BOTH") -> dict[str, str]:
        """Settings for a user with the right password."""
        return self.tls(listener) | {
            "KAFKA_SASL_MECHANISM": mechanism,
            "KAFKA_SASL_USERNAME": user,
            "KAFKA_SASL_PASSWORD": PASSWORD,
        }

    def token(self, user: str = MASTER) -> dict[str, str]:
        """Settings for tokens."""
        return self.password("OAUTHBEARER", user) | {
            "KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL": self.tokens.token_url,
            "KAFKA_SASL_OAUTHBEARER_SCOPE": "jobs",
        }


@contextlib.contextmanager
def secured_broker(directory: Path) -> Iterator[Secured]:
    """One broker with all of it; plain listener's clients, and those called MASTER, may do everything."""
    certificates = Certificates(directory)
    with contextlib.ExitStack() as stack:
        tokens = stack.enter_context(TokenServer())
        allowed = f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={tokens.keys_url}"
        properties = _properties(certificates, tokens)
        kafka = stack.enter_context(KafkaCluster(properties=properties, listeners=LISTENERS, options=(allowed,)))
        _add_scram_users(kafka)
        yield Secured(kafka, certificates, tokens)


def _properties(certificates: Certificates, tokens: TokenServer) -> dict[str, str]:
    users = " ".join(f'user_{name}="{PASSWORD}"' for name in (MASTER, WORKER, USER))
    properties = {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:ANONYMOUS;User:{MASTER}",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": certificates.broker,
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": certificates.authority,
        "ssl.principal.mapping.rules": "RULE:^.*CN=([^,]+).*$/$1/,DEFAULT",
        "listener.name.expired.ssl.keystore.type": "PEM",
        "listener.name.expired.ssl.keystore.location": certificates.expired_broker,
        "listener.name.mutual.ssl.client.auth": "required",
        "sasl.oauthbearer.expected.audience": AUDIENCE,
        "sasl.oauthbearer.jwks.endpoint.url": tokens.keys_url,
        # By default tokens are taken for half a minute longer than they hold.
        "sasl.oauthbearer.clock.skew.seconds": "0",
    }
    for name in ("both", "bare"):
        mine = f"listener.name.{name}"
        properties |= {
            f"{mine}.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
            f"{mine}.plain.{_JAAS}": f"{_SECURITY}.plain.PlainLoginModule required {users};",
            f"{mine}.scram-sha-256.{_JAAS}": f"{_SECURITY}.scram.ScramLoginModule required;",
            f"{mine}.scram-sha-512.{_JAAS}": f"{_SECURITY}.scram.ScramLoginModule required;",
            # Or less, where the token holds for less; without it nobody is asked for another.
            f"{mine}.oauthbearer.connections.max.reauth.ms": "3600000",
            f"{mine}.oauthbearer.{_JAAS}": f"{_SECURITY}.oauthbearer.OAuthBearerLoginModule required;",
            f"{mine}.oauthbearer.sasl.server.callback.handler.class": (
                f"{_SECURITY}.oauthbearer.OAuthBearerValidatorCallbackHandler"
            ),
        }
    return properties


def _add_scram_users(kafka: KafkaCluster) -> None:
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    # One after the other: a request may name a user only once.
    for mechanism in SCRAM.values():
        wanted = UserScramCredentialUpsertion(MASTER, ScramCredentialInfo(mechanism, 4096), PASSWORD.encode())
        (done,) = admin.alter_user_scram_credentials([wanted]).values()
        done.result(20)


def _number(value: int) -> str:
    return _url(value.to_bytes((value.bit_length() + 7) // 8))


def _encoded(value: object) -> str:
    return _url(json.dumps(value).encode())


def _url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
