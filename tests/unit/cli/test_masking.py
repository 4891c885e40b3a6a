"""No secret leaves through `settings`."""

from __future__ import annotations

import pytest

from consumer.cli.main import main
from consumer.cli.masking import masked, rows
from consumer.settings import Settings, load_settings

SECRETS = {
    "hf_token": "hf_hidden1",
    "s3_secret_key": "hidden2",
    "kafka_sasl_password": "hidden3",
    "schema_registry_url": "http://user:hidden4@registry:8081/path",
    "kafka_producer": {"sasl.password": "hidden5", "ssl.key.password": "hidden6", "linger.ms": "5"},
    "kafka_consumer": {"sasl.oauthbearer.client.secret": "hidden7"},
    "engine_args": {"model_loader_extra_config": {"token": "hidden8"}, "tokenizer": "shown", "custom": {1: "shown"}},
}


def test_secrets_are_masked_and_the_rest_is_not() -> None:
    found = {row.name: row for row in rows(load_settings(environment={}, command_line=SECRETS))}
    assert "hidden" not in repr(found)
    assert found["SCHEMA_REGISTRY_URL"].value == "http://********@registry:8081/path"
    assert found["KAFKA_PRODUCER"].value["linger.ms"] == "5"
    assert found["ENGINE_ARGS"].value["tokenizer"] == "shown"
    assert list(found) == [name.upper() for name in Settings.model_fields]


def test_the_table_and_the_json_hide_them_too(capsys: pytest.CaptureFixture[str]) -> None:
    secret = ["--set", "s3_secret_key=hidden", "--set", "KAFKA_PRODUCER_SASL_PASSWORD=hidden"]
    assert main(["settings", *secret]) == 0
    assert main(["settings", "--json", *secret]) == 0
    output = capsys.readouterr().out
    assert "hidden" not in output
    assert output.count("********") == 4


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (True, "true"), (("a", "b"), "a,b"), ({"x.y": "1"}, "x.y=1"), (0.5, "0.5"), ("", "")],
)
def test_values_read_as_in_the_environment(value: object, text: str) -> None:
    from consumer.cli.masking import Row

    assert Row("X", masked(value), "default").text == text
