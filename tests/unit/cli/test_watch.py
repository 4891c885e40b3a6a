"""`watch` in a pipe: a line a result, and an end."""

from __future__ import annotations

import pytest

from consumer.cli.main import main
from tests.unit.client.fakes import FakeKafka
from tests.unit.stream.builders import chunk, final


def test_it_ends_when_the_named_jobs_are_done(kafka: FakeKafka, capsys: pytest.CaptureFixture[str]) -> None:
    for job_id in ("job", "other"):
        own = {"job_id": job_id, "run_id": job_id}
        kafka.publish(final(1).model_copy(update=own), chunk(0, num_chunks=1).model_copy(update=own))
    assert main(["watch", "job", "other", "--timeout", "60"]) == 0
    out, error = capsys.readouterr()
    assert [line.split("  ")[:2] for line in out.splitlines()] == [
        ["job", "chunk 1 of 1"],
        ["other", "chunk 1 of 1"],
        ["job", "succeeded, 1 of 1 chunks, 2.0 s"],
        ["other", "succeeded, 1 of 1 chunks, 2.0 s"],
    ]
    assert error == ""


def test_time_that_is_over_is_told(kafka: FakeKafka, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", "job", "--timeout", "0"]) == 1
    assert capsys.readouterr().err.startswith(
        "There is no final result of job after 0 s; a job that was submitted goes"
    )
    assert main(["watch", "--timeout", "0"]) == 1
    assert capsys.readouterr().err == "The 0 s are over.\n"


def test_what_can_be_no_id_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", "job", "a b"]) == 2
    assert "'a b' can be no job_id" in capsys.readouterr().err
