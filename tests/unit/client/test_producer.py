"""Writing a job, on the broker that librdkafka has inside."""

from __future__ import annotations

import contextlib
import socketserver
import threading
from collections.abc import Iterator

import pytest

from consumer.client import JobTooLargeError, SubmitError
from consumer.client.producer import JobProducer
from consumer.errors import ConfigurationError
from consumer.events.headers import event_id
from consumer.settings import load_settings
from consumer.stream.unavailable import KafkaUnavailableError
from tests.unit.client.s3_server import nobody


def producer(seconds: float, bootstrap: str = "embedded:1", **settings: str) -> JobProducer:
    environment = {name.upper(): value for name, value in settings.items()}
    environment["KAFKA_BOOTSTRAP_SERVERS"] = bootstrap
    return JobProducer(load_settings(environment=environment).settings, seconds)


@pytest.fixture
def embedded() -> Iterator[JobProducer]:
    one = producer(30, kafka_producer_test_mock_num_brokers="1", kafka_producer_message_max_bytes="2000")
    yield one
    one.close()


def test_the_handle_tells_where_the_record_stands(embedded: JobProducer) -> None:
    first = embedded.send("jobs", "job", b"value", [("name", b"header")])
    second = embedded.send("jobs", "job", b"value", [])
    assert (first.job_id, first.topic, first.offset) == ("job", "jobs", 0)
    assert (second.partition, second.offset) == (first.partition, 1)
    assert first.run_id == event_id("jobs", first.partition, 0, "run") != second.run_id


def test_a_job_over_the_limit_is_named_with_its_size(embedded: JobProducer) -> None:
    with pytest.raises(JobTooLargeError) as caught:
        embedded.send("jobs", "big", b"x" * 5000, [])
    assert str(caught.value).startswith(
        "The job big is a message of 5,000 bytes, more than the limit of 2,000 bytes (KAFKA_PRODUCER_MESSAGE_MAX_BYTES)"
    )


def test_without_a_confirmation_nobody_knows() -> None:
    with nobody() as address:
        one = producer(0.6, address)
        try:
            with pytest.raises(SubmitError) as caught:
                one.send("jobs", "job", b"value", [])
        finally:
            one.close()
    assert "The job job was not confirmed, so it may or may not have been written" in str(caught.value)
    assert f"Kafka at {address} (KAFKA_BOOTSTRAP_SERVERS) did not answer" in str(caught.value)


def test_a_setting_that_librdkafka_does_not_know_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r'librdkafka does not accept .*"no\.such\.thing"'):
        producer(1, kafka_producer_no_such_thing="1")


def test_settings_that_the_guarantee_depends_on_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="KAFKA_PRODUCER_ACKS must not be set"):
        producer(1, kafka_producer_acks="0")


class _NoTls(socketserver.BaseRequestHandler):
    """Answers a TLS handshake in another language, and waits until the client hangs up."""

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):
            self.request.recv(1)
            self.request.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            while self.request.recv(4096):
                pass


@pytest.mark.timeout(60)
def test_a_client_that_is_refused_does_not_wait() -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _NoTls) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        one = producer(200, f"127.0.0.1:{server.server_address[1]}", kafka_security_protocol="SSL")
        try:
            with pytest.raises(KafkaUnavailableError, match=r"no way to .* with KAFKA_SECURITY_PROTOCOL=SSL"):
                one.send("jobs", "job", b"value", [])
        finally:
            one.close()
            del one
            server.shutdown()
