from __future__ import annotations

import pytest

from consumer.errors import ConfigurationError
from consumer.runpod.pod_environment import pod_environment
from consumer.settings import LoadedSettings, load_settings


def _loaded(**environment: str) -> LoadedSettings:
    return load_settings(environment=environment)


def test_a_worker_gets_what_is_set_here() -> None:
    found = pod_environment(
        _loaded(
            KAFKA_BOOTSTRAP_SERVERS="kafka:9092",
            ALLOWED_HOSTS="a.example,b.example",
            S3_SECURE="false",
            MAX_NUM_BATCHED_TOKENS="8192",
            KAFKA_CONSUMER_FETCH_MIN_BYTES="5",
            ENGINE_ARGS_LIMIT_MM_PER_PROMPT="{image: 1}",
            HTTP_PORT="1",
            RUNPOD_API_URL="http://localhost/v2",
            KAFKA_GROUP_INSTANCE_ID="me",
        ),
        {},
        {},
    )
    assert found == {
        "ALLOWED_HOSTS": "a.example,b.example",
        "ENGINE_ARGS_LIMIT_MM_PER_PROMPT": '{"image": 1}',
        "KAFKA_BOOTSTRAP_SERVERS": "kafka:9092",
        "KAFKA_CONSUMER_FETCH_MIN_BYTES": "5",
        "MAX_NUM_BATCHED_TOKENS": "8192",
        "S3_SECURE": "false",
    }


def test_a_pod_reads_the_same_settings_from_it() -> None:
    here = _loaded(
        PRESET="24gb-fp8",
        MAX_ATTEMPTS="7",
        ENGINE_ARGS_LOAD_FORMAT="dummy",
        KAFKA_PRODUCER_LINGER_MS="3",
        S3_SECURE="no",
    )
    there = load_settings(environment=pod_environment(here, {}, {}))
    assert there.settings == here.settings


def test_no_secret_is_sent() -> None:
    secrets = {
        "S3_SECRET_KEY": "hunter2",
        "KAFKA_SASL_PASSWORD": "hunter2",
        "HF_TOKEN": "hunter2",
        "RUNPOD_API_KEY": "hunter2",
        "SCHEMA_REGISTRY_URL": "https://me:hunter2@registry",
        "KAFKA_CONSUMER_SSL_KEY_PASSWORD": "hunter2",
        "ENGINE_ARGS_HF_TOKEN": "hunter2",
    }
    found = pod_environment(_loaded(**secrets), {}, {"HF_TOKEN": "hugging-face", "EXTRA": "more"})
    assert "hunter2" not in str(found)
    assert found["S3_SECRET_KEY"] == "{{ RUNPOD_SECRET_S3_SECRET_KEY }}"
    assert found["HF_TOKEN"] == "{{ RUNPOD_SECRET_hugging-face }}"
    assert found["EXTRA"] == "{{ RUNPOD_SECRET_more }}"
    assert found.keys() == (secrets.keys() | {"EXTRA"}) - {"RUNPOD_API_KEY"}


def test_what_is_given_wins() -> None:
    given = {"KAFKA_BOOTSTRAP_SERVERS": "outside:9092", "ANY": "1"}
    found = pod_environment(_loaded(KAFKA_BOOTSTRAP_SERVERS="inside:9092"), given, {})
    assert found == given


@pytest.mark.parametrize("name", ["VIDEO_CONSUMER_FLEET", "KAFKA_CONSUMER_CLIENT_ID"])
def test_what_the_fleet_needs_cannot_be_given(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{name} must not be set for pods"):
        pod_environment(_loaded(), {name: "x"}, {})
