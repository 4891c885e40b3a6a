"""`dlq`: what it says of dead letters, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

import pytest

from consumer.cli.dead_letters import age, shown
from consumer.cli.main import main
from consumer.client import dead_letters
from consumer.client.reader import Line
from consumer.client.redriven import Redriven
from consumer.errors import ErrorCode
from consumer.events.dead_letters import DeadLetter
from consumer.settings import Settings
from consumer.stream.cluster import Place
from tests.unit.client.letters import JOB, letter


@dataclass(slots=True)
class FakeTopic:
    """The dead-letter topic, in place of all that `DeadLetters` reads with.

    Args:
        redriven: by partition, what the group remembers.
    """

    letters: list[DeadLetter]
    redriven: dict[int, Redriven] = field(default_factory=dict)
    topics: tuple[str, ...] = ("video.jobs", "video.jobs.dlq")

    def cluster(self, settings: Settings) -> Self:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """There is nothing to close."""

    def partitions(self, names: Collection[str]) -> dict[str, int]:
        return {name: 3 for name in self.topics if name in names}

    def first_offsets(self, places: Iterable[Place]) -> dict[Place, int]:
        return dict.fromkeys(places, 0)

    def offsets_at(self, places: Iterable[Place], milliseconds: int) -> dict[Place, int]:
        return dict.fromkeys(places, 0)

    def offsets(self, settings: Settings, *, stable: bool) -> Self:
        return self

    def committed(self, partitions: Collection[int]) -> dict[int, Redriven | None]:
        return {partition: self.redriven.get(partition, Redriven()) for partition in partitions}

    def reader(self, settings: Settings, positions: Mapping[Place, int], fetch_wait_ms: int) -> FakeReader:
        lines = [
            Line(
                (one.topic, one.partition),
                one.offset,
                one.key,
                one.value or b"",
                one.headers,
                one.timestamp,
                one.value is None,
            )
            for one in self.letters
            if one.offset >= positions.get((one.topic, one.partition), one.offset + 1)
        ]
        return FakeReader([*lines, *(Line(place, 99) for place in positions)])


@dataclass(slots=True)
class FakeReader:
    lines: list[Line]

    def poll(self, seconds: float) -> Line | None:
        return self.lines.pop(0)

    def close(self) -> None:
        """There is nothing to close."""


def install(monkeypatch: pytest.MonkeyPatch, *letters: DeadLetter, redriven: Redriven | None = None) -> FakeTopic:
    topic = FakeTopic(list(letters), {1: redriven} if redriven is not None else {})
    monkeypatch.setattr(dead_letters, "Cluster", topic.cluster)
    monkeypatch.setattr(dead_letters, "ResultReader", topic.reader)
    monkeypatch.setattr(dead_letters, "GroupOffsets", topic.offsets)
    return topic


def test_the_list_says_what_to_do(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    install(
        monkeypatch,
        letter(offset=4),
        letter(offset=6, key=None, value=b"?", code=ErrorCode.EVENT_UNDECODABLE, message="", timestamp=2_000_000),
    )
    assert main(["dlq", "list"]) == 0
    out, error = capsys.readouterr()
    first, second = out.splitlines()
    assert first.startswith("1/4      SOURCE_UNREACHABLE ")
    remedy = "Check that the store runs and can be reached, then try again."
    assert first.endswith(f"  job-1  attempt 2  The store did not answer. {remedy}")
    assert "(no job id)" in second
    assert "The record's value is not an event in any of the accepted wire formats." in second
    assert error == "2 dead letters: 1 SOURCE_UNREACHABLE, 1 EVENT_UNDECODABLE.\n"


def test_what_was_sent_again_is_left_out(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    install(monkeypatch, letter(offset=4), letter(offset=6), redriven=Redriven(0, frozenset([4])))
    assert main(["dlq", "list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["1/6"]
    assert main(["dlq", "list", "--all"]) == 0
    assert [("sent again" in line) for line in capsys.readouterr().out.splitlines()] == [True, False]


def test_the_newest_are_shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    install(monkeypatch, *(letter(offset=n, timestamp=1_000 * (9 - n)) for n in range(5)))
    assert main(["dlq", "list", "--limit", "2", "--json"]) == 0
    out, error = capsys.readouterr()
    assert [one["name"] for one in json.loads(out)] == ["1/1", "1/0"]
    assert error == "5 dead letters: 5 SOURCE_UNREACHABLE; the newest 2 are shown.\n"


def test_names_and_codes_choose(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    other = json.dumps(JOB | {"job_id": "other"}).encode()
    # The key of somebody else's producer: what counts is the value.
    install(
        monkeypatch,
        letter(offset=1),
        letter(offset=2, value=other),
        letter(offset=3, code=ErrorCode.SOURCE_NOT_FOUND),
    )

    def listed(*arguments: str) -> list[str]:
        assert main(["dlq", "list", *arguments]) == 0
        return [line.split()[0] for line in capsys.readouterr().out.splitlines()]

    assert listed("job-1") == ["1/1", "1/3"]
    assert listed("other", "1/3") == ["1/2", "1/3"]
    assert listed("--code", "source_not_found") == ["1/3"]
    assert listed("--code", "SOURCE_NOT_FOUND", "other") == []


def test_one_is_shown_whole(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    install(monkeypatch, letter(offset=1), letter(offset=2, timestamp=2_000_000))
    assert main(["dlq", "show", "job-1"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("dead letter  1/2 of video.jobs.dlq, 1970-01-01 00:33:20 UTC, ")
    for part in (
        "code         SOURCE_UNREACHABLE: The store did not answer in time.\n",
        "received     topic video.jobs partition 1 offset 17\n",
        "ended in     stage job, attempt 2, worker w\n",
        "sent again   no\n",
        "header       traceparent: 00-1\n",
        ' bytes, JSON: a valid job.\n\n{\n  "job_id": "job-1",',
    ):
        assert part in out
    assert main(["dlq", "show", "1/1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["value"]["fields"] == JOB


def test_what_is_no_job_is_shown_as_far_as_it_goes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    install(monkeypatch, letter(value=b"\x7fELF\x02", key=b"\xff\xfe"), letter(offset=2, value=None, key=None))
    assert main(["dlq", "show", "1/0"]) == 0
    out = capsys.readouterr().out
    assert "5 bytes, in no format that is known: The record's value begins with the bytes 7f 45 4c 46" in out
    assert out.endswith("\n0000  7f 45 4c 46 02                                   .ELF.\n")
    assert main(["dlq", "show", "1/2"]) == 0
    assert "0 bytes, no value: The record's value is empty." in capsys.readouterr().out


def test_neither_secrets_nor_escapes_come_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    signed = "https://user:hidden@host/a.mp4?X-Amz-Signature=hidden"
    bad = json.dumps(JOB | {"video_url": signed, "prompt": "\x1b[2Jx\x9b"}).encode()
    broken = f'{{"video_url": "{signed}", \x1b]0;title\x07'.encode()
    evil = (("h\x1b[31m", b"\x1b[31mred"), ("api-key", b"hidden"), ("authorization", b"Basic aGlkZGVuaGlkZGVu"))
    install(
        monkeypatch,
        letter(value=bad, message=f"\x1b[2J{signed} does not answer.", received=evil),
        replace(letter(offset=2, value=broken), key=b"\x1b[31m"),
    )
    for arguments in (["list"], ["list", "--json"], ["show", "1/0"], ["show", "1/2"], ["redrive", "--all"]):
        assert main(["dlq", *arguments]) == 0
        out = capsys.readouterr().out
        assert "hidden" not in out, arguments
        assert "aGlkZGVu" not in out, arguments
        assert "\x1b" not in out, arguments
        assert not {"\x07", "\x9b"} & set(out), arguments


def test_nothing_is_sent_without_yes(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    install(monkeypatch, letter(code=ErrorCode.EVENT_INVALID), letter(offset=2))
    assert main(["dlq", "redrive", "--all"]) == 0
    out, error = capsys.readouterr()
    assert len(out.splitlines()) == 2
    assert error == (
        "1 of them will fail in the same way: their bytes are no valid job, and they are sent as they are.\n"
        "Would send 2 dead letters; nothing was sent: add --yes.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["redrive"], 2, "give NAME or --code, or --all"),
        (["redrive", "--all", "1/2"], 2, "--all is for every dead letter; leave out NAME and --code"),
        (
            ["redrive", "--code", "SOURCE_NOTFOUND"],
            2,
            "there is no error code SOURCE_NOTFOUND; did you mean SOURCE_NOT_FOUND?",
        ),
        (["redrive", "--code", "X"], 2, "there is no error code X; docs/asyncapi.html lists them"),
        (["list", "a b"], 2, "'a b' names no dead letter: give PARTITION/OFFSET, for example 3/17, or the id of a job"),
        (["show", "1/"], 2, "'1/' names no dead letter"),
        (["show", "x" * 200], 2, "… "),
        (["show"], 2, "Missing argument 'NAME'"),
        (["list", "--limit", "0"], 2, "0 is not in the range x>=1"),
        (["purge"], 2, "No such command 'purge'"),
        (
            ["show", "nobody"],
            1,
            "The topic video.jobs.dlq holds no dead letter nobody; `video-consumer dlq list` shows",
        ),
        (["redrive", "nobody"], 1, "Nothing to send: no such dead letter is left"),
        (["list", "--kafka-topic-prefix", "elsewhere"], 4, "The topic elsewhere.jobs.dlq does not exist; make it with"),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, says: str
) -> None:
    install(monkeypatch, letter())
    assert main(["dlq", *arguments]) == code
    out, error = capsys.readouterr()
    assert out == ""
    assert says.strip() in error
    assert error.count("\n") == 1


def test_no_dead_letters_is_good_news(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    install(monkeypatch)
    assert main(["dlq", "list"]) == 0
    assert capsys.readouterr().err == "No dead letters.\n"


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(-5, "0 s"), (59_999, "59 s"), (60_000, "1 min"), (7_200_000, "2 h"), (172_800_000, "2 d")],
)
def test_ages_are_in_the_unit_that_fits(milliseconds: int, text: str) -> None:
    assert age(milliseconds) == text


def test_text_is_one_line() -> None:
    assert shown("a\n b\u2028c\x9bd") == "a b c d"
