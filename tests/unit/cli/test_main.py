"""The entry point: what it imports, how errors end, what the commands are called."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from types import ModuleType

import click
import pytest

from consumer import __version__
from consumer.cli.main import COMMANDS, cli, main
from consumer.errors import ConfigurationError, ErrorCode, FencedError, PermanentError, VideoConsumerError

HEAVY = ["torch", "av", "vllm", "confluent_kafka", "minio", "httpx", "pydantic", "rich", "numpy"]
LIGHT_COMMANDS = [name for name in COMMANDS if name not in ("demo", "process", "submit")]


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from consumer.cli.main import main; code = main(['--help']); "
        f"print(code, [name for name in {HEAVY} if name in sys.modules])"
    )
    output = run_python(code).stdout
    assert output.splitlines()[-1] == "0 []"
    for name, sentence in COMMANDS.items():
        assert name in output
        assert sentence in output


def test_submit_and_watch_need_neither_torch_nor_av() -> None:
    code = (
        "import sys, consumer.client, consumer.cli.submit, consumer.cli.watch; "
        "print([name for name in ('torch', 'av', 'vllm', 'numpy') if name in sys.modules])"
    )
    assert run_python(code).stdout.strip() == "[]"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_groups_help_tells_each_commands_own_sentence(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.get_short_help_str(200) == COMMANDS[name]


def test_there_is_no_other_command() -> None:
    assert cli.get_command(click.Context(cli), "main") is None


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[BaseException | int]]:
    """A `version` command that raises, or returns, what the test put into the list."""
    outcome: list[BaseException | int] = []

    @click.command()
    def command() -> int:
        if isinstance(outcome[0], BaseException):
            raise outcome[0]
        return outcome[0]

    module = ModuleType("consumer.cli.version")
    module.command = command  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "consumer.cli.version", module)
    yield outcome


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (VideoConsumerError("It went wrong."), 1),
        (PermanentError(ErrorCode.SOURCE_NOT_FOUND, "It went wrong."), 1),
        (click.ClickException("It went wrong."), 1),
        (FencedError("It went wrong."), 3),
        (ConfigurationError("It went wrong."), 4),
    ],
)
def test_an_expected_error_is_one_sentence_and_a_code(
    failing: list[BaseException | int], capsys: pytest.CaptureFixture[str], error: Exception, code: int
) -> None:
    failing.append(error)
    assert main(["version"]) == code
    captured = capsys.readouterr()
    assert captured.err == "It went wrong.\n"
    assert captured.out == ""


def test_debug_shows_the_traceback(failing: list[BaseException | int], capsys: pytest.CaptureFixture[str]) -> None:
    failing.append(ConfigurationError("It went wrong."))
    assert main(["version", "--debug"]) == 4
    error = capsys.readouterr().err
    assert error.startswith("Traceback")
    assert error.endswith("It went wrong.\n")


def test_a_bug_is_not_dressed_up(failing: list[BaseException | int]) -> None:
    failing.append(KeyError("bug"))
    with pytest.raises(KeyError):
        main(["version"])


def test_the_commands_number_is_the_exit_code(failing: list[BaseException | int]) -> None:
    failing.append(1)
    assert main(["version"]) == 1


def test_ctrl_c_ends_with_130_and_no_word(
    failing: list[BaseException | int], capsys: pytest.CaptureFixture[str]
) -> None:
    failing.append(KeyboardInterrupt())
    assert main(["version"]) == 130
    assert capsys.readouterr().err.strip() == ""


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["sumbit"], "video-consumer: there is no command sumbit; did you mean submit? (see `video-consumer --help`)."),
        (
            ["topics", "check", "too", "many"],
            "video-consumer topics check: Got unexpected extra arguments (too many) (see `video-consumer topics check "
            "--help`).",
        ),
        (
            ["settings", "--set", "nonsense"],
            "video-consumer settings: --set takes NAME=VALUE, not 'nonsense' (see `video-consumer settings --help`).",
        ),
        (["results"], "video-consumer results: Missing argument 'JOB' (see `video-consumer results --help`)."),
    ],
)
def test_wrong_usage_is_one_sentence_and_code_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.err == sentence + "\n"
    assert captured.out == ""


def test_no_command_shows_the_help_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    captured = capsys.readouterr()
    assert "Usage: video-consumer" in captured.err
    assert captured.out == ""


def test_a_closed_pipe_is_quiet() -> None:
    code = "import sys; from consumer.cli.main import main; sys.exit(main(['settings']))"
    ends = subprocess.run(
        ["bash", "-c", f'"{sys.executable}" -c "{code}" | head -n 0; echo "${{PIPESTATUS[0]}}"'],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ends.stderr == ""
    assert ends.stdout.strip() in ("0", "1")


def test_version_as_an_option_is_ours_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.split()[-1] == __version__


@pytest.mark.parametrize(
    ("terminal", "no_color", "coloured"), [(True, "", True), (True, "1", False), (False, "", False)]
)
def test_colours_are_for_terminals_that_want_them(
    failing: list[BaseException | int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    terminal: bool,
    no_color: str,
    coloured: bool,
) -> None:
    @click.command()
    def command() -> None:
        click.echo(click.style("good", fg="green"))

    monkeypatch.setattr(sys.modules["consumer.cli.version"], "command", command)
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    assert main(["version"]) == 0
    assert ("\x1b[32m" in capsys.readouterr().out) == coloured
