"""The completion scripts, in the shells that they are for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from consumer.cli.completion import COMPLETE_VARIABLE

# Each asks its own script what may follow "video-consumer topics c" and prints it.
BASH = """
eval "$(video-consumer completion bash)"
complete -p video-consumer > /dev/null || exit 9
COMP_WORDS=(video-consumer topics c) COMP_CWORD=2
_video_consumer_completion video-consumer c topics
printf '%s\\n' "${COMPREPLY[@]}"
"""
# The words are those of `--set ENGINE=sy` where COMP_WORDBREAKS holds the sign.
BASH_VALUE = """
eval "$(video-consumer completion bash)"
COMP_WORDS=(video-consumer run --set ENGINE = sy) COMP_CWORD=5
_video_consumer_completion video-consumer sy =
printf '%s\\n' "${COMPREPLY[@]}"
"""
# The completion system needs a terminal; what the script hands to it is enough.
ZSH = """
compdef() { :; }
eval "$(video-consumer completion zsh)"
_describe() { eval "printf '%s\\n' \\"\\${(@)$3}\\""; }
compadd() { eval "printf '%s\\n' \\"\\${(@)$4}\\""; }
words=(video-consumer topics c) CURRENT=3
_video_consumer_completion
"""
FISH = "video-consumer completion fish | source; complete -C 'video-consumer topics c'"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """In which `video-consumer` is this checkout's, and no settings of the user's shell count."""
    program = tmp_path / "video-consumer"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m consumer.cli.main "$@"\n')
    program.chmod(0o755)
    here = os.fspath(Path(__file__).parents[2])
    return {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": here, "HOME": os.fspath(tmp_path)}


@pytest.mark.parametrize(
    ("shell", "options", "program"),
    [("bash", ("--norc", "--noprofile"), BASH), ("zsh", ("-f",), ZSH), ("fish", ("--no-config",), FISH)],
)
def test_the_shell_is_told_what_may_follow(
    environment: dict[str, str], shell: str, options: tuple[str, ...], program: str
) -> None:
    path = shutil.which(shell)
    if path is None:
        pytest.skip(f"the shell {shell} is not on this machine")
    done = subprocess.run([path, *options, "-c", program], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    offered = {line.split("\t")[0].split(":")[0] for line in done.stdout.splitlines()}
    assert offered == {"create", "check"}


def test_bash_is_told_the_value_behind_a_setting_s_name(environment: dict[str, str]) -> None:
    command = ["bash", "--norc", "--noprofile", "-c", BASH_VALUE]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "synthetic\n"), done.stderr


def test_offering_commands_imports_none_of_them() -> None:
    code = (
        "import sys; from consumer.cli.main import main\n"
        "try: main([])\n"
        "finally: print(*(name for name in sys.modules if name.startswith(('consumer.cli.', 'pydantic', 'rich'))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, COMPLETE_VARIABLE: "fish_complete", "COMP_WORDS": "video-consumer ", "COMP_CWORD": ""},
        capture_output=True,
        text=True,
        timeout=60,
    )
    modules = {"main", "completion", "examples", "invocation"}
    assert set(done.stdout.splitlines()[-1].split()) == {f"consumer.cli.{name}" for name in modules}
