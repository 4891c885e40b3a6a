"""What README, docs and other pages name is there: links, commands, options, settings, files, tests, metrics."""

from __future__ import annotations

import importlib.util
import itertools
import json
import re
import shlex
import tomllib

import click
import pytest
import yaml

from consumer.cli.main import COMMANDS
from consumer.errors import ErrorCode
from consumer.events.models import VideoJob
from consumer.setting_sources import PASS_THROUGH
from consumer.settings import Settings
from tests.command_lines import find_command, problem
from tests.documents import ROOT, Page, pages

PAGES = pages()
DOCS = [page for page in PAGES if page.path.parent == ROOT / "docs"]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
PROFILES = {
    profile
    for service in yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"].values()
    for profile in service.get("profiles", ())
}
STAGES = set(re.findall(r"^FROM \S+ AS (\w+)$", (ROOT / "deploy" / "Dockerfile").read_text(), re.MULTILINE))
WORDS = {word for path in (ROOT / "consumer").rglob("*.py") for word in re.findall(r"\w+", path.read_text("utf-8"))}

# Programs of others, whose arguments nothing here can check.
FOREIGN_PROGRAMS = frozenset(
    {
        "cd",
        "curl",
        "eval",
        "git",
        "go",
        "java",
        "kafka-acls.sh",
        "kafka-configs.sh",
        "kafka-consumer-groups.sh",
        "kafka-topics.sh",
        "kcat",
        "mvn",
        "node",
        "npm",
        "pre-commit",
        "prometheus",
        "sed",
        "source",
    }
)
# Names in capitals that are neither settings nor error codes: values, file names, and what vLLM, CUDA, Kafka and RunPod
# call theirs.
FOREIGN_PREFIXES = ("VLLM_", "HF_HUB_", "OMP_", "OTEL_", "RUNPOD_SECRET_", "DOCKERHUB_")
FOREIGN_NAMES = frozenset(
    {
        *("NO_COLOR", "CUDA_CACHE_PATH", "FLASHINFER_WORKSPACE_BASE", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR"),
        *("CUDA_MPS", "CUDA_MPS_PIPE_DIRECTORY", "CUDA_VISIBLE_DEVICES"),
        *("UNRELEASED_INSTANCE_ID", "FENCED_INSTANCE_ID", "JOBS_TOPIC", "CHUNKS_TOPIC"),
        *("RESULTS_TOPIC", "VIDEO_URL", "PATH", "HF_HOME", "BAKED_MODEL", "SASL_SSL", "SASL_PLAINTEXT", "MODEL_CARD"),
    }
)
by_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


@by_page
def test_links_lead_to_files_and_headings(page: Page) -> None:
    wrong = []
    for link in page.links:
        file, _, anchor = link.partition("#")
        target = (page.path.parent / file).resolve() if file else page.path
        if not target.exists() or (anchor and (target.suffix != ".md" or anchor not in Page(target).anchors)):
            wrong.append(link)
    assert wrong == []


@by_page
def test_commands_are_taken_by_those_who_get_them(page: Page) -> None:
    assert [said for line in page.commands for said in [_problem(line)] if said is not None] == []


@by_page
def test_commands_within_text_exist_with_their_options(page: Page) -> None:
    assert [span for span in page.spans if _is_command(span) and not _exists(span)] == []


@by_page
def test_names_in_capitals_are_settings_or_codes(page: Page) -> None:
    text = re.sub(r"\{\{.*?\}\}|\]\([^)]*\)", "", page.text)
    names = set(re.findall(r"(?<![\w.])[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?![\w*])(?!_\.\.\.)", text))
    assert {name for name in names if not _known(name)} == set()


@by_page
def test_json_is_json_and_schemas_are_taken(page: Page) -> None:
    for block in page.json_blocks:
        lines = re.findall(r"^ *\{.*\}$", block, re.MULTILINE)
        value = [json.loads(line) for line in lines] if len(lines) > 1 else json.loads(block)
        if isinstance(value, dict) and value.get("type") == "object":
            VideoJob(job_id="j", video_url="s3://b/k", prompt="p", response_schema=block)


@by_page
def test_files_tests_and_metrics_that_are_named_exist(page: Page) -> None:
    wrong = [span for span in page.spans if _is_file(span) and not _file_exists(span)]
    wrong += [name for name in re.findall(r"\bvideo_consumer_\w+", page.text) if not _metric(name)]
    assert wrong == []


def test_every_page_is_in_the_index() -> None:
    index = Page(ROOT / "docs" / "README.md")
    named = {(index.path.parent / link.partition("#")[0]).resolve() for link in index.links}
    assert [page.name for page in DOCS if page.path not in named and page.path != index.path] == []


@pytest.mark.parametrize(
    "line",
    [
        "video-consumer sumbit talk.mp4",
        "video-consumer submit talk.mp4 --no-such-option",
        "export KAFKA_BOOTSTRAP_SERVER=localhost:9092",
        "CHUNK_LENGTH=3 video-consumer run",
        "make tests",
        'pip install "video-consumer[gpus]"',
        "docker compose --profile tpu up",
        "docker compose run --rm client sumbit talk.mp4",
        "docker build -f deploy/Dockerfile --target tpu .",
        "python -m tests.no_such_module",
        "python -m pytest tests/no_such_test.py",
        "frobnicate --all",
    ],
)
def test_a_wrong_command_would_be_seen(line: str) -> None:
    assert _problem(line) is not None


@pytest.mark.parametrize("span", ["submit --prmpt TEXT", "dlq lst", "video-consumer watch --follow", "make tests"])
def test_a_wrong_command_within_text_would_be_seen(span: str) -> None:
    assert _is_command(span)
    assert not _exists(span)


def _problem(line: str) -> str | None:
    """What is wrong with a line of a shell; None: nothing that can be told."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    parts: list[list[str]] = [[]]
    for word in lexer:
        if set(word) <= set("|&;<>"):
            parts.append([])
        else:
            parts[-1].append(word)
    return next((said for words in parts if (said := _wrong(words, line)) is not None), None)


def _wrong(words: list[str], line: str) -> str | None:
    """The same of one command, with the variables before it."""
    rest = words[1:] if words[:1] == ["export"] else words
    while rest and re.match(r"[A-Z][A-Z0-9_]*=", rest[0]):
        name = rest[0].partition("=")[0]
        if not _known(name):
            return f"{line}: there is no setting {name}"
        rest = rest[1:]
    return _program(rest, line) if rest else None


def _program(words: list[str], line: str) -> str | None:
    program, rest = words[0].rpartition("/bin/")[2], words[1:]
    if program == "video-consumer":
        return problem(shlex.join([program, *rest]))
    if program == "make":
        wrong = [word for word in rest if "=" not in word and word not in TARGETS]
        return f"{line}: no target {wrong}" if wrong else None
    if program in ("python", "python3", "pytest"):
        return (
            None
            if rest[:2] == ["-m", "venv"] or _python(rest if program != "pytest" else ["-m", "pytest", *rest])
            else line
        )
    if program == "pip":
        extras = re.findall(r"\[(.*?)\]", " ".join(rest))
        return None if {one for found in extras for one in found.split(",")} <= set(EXTRAS) else line
    if program == "docker":
        return _compose(rest[1:], line) if rest[:1] == ["compose"] else _docker(rest, line)
    built = words[0].startswith("./")
    return None if built or program in FOREIGN_PROGRAMS else f"{line}: what is {program}?"


def _python(rest: list[str]) -> bool:
    if rest[:1] != ["-m"]:
        return rest[:1] != ["-c"] and all((ROOT / word).exists() for word in rest[:1])
    if importlib.util.find_spec(rest[1]) is None:
        return False
    return rest[1] != "pytest" or all(_file_exists(word) for word in rest[2:] if word.startswith("tests"))


def _docker(rest: list[str], line: str) -> str | None:
    for flag, value in itertools.pairwise(rest):
        if (flag == "-f" and not (ROOT / value).exists()) or (flag == "--target" and value not in STAGES):
            return f"{line}: there is no {value}"
    return None if rest[:1] in (["build"], ["push"]) else line


def _compose(rest: list[str], line: str) -> str | None:
    for flag, value in itertools.pairwise(rest):
        if flag == "--profile" and value not in PROFILES:
            return f"{line}: there is no profile {value}"
    return problem(shlex.join(["video-consumer", *rest[rest.index("client") + 1 :]])) if "client" in rest else None


def _is_command(span: str) -> bool:
    words = span.split()
    return len(words) > 1 and (words[0] in ("video-consumer", "make") or (words[0] in COMMANDS and _like_words(words)))


def _like_words(words: list[str]) -> bool:
    return not any(word in words for word in ("is", "="))


def _exists(span: str) -> bool:
    words = span.split(" | ", maxsplit=1)[0].split()
    if words[0] == "make":
        return all(word in TARGETS for word in words[1:] if "=" not in word)
    found = find_command(words[1:] if words[0] == "video-consumer" else words)
    if found is None:
        return False
    command, rest = found
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    known |= {"--help", "--version"}
    options = {word.partition("=")[0].rstrip(",") for word in rest if word.startswith("--")}
    return options <= known and not (isinstance(command, click.Group) and rest[:1] and rest[0].islower())


def _known(name: str) -> bool:
    lowered = name.lower()
    return (
        lowered.removesuffix("_file") in Settings.model_fields
        or lowered.startswith(tuple(f"{one}_" for one in PASS_THROUGH))
        or name in ErrorCode.__members__
        or name in FOREIGN_NAMES
        or name.startswith(FOREIGN_PREFIXES)
        or any(f"{code}".startswith(f"{name}_") for code in ErrorCode)
    )


def _is_file(span: str) -> bool:
    return re.match(r"(?:consumer|tests|docs|deploy|schemas|tools|\.github|\.runpod)/[\w./-]+", span) is not None


def _file_exists(span: str) -> bool:
    file, _, test = span.partition("::")
    path = ROOT / file.split()[0]
    if not path.exists():
        return False
    return (
        not test or re.search(rf"def {re.escape(test.split('[')[0])}\(", path.read_text(encoding="utf-8")) is not None
    )


def _metric(name: str) -> bool:
    own = name.removeprefix("video_consumer_")
    return own in WORDS or re.sub("_(bucket|sum|count)$", "", own) in WORDS
