"""Spans of the work, for whoever configures an endpoint; for everybody else nothing, which costs nothing.

OpenTelemetry is imported by `consumer.telemetry.otlp` alone, and that by `consumer.telemetry.tracing_choice` alone,
where there is an endpoint. What a span may say is bounded and holds no text of users: numbers, ids, codes, never an
address or a message.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol, Self

from consumer.events.traceparent import TraceParent

Fact = str | int | float


class Span(Protocol):
    """A piece of work under way."""

    @property
    def trace_id(self) -> str | None:
        """32 hexadecimal digits; None: nothing is recorded."""
        ...

    @property
    def context(self) -> TraceParent | None:
        """As whom its children name it; None: nothing is recorded."""
        ...

    def tell(self, **facts: Fact) -> None:
        """Add what is known by now."""
        ...

    def failed(self, code: str) -> None:
        """It went wrong."""
        ...


class Tracing(Protocol):
    """Makes spans, in any thread and task; one within another is its child, also in tasks that it starts."""

    def job(self, parent: TraceParent | None, **facts: Fact) -> AbstractContextManager[Span]:
        """The work on a job, a child of what its producer names, for as long as the body lasts."""
        ...

    def stage(self, name: str, **facts: Fact) -> AbstractContextManager[Span]:
        """A part of it. The span of a body that raises says so, by the error's code."""
        ...

    def after(self, parent: TraceParent | None, name: str, **facts: Fact) -> AbstractContextManager[Span]:
        """What follows a span that is over, or that another process has, as its child."""
        ...

    def stop(self) -> None:
        """Send what is left, within a few seconds; blocks."""
        ...


class _Nothing:
    """Every span there is, where nobody wants any."""

    trace_id: str | None = None
    context: TraceParent | None = None

    def tell(self, **facts: Fact) -> None:
        """Nobody listens."""

    def failed(self, code: str) -> None:
        """Nobody listens."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


_NOTHING = _Nothing()


class NoTracing:
    """Where no endpoint is configured."""

    def job(self, parent: TraceParent | None, **facts: Fact) -> AbstractContextManager[Span]:
        return _NOTHING

    def stage(self, name: str, **facts: Fact) -> AbstractContextManager[Span]:
        return _NOTHING

    def after(self, parent: TraceParent | None, name: str, **facts: Fact) -> AbstractContextManager[Span]:
        return _NOTHING

    def stop(self) -> None:
        """There is nothing left."""


NO_TRACING = NoTracing()
