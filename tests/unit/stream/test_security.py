"""What librdkafka is told of certificates, users and tokens, and the sentences for what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trustme
from confluent_kafka import KafkaError

from consumer.errors import ConfigurationError
from consumer.settings import Settings
from consumer.stream.refusals import READ, WRITE, forbidden_topic, hidden_topic, refusal
from consumer.stream.security import security_config
from consumer.stream.unavailable import BrokerErrors, KafkaRefusedError, NoAnswerError, unavailable

USER = {"kafka_sasl_username": "me", "kafka_sasl_password": "hidden"}


def config(**values: Any) -> dict[str, Any]:
    return security_config(Settings.model_validate(values))


def problem(**values: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        config(**values)
    assert "hidden" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """An authority's certificate, a client's certificate and its key."""
    authority = trustme.CA()
    mine = authority.issue_cert("me.test")
    authority.cert_pem.write_to_path(str(tmp_path / "ca"))
    mine.cert_chain_pems[0].write_to_path(str(tmp_path / "certificate"))
    mine.private_key_pem.write_to_path(str(tmp_path / "key"))
    return {
        "kafka_ssl_ca_location": str(tmp_path / "ca"),
        "kafka_ssl_certificate_location": str(tmp_path / "certificate"),
        "kafka_ssl_key_location": str(tmp_path / "key"),
    }


def test_what_the_protocol_has_no_use_for_is_left_out(files: dict[str, str]) -> None:
    assert config(kafka_sasl_mechanism="PLAIN", **USER, **files) == {"security.protocol": "PLAINTEXT"}


def test_certificates(files: dict[str, str]) -> None:
    found = config(kafka_security_protocol="SSL", kafka_ssl_key_password="p", **files)
    assert found == {
        "security.protocol": "SSL",
        "ssl.ca.location": files["kafka_ssl_ca_location"],
        "ssl.certificate.location": files["kafka_ssl_certificate_location"],
        "ssl.key.location": files["kafka_ssl_key_location"],
        "ssl.key.password": "p",
    }


def test_a_directory_of_authorities_will_do(tmp_path: Path) -> None:
    found = config(kafka_security_protocol="SSL", kafka_ssl_ca_location=str(tmp_path))
    assert found["ssl.ca.location"] == str(tmp_path)


def test_files_that_will_not_do_are_named(files: dict[str, str], tmp_path: Path) -> None:
    def told(**other: str | None) -> str:
        return problem(kafka_security_protocol="SSL", **(files | other))

    assert told(kafka_ssl_ca_location="/none") == (
        "KAFKA_SSL_CA_LOCATION names /none, which holds no certificates in PEM that can be read: "
        "No such file or directory."
    )
    assert "no certificates in PEM that can be read" in told(kafka_ssl_ca_location=files["kafka_ssl_key_location"])
    assert told(kafka_ssl_key_location=None).startswith("KAFKA_SSL_KEY_LOCATION is not set, but")
    assert told(kafka_ssl_certificate_location=None).startswith("KAFKA_SSL_CERTIFICATE_LOCATION is not set, but")
    other = tmp_path / "other"
    trustme.CA().issue_cert("me.test").private_key_pem.write_to_path(str(other))
    assert "are not a certificate and its key in PEM" in told(kafka_ssl_key_location=str(other))


def test_users_and_tokens() -> None:
    assert config(kafka_security_protocol="SASL_PLAINTEXT", kafka_sasl_mechanism="SCRAM-SHA-512", **USER) == {
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "me",
        "sasl.password": "hidden",
    }
    tokens = {"kafka_sasl_mechanism": "OAUTHBEARER", "kafka_sasl_oauthbearer_token_endpoint_url": "https://id.test/t"}
    found = config(kafka_security_protocol="SASL_SSL", kafka_sasl_oauthbearer_scope="jobs", **USER, **tokens)
    assert found == {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "OAUTHBEARER",
        "sasl.oauthbearer.method": "oidc",
        "sasl.oauthbearer.client.id": "me",
        "sasl.oauthbearer.client.secret": "hidden",
        "sasl.oauthbearer.token.endpoint.url": "https://id.test/t",
        "sasl.oauthbearer.scope": "jobs",
    }


@pytest.mark.parametrize(
    ("values", "name"),
    [
        (USER, "KAFKA_SASL_MECHANISM"),
        ({"kafka_sasl_mechanism": "PLAIN", "kafka_sasl_password": "hidden"}, "KAFKA_SASL_USERNAME"),
        ({"kafka_sasl_mechanism": "PLAIN", "kafka_sasl_username": "me"}, "KAFKA_SASL_PASSWORD"),
        ({"kafka_sasl_mechanism": "OAUTHBEARER", **USER}, "KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL"),
    ],
)
def test_what_is_missing_is_named(values: dict[str, str], name: str) -> None:
    assert f" {name}, which is not set; " in problem(kafka_security_protocol="SASL_SSL", **values)


def told_by(*errors: KafkaError, **values: Any) -> Exception:
    seen = BrokerErrors()
    for error in errors:
        seen(error)
    return unavailable(Settings.model_validate(values), 10.0, seen)


def test_an_alert_is_a_refusal_and_a_broken_line_is_not() -> None:
    """Nobody listens at that port, so the broker itself is asked in vain."""
    text = "ssl://127.0.0.1:1/bootstrap: Receive failed: error:1:SSL routines::ssl/tls alert bad certificate"
    refused = told_by(KafkaError(KafkaError._TRANSPORT, text), kafka_security_protocol="SSL")
    assert isinstance(refused, KafkaRefusedError)
    assert isinstance(refused, ConfigurationError)
    assert "bad certificate; check the security protocol" in str(refused)
    broken = told_by(KafkaError(KafkaError._TRANSPORT, "1/2: Disconnected"), KafkaError(KafkaError._ALL_BROKERS_DOWN))
    assert type(broken) is NoAnswerError


def test_rights_that_are_missing_are_named() -> None:
    settings = Settings(kafka_group_id="g")

    def told(code: int, *more: str) -> str | None:
        return refusal(settings, f"Failed: {KafkaError(code).str()} (after 1ms)", *more)

    assert "use the consumer group g; give" in str(told(KafkaError.GROUP_AUTHORIZATION_FAILED))
    assert "use the consumer group g.redrive; give" in str(told(KafkaError.GROUP_AUTHORIZATION_FAILED, "g.redrive"))
    assert "ids that begin with g.; give" in str(told(KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED))
    assert "use a topic of video; give" in str(told(KafkaError.TOPIC_AUTHORIZATION_FAILED))
    assert told(KafkaError.TOPIC_AUTHORIZATION_FAILED, "g", "t") == forbidden_topic("t", WRITE)
    assert told(KafkaError.NOT_COORDINATOR) is None
    assert forbidden_topic("t", READ).startswith(
        "Kafka does not let this client read the topic t; give its user the ACL Read"
    )
    assert "see the topic t; " in hidden_topic("t")
