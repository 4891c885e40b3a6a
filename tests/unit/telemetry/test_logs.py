"""One stream on stderr: both kinds of loggers, exceptions as values, nothing secret, nothing on stdout."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from consumer.telemetry.logs import configure_logging

URL = "https://user:pa55@minio/videos/a.mp4?X-Amz-Signature=abcd"


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    out, err = capsys.readouterr()
    assert out == ""
    return [json.loads(line) for line in err.splitlines()]


def test_an_event_is_one_json_line_with_its_values(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json", "INFO")
    structlog.get_logger("consumer.worker").info("assigned", partitions=[1, 2])
    (line,) = lines(capsys)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "assigned", "level": "info", "logger": "consumer.worker", "partitions": [1, 2]}


def test_the_standard_librarys_loggers_use_the_same_stream(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json", "INFO")
    logging.getLogger("consumer.kafka").warning("FAIL [%s]: %s", "rdkafka#producer-1", "Connect failed")
    (line,) = lines(capsys)
    assert (line["logger"], line["level"]) == ("consumer.kafka", "warning")
    assert line["event"] == "FAIL [rdkafka#producer-1]: Connect failed"


def test_the_level_holds_for_both(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json", "WARNING")
    structlog.get_logger("a").info("quiet")
    logging.getLogger("b").info("quiet")
    structlog.get_logger("a").warning("loud")
    assert [line["event"] for line in lines(capsys)] == ["loud"]


@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
def test_libraries_that_tell_each_request_are_quiet(capsys: pytest.CaptureFixture[str], level: str) -> None:
    configure_logging("json", level)
    logging.getLogger("httpx").info("HTTP Request: GET https://x")
    logging.getLogger("httpcore.http11").debug("receive_response_headers.complete (b'Location', b'/x?token=secret')")
    logging.getLogger("urllib3.connectionpool").debug('https://x "GET /x?token=secret HTTP/1.1" 200 0')
    assert lines(capsys) == []


def test_configured_twice_a_record_is_written_once(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("console", "DEBUG")
    configure_logging("json", "INFO")
    structlog.get_logger("a").info("once")
    assert len(lines(capsys)) == 1


@pytest.mark.parametrize("foreign", [True, False])
def test_an_exception_is_structured_and_masked(capsys: pytest.CaptureFixture[str], foreign: bool) -> None:
    configure_logging("json", "INFO")
    password = "hunter2-local"
    try:
        raise RuntimeError(f"{URL} of {len(password)}")
    except RuntimeError:
        if foreign:
            logging.getLogger("a").exception("failed")
        else:
            structlog.get_logger("a").exception("failed")
    _, err = capsys.readouterr()
    (line,) = [json.loads(one) for one in err.splitlines()]
    (exception,) = line["exception"]
    assert exception["exc_type"] == "RuntimeError"
    assert exception["exc_value"] == "https://***@minio/videos/a.mp4?*** of 13"
    assert exception["frames"][-1]["name"] == "test_an_exception_is_structured_and_masked"
    assert "hunter2" not in err


@pytest.mark.parametrize("style", ["json", "console"])
def test_no_secret_in_any_part_of_a_record(capsys: pytest.CaptureFixture[str], style: Any) -> None:
    configure_logging(style, "INFO")
    log = structlog.get_logger("a").bind(source=URL)
    try:
        raise ValueError(URL)
    except ValueError:
        log.exception("fetch_failed", url=URL, headers={"Authorization": "Bearer abcdefgh12345678"}, hf_token="hunter2")
    logging.getLogger("b").warning("GET %s", URL)
    out, err = capsys.readouterr()
    assert out == ""
    for secret in ("pa55", "abcd", "hunter2"):
        assert secret not in err
    assert err.count("https://***@minio/videos/a.mp4?***") >= 4


def test_the_console_form_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("console", "INFO")
    structlog.get_logger("a").info("job_started", job_id="j-1")
    _, err = capsys.readouterr()
    assert "job_started" in err and "job_id=j-1" in err
    assert not err.startswith("{")


@pytest.mark.parametrize(
    ("terminal", "no_color", "coloured"), [(True, "", True), (True, "1", False), (False, "", False)]
)
def test_the_console_form_is_coloured_for_terminals_that_want_it(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    terminal: bool,
    no_color: str,
    coloured: bool,
) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    configure_logging("console", "INFO")
    structlog.get_logger("a").info("job_started")
    assert ("\x1b[" in capsys.readouterr().err) == coloured
