"""Logs of the process: structlog and the standard library's loggers as one stream on stderr, without secrets.

stdout carries results only. librdkafka's lines come in by the logger `consumer.kafka`.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import Literal

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, Processor, WrappedLogger

from consumer.telemetry.masking import masked

# These tell of every request at INFO, and at DEBUG quote addresses and headers in pieces that nothing can mask.
_CHATTY = ("httpx", "httpcore", "urllib3")
_MAX_FRAMES = 30


def configure_logging(style: Literal["json", "console"], level: str) -> None:
    """Send every log record of the process to stderr; may be called again, the last call counts.

    Args:
        style: one JSON object a line, or lines for a person.
        level: DEBUG, INFO, WARNING or ERROR.
    """
    common: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *common,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = _StderrHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*common, structlog.stdlib.PositionalArgumentsFormatter()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(style)],
        )
    )
    _install(handler, level)


class _StderrHandler(logging.Handler):
    """Writes to what stderr is at that moment: whoever redirects it later is followed."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(self.format(record) + "\n")
        except Exception:  # noqa: BLE001 - as every handler of the standard library does
            self.handleError(record)


def _install(handler: logging.Handler, level: str) -> None:
    root = logging.getLogger()
    for other in list(root.handlers):
        # Only plain ones: subclasses are of someone who knows why (a test's capture).
        if isinstance(other, _StderrHandler) or type(other) is logging.StreamHandler:
            root.removeHandler(other)
    root.addHandler(handler)
    root.setLevel(level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(root.level, logging.WARNING))
    # Its messages are for those who look for a fault.
    logging.getLogger("asyncio").setLevel(max(root.level, logging.DEBUG if level == "DEBUG" else logging.WARNING))


def _rendering(style: Literal["json", "console"]) -> list[Processor]:
    """Exceptions become values before masking: libraries put addresses into their messages. Never local variables."""
    if style == "console":
        return [
            structlog.processors.format_exc_info,
            _mask,
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty() and not os.environ.get("NO_COLOR"),
                exception_formatter=structlog.dev.plain_traceback,
            ),
        ]
    exceptions = ExceptionDictTransformer(show_locals=False, max_frames=_MAX_FRAMES)
    return [
        structlog.processors.ExceptionRenderer(exceptions),
        _mask,
        structlog.processors.JSONRenderer(ensure_ascii=False),
    ]


def _mask(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    return {key: masked(value, key) for key, value in event.items()}
