"""The settings: four layers, their origins, and the sentences about what is wrong."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from consumer.errors import ConfigurationError
from consumer.presets import preset
from consumer.settings import LoadedSettings, Settings, load_settings
from tools.docs import TABLES, settings_table, with_table

CONFIG = Path(__file__).parents[2] / "config.yaml"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "config.yaml"


def loaded(
    config: Path | None = None, environment: dict[str, str] | None = None, **command_line: Any
) -> LoadedSettings:
    return load_settings(config_file=config, environment=environment or {}, command_line=command_line)


def sentence(config: Path | None = None, environment: dict[str, str] | None = None, **command_line: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        loaded(config, environment, **command_line)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_without_anything_all_is_default() -> None:
    found = loaded()
    assert found.settings == Settings()
    assert set(found.origins) == set(Settings.model_fields)
    assert set(found.origins.values()) == {"default"}


def test_later_layers_win_and_are_named(config: Path) -> None:
    config.write_text("max_attempts: 4\nmax_model_len: 1000\nchunk_duration: 10\n")
    found = loaded(config, {"MAX_ATTEMPTS": "5", "MAX_MODEL_LEN": "2000"}, max_attempts=6)
    settings, origins = found.settings, found.origins
    assert (settings.max_attempts, origins["max_attempts"]) == (6, "command line")
    assert (settings.max_model_len, origins["max_model_len"]) == (2000, "environment")
    assert (settings.chunk_duration, origins["chunk_duration"]) == (10.0, str(config))
    assert (settings.chunk_overlap, origins["chunk_overlap"]) == (2.0, "default")


def test_the_original_s_names_work(config: Path) -> None:
    names = {
        "MODEL_NAME": "m",
        "MAX_MODEL_LEN": "4096",
        "GPU_MEMORY_UTILIZATION": "0.5",
        "TENSOR_PARALLEL_SIZE": "2",
        "MAX_FRAMES_PER_CHUNK": "8",
        "CHUNK_DURATION": "30",
        "CHUNK_OVERLAP": "1",
        "HF_TOKEN": "t",
    }
    config.write_text(yaml.safe_dump(names))
    from_environment = loaded(environment=names).settings
    assert (from_environment.model_name, from_environment.gpu_memory_utilization) == ("m", 0.5)
    assert from_environment.hf_token == SecretStr("t")
    assert loaded(config).settings == from_environment


def test_an_option_that_was_not_given_leaves_the_others_alone() -> None:
    found = loaded(None, {"S3_BUCKET": "b"}, s3_bucket=None)
    assert (found.settings.s3_bucket, found.origins["s3_bucket"]) == ("b", "environment")


def test_the_environment_s_other_variables_are_not_ours() -> None:
    assert loaded(environment={"PATH": "/bin", "engine": "synthetic", "KAFKA_CONSUMER": "x"}).settings == Settings()


def test_an_empty_variable_is_no_value() -> None:
    empty = {"S3_ENDPOINT": "", "S3_SECRET_KEY": "", "ALLOWED_HOSTS": "", "MAX_NUM_SEQS": ""}
    assert loaded(environment=empty).settings == Settings()


def test_an_empty_variable_leaves_a_file_s_value_where_there_must_be_one(config: Path) -> None:
    config.write_text("max_model_len: 4096\nmodel_name: m\ns3_endpoint: e\nallowed_hosts: [a]\n")
    empty = {"MAX_MODEL_LEN": "", "MODEL_NAME": "", "S3_ENDPOINT": "", "ALLOWED_HOSTS": "", "ENFORCE_EAGER": ""}
    settings = loaded(config, empty).settings
    assert (settings.max_model_len, settings.model_name, settings.enforce_eager) == (4096, "m", False)
    assert (settings.s3_endpoint, settings.allowed_hosts) == (None, ())


def test_a_preset_stands_behind_everything_that_is_set(config: Path) -> None:
    config.write_text("max_num_batched_tokens: 4096\n")
    found = loaded(config, {"PRESET": "24gb-bf16", "GPU_MEMORY_UTILIZATION": "0.8"}, max_concurrent_chunks=3)
    settings, origins = found.settings, found.origins
    assert settings.model_name == "Qwen/Qwen3-VL-8B-Instruct"
    assert origins["model_name"] == origins["max_model_len"] == "preset 24gb-bf16"
    assert settings.max_model_len == preset("24gb-bf16").max_model_len < Settings().max_model_len
    assert (settings.max_num_batched_tokens, origins["max_num_batched_tokens"]) == (4096, str(config))
    assert (settings.gpu_memory_utilization, settings.max_concurrent_chunks) == (0.8, 3)
    assert origins["max_attempts"] == "default"


def test_a_preset_counts_the_cards(config: Path) -> None:
    settings = loaded(None, {"PRESET": "24gb-bf16", "TENSOR_PARALLEL_SIZE": "2"}).settings
    assert settings.max_model_len == preset("24gb-bf16", 2).max_model_len
    for wrong in ("0", "two", "-1"):
        assert "TENSOR_PARALLEL_SIZE (from environment)" in sentence(
            environment={"PRESET": "24gb-bf16", "TENSOR_PARALLEL_SIZE": wrong}
        )


def test_lists_are_comma_separated_in_the_environment(config: Path) -> None:
    config.write_text("allowed_hosts: [a, b]\n")
    assert loaded(environment={"ALLOWED_HOSTS": "a, b,"}).settings == loaded(config).settings
    assert loaded(config).settings.allowed_hosts == ("a", "b")


def test_what_librdkafka_is_told_is_merged_layer_by_layer(config: Path) -> None:
    config.write_text("kafka_consumer:\n  fetch.min.bytes: 5\n  check.crcs: true\n  client.rack: a\n")
    variables = {"KAFKA_CONSUMER_FETCH_MIN_BYTES": "6", "KAFKA_PRODUCER_LINGER_MS": "7"}
    settings = loaded(config, variables, kafka_consumer={"client.rack": "b"}).settings
    assert settings.kafka_consumer == {"fetch.min.bytes": "6", "check.crcs": "true", "client.rack": "b"}
    assert settings.kafka_producer == {"linger.ms": "7"}


def test_what_vllm_is_told_is_merged_and_keeps_its_types(config: Path) -> None:
    config.write_text("engine_args:\n  load_format: auto\n  seed: 1\n  compilation_config: {level: 3}\n")
    variables = {
        "ENGINE_ARGS_LOAD_FORMAT": "dummy",
        "ENGINE_ARGS": '{"load_format": "safetensors", "watermark": 0.1}',
        "ENGINE_ARGS_ASYNC_SCHEDULING": "false",
        "ENGINE_ARGS_KV_CACHE_DTYPE": "",
    }
    found = loaded(config, variables, engine_args={"seed": 2})
    assert found.settings.engine_args == {
        "load_format": "dummy",
        "seed": 2,
        "compilation_config": {"level": 3},
        "watermark": 0.1,
        "async_scheduling": False,
    }
    assert found.origins["engine_args"] == "command line"


@pytest.mark.parametrize(
    ("variable", "value", "part"),
    [
        ("ENGINE_ARGS", "dummy", "ENGINE_ARGS must hold a mapping"),
        ("ENGINE_ARGS", "{a", "ENGINE_ARGS cannot be read as YAML"),
        ("ENGINE_ARGS_HF_OVERRIDES", "{a", "ENGINE_ARGS_HF_OVERRIDES cannot be read as YAML"),
        ("ENGINE_ARGS", "{1: 2}", "ENGINE_ARGS (from environment) is wrong"),
    ],
)
def test_engine_arguments_that_cannot_be_read_are_named(variable: str, value: str, part: str) -> None:
    assert part in sentence(environment={variable: value})


@pytest.mark.parametrize(
    ("environment", "parts"),
    [
        ({"MAX_ATTEMPTS": "0"}, ["MAX_ATTEMPTS (from environment)", "greater than or equal to 1"]),
        ({"MAX_ATTEMPTS": "many"}, ["MAX_ATTEMPTS (from environment)", "valid integer"]),
        ({"ENGINE": "tensorrt"}, ["ENGINE (from environment)", "'vllm' or 'synthetic'"]),
        ({"RETRY_SECONDS": "-1"}, ["RETRY_SECONDS (from environment)"]),
        ({"PROBE_TIMEOUT_SECONDS": "inf"}, ["PROBE_TIMEOUT_SECONDS (from environment)"]),
        ({"PRESET": "24gb"}, ["PRESET (from environment)", "24gb-bf16", "141gb-fp8"]),
        ({"KAFKA_TOPIC_PREFIX": "a b"}, ["KAFKA_TOPIC_PREFIX (from environment)"]),
        ({"GPU_MEMORY_UTILIZATION": "90"}, ["GPU_MEMORY_UTILIZATION (from environment)", "less than or equal to 1"]),
    ],
)
def test_a_wrong_value_is_named_with_its_origin(environment: dict[str, str], parts: list[str]) -> None:
    text = sentence(environment=environment)
    assert all(part in text for part in parts), text


def test_a_wrong_value_of_the_command_line_is_named_so() -> None:
    assert "HTTP_PORT (from command line)" in sentence(http_port="99999")


def test_a_wrong_secret_is_not_repeated(config: Path) -> None:
    config.write_text("s3_secret_key: [hidden]\n")
    text = sentence(config)
    assert f"S3_SECRET_KEY (from {config})" in text
    assert "hidden" not in text


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("max_atempts: 9", "there is no setting max_atempts; did you mean max_attempts?"),
        ("zzz: 9", "there is no setting zzz."),
        ("- engine", "must hold a mapping of settings"),
        ("a: 1\ns3_secret_key: [hunter2", "cannot be read: expected ',' or ']', but got '<stream end>' in line 2."),
        ("a: \x00", "cannot be read: it is no YAML."),
        ("a: \xff", "cannot be read"),
        (None, "cannot be read: No such file or directory."),
    ],
)
def test_a_file_that_cannot_be_used_is_named(config: Path, content: str | None, part: str) -> None:
    if content is not None:
        config.write_text(content, encoding="latin-1")
    text = sentence(config)
    assert str(config) in text
    assert part in text


@pytest.mark.parametrize("content", ["", "# nothing\n"])
def test_an_empty_file_sets_nothing(config: Path, content: str) -> None:
    config.write_text(content)
    assert loaded(config).settings == Settings()


def test_settings_are_frozen_and_hide_their_secrets() -> None:
    settings = loaded(None, {"HF_TOKEN": "hidden", "S3_SECRET_KEY": "hidden", "KAFKA_SASL_PASSWORD": "hidden"}).settings
    assert "hidden" not in repr(settings) + str(settings)
    with pytest.raises(ValueError, match="frozen"):
        settings.engine = "synthetic"  # type: ignore[misc]


def test_a_secret_may_stand_in_a_file(tmp_path: Path, config: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(" two words \r\n")
    config.write_text("s3_secret_key: other\n")
    found = loaded(config, {"S3_SECRET_KEY_FILE": str(secret), "S3_SECRET_KEY": "", "HF_TOKEN_FILE": ""})
    assert found.settings.s3_secret_key == SecretStr(" two words ")
    assert found.origins["s3_secret_key"] == "S3_SECRET_KEY_FILE"
    assert found.settings.hf_token is None
    assert loaded(
        config, {"S3_SECRET_KEY_FILE": str(secret)}, s3_secret_key="given"
    ).settings.s3_secret_key == SecretStr("given")


def test_other_settings_may_too_and_are_checked(tmp_path: Path) -> None:
    file = tmp_path / "value"
    file.write_text("7\n")
    assert loaded(None, {"MAX_ATTEMPTS_FILE": str(file)}).settings.max_attempts == 7
    file.write_text("seven")
    assert sentence(None, {"MAX_ATTEMPTS_FILE": str(file)}).startswith(
        "The setting MAX_ATTEMPTS (from MAX_ATTEMPTS_FILE) is wrong"
    )


def test_a_file_that_will_not_do_is_named(tmp_path: Path) -> None:
    def told(path: Path, **more: str) -> str:
        return sentence(None, {"HF_TOKEN_FILE": str(path), **more})

    file = tmp_path / "token"
    assert told(file) == f"The file {file} (HF_TOKEN_FILE) cannot be read: No such file or directory."
    assert told(tmp_path) == f"The file {tmp_path} (HF_TOKEN_FILE) cannot be read: Is a directory."
    file.write_bytes(b"\xff\xfe")
    assert told(file) == f"The file {file} (HF_TOKEN_FILE) holds no text; name the file of the value."
    file.write_bytes(b"x" * 65_537)
    assert f"The file {file} (HF_TOKEN_FILE) holds more than 65,536 bytes" in told(file)
    assert told(file, HF_TOKEN="t") == "HF_TOKEN and HF_TOKEN_FILE are both set; leave one of them out."


def test_every_setting_is_described() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


@pytest.mark.parametrize("page", TABLES, ids=lambda page: page.name)
def test_the_generated_tables_are_up_to_date(page: Path) -> None:
    assert with_table(page) == page.read_text(encoding="utf-8"), "run `make docs`"
    assert all(f"| `{name.upper()}" in settings_table() for name in Settings.model_fields)


def test_config_yaml_sets_nothing_as_it_stands() -> None:
    assert loaded(CONFIG).settings == Settings()


def test_config_yaml_shows_the_defaults() -> None:
    """Each line without its # is a setting at its default value."""
    shown = yaml.safe_load("\n".join(re.findall(r"^# ([a-z0-9_]+: .*)$", CONFIG.read_text(), re.MULTILINE)))
    assert len(shown) > 20
    defaults = Settings().model_dump(mode="json")
    assert shown == {name: defaults.get(name, "no such setting") for name in shown}


@pytest.mark.parametrize(
    ("name", "value", "meant"),
    [
        ("engine", "vlm", "vllm"),
        ("kafka_security_protocol", "sasl-ssl", "SASL_SSL"),
        ("preset", "24gb", "24gb-fp8"),
        ("engine", "unlike any", None),
        ("decoders", "cpu", None),
    ],
)
def test_a_value_of_few_is_asked_for_and_not_shown(name: str, value: str, meant: str | None) -> None:
    with pytest.raises(ConfigurationError) as wrong:
        load_settings(environment={name.upper(): value})
    sentence = str(wrong.value)
    assert sentence.startswith(f"The setting {name.upper()} (from environment) is wrong: ")
    assert sentence.endswith(f"; did you mean {meant}?" if meant else ".")
    assert value not in sentence.replace(str(meant), "").replace("24gb-bf16", "")
