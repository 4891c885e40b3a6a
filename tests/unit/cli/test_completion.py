"""What shells are offered, asked as their scripts ask; the scripts themselves run in tests/integration."""

from __future__ import annotations

import pytest

from consumer.cli.completion import COMPLETE_VARIABLE
from consumer.cli.main import COMMANDS, main


def offered(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str) -> list[str]:
    """The values that bash is offered for the last word of the line."""
    monkeypatch.setenv(COMPLETE_VARIABLE, "bash_complete")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(line.count(" ")))
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 0
    return [item.partition(",")[2] for item in capsys.readouterr().out.split()]


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("video-consumer ", list(COMMANDS)),
        ("video-consumer su", ["submit"]),
        ("video-consumer submit --chunk-", ["--chunk-duration", "--chunk-overlap"]),
        ("video-consumer dlq re", ["redrive"]),
        ("video-consumer dlq list --code media_un", ["MEDIA_UNREADABLE", "MEDIA_UNSUPPORTED"]),
        ("video-consumer runpod pods create --cloud S", ["SECURE"]),
        ("video-consumer --engine ", ["vllm", "synthetic"]),
        (
            "video-consumer run --set KAFKA_SSL_",
            [
                "KAFKA_SSL_CA_LOCATION=",
                "KAFKA_SSL_CERTIFICATE_LOCATION=",
                "KAFKA_SSL_KEY_LOCATION=",
                "KAFKA_SSL_KEY_PASSWORD=",
            ],
        ),
        ("video-consumer run --set s3_sec", ["s3_secret_key=", "s3_secure="]),
        ("video-consumer run --set timestamps=", ["timestamps=absolute", "timestamps=relative"]),
        ("video-consumer run --set ENFORCE_EAGER=", ["ENFORCE_EAGER=true", "ENFORCE_EAGER=false"]),
        ("video-consumer run --set ENGINE=sy", ["ENGINE=synthetic"]),
        ("video-consumer run --set NONSENSE=", []),
        # As bash splits it where its COMP_WORDBREAKS holds the sign, and where it replaces what is behind that.
        ("video-consumer run --set ENGINE =", ["vllm", "synthetic"]),
        ("video-consumer run --set ENGINE = sy", ["synthetic"]),
        ("video-consumer run --engine = sy", ["synthetic"]),
        ("video-consumer --log-level =", ["DEBUG", "INFO", "WARNING", "ERROR"]),
        ("video-consumer --log-level W", ["WARNING"]),
        ("video-consumer submit films/ta", ["films/ta"]),
        ("video-consumer process ta", ["ta"]),
        ("video-consumer --model-name mo", ["mo"]),
        ("video-consumer completion f", ["fish"]),
        ("video-consumer sumbit --f", []),
    ],
)
def test_what_is_offered(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str, values: list[str]
) -> None:
    found = offered(monkeypatch, capsys, line)
    assert [value for value in found if not value.startswith("-") or "--" in line] == values


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_asks_this_program(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert f"{COMPLETE_VARIABLE}={shell}_complete" in script
    assert "video-consumer" in script


@pytest.mark.parametrize("shell", ["zhs", ""])
def test_another_shell_is_told_which_there_are(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", *shell.split()]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert all(name in said for name in ("bash", "zsh", "fish"))
