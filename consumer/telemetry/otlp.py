"""Spans by OpenTelemetry, sent as OTLP over HTTP in a thread of its own; the only module that imports it.

Work never waits for the endpoint: ended spans go into a queue (2048, OTEL_BSP_MAX_QUEUE_SIZE), which drops the oldest
when it is full. The SDK's own environment variables hold: OTEL_EXPORTER_OTLP_HEADERS and _TIMEOUT, OTEL_TRACES_SAMPLER,
OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import structlog
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from consumer import __version__
from consumer.errors import CodedError
from consumer.events.traceparent import TraceParent, parse
from consumer.telemetry.tracing import Fact, Span

STOP_SECONDS = 2.0
"""What the last spans get to be sent; a process that is told to stop has little time."""

_PATH = "/v1/traces"
_PREFIX = "video"

_log = structlog.get_logger(__name__)


class OtlpTracing:
    """Sends spans to an endpoint.

    Args:
        endpoint: base address of an OTLP/HTTP receiver; `/v1/traces` is added.
        worker: this process's name.
    """

    def __init__(self, endpoint: str, worker: str) -> None:
        # It tells of each try and of each span that it drops; `_Watched` tells once.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        own = Resource({"service.name": "video-consumer"})
        process = Resource({"service.version": __version__, "service.instance.id": worker})
        resource = own.merge(OTELResourceDetector().detect()).merge(process)
        # At the end of the process it would wait for half a minute.
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        exporter = OTLPSpanExporter(endpoint=endpoint.rstrip("/") + _PATH)
        self._provider.add_span_processor(BatchSpanProcessor(_Watched(exporter)))
        self._tracer = self._provider.get_tracer("video-consumer", __version__)

    def job(self, parent: TraceParent | None, **facts: Fact) -> AbstractContextManager[Span]:
        """See `Tracing.job`."""
        return self._span("job", facts, _context(parent), trace.SpanKind.CONSUMER)

    def stage(self, name: str, **facts: Fact) -> AbstractContextManager[Span]:
        """See `Tracing.stage`."""
        return self._span(name, facts, None, trace.SpanKind.INTERNAL)

    def after(self, parent: TraceParent | None, name: str, **facts: Fact) -> AbstractContextManager[Span]:
        """See `Tracing.after`."""
        return self._span(name, facts, _context(parent), trace.SpanKind.INTERNAL)

    def stop(self) -> None:
        """Send what is left; an endpoint that does not answer is waited for no longer than STOP_SECONDS."""
        ending = threading.Thread(target=self._provider.shutdown, name="spans", daemon=True)
        ending.start()
        ending.join(STOP_SECONDS)

    @contextmanager
    def _span(self, name: str, facts: dict[str, Fact], context: Context | None, kind: trace.SpanKind) -> Iterator[Span]:
        # A message may quote an address, with its key: a code says enough.
        with self._tracer.start_as_current_span(
            name,
            context,
            kind,
            attributes=_named(facts),
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield _OtlpSpan(span)
            except BaseException as error:
                span.set_status(_error(error.code.value if isinstance(error, CodedError) else type(error).__name__))
                raise


class _OtlpSpan:
    """A span of the SDK's."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    @property
    def trace_id(self) -> str | None:
        return trace.format_trace_id(self._span.get_span_context().trace_id)

    @property
    def context(self) -> TraceParent | None:
        there = self._span.get_span_context()
        trace_id, span_id = trace.format_trace_id(there.trace_id), trace.format_span_id(there.span_id)
        return parse(f"00-{trace_id}-{span_id}-{there.trace_flags:02x}".encode())

    def tell(self, **facts: Fact) -> None:
        self._span.set_attributes(_named(facts))

    def failed(self, code: str) -> None:
        self._span.set_status(_error(code))


class _Watched(SpanExporter):
    """Says once that spans are lost, and once that they arrive again."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter, self._lost = exporter, 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        if result is SpanExportResult.SUCCESS:
            if self._lost:
                _log.info("spans_sent_again", lost=self._lost)
            self._lost = 0
            return result
        if not self._lost:
            _log.warning("spans_lost", reason="OTEL_EXPORTER_OTLP_ENDPOINT does not take them; the work goes on.")
        self._lost += len(spans)
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


def _context(parent: TraceParent | None) -> Context:
    """Of the job's producer; a fresh one where it names none."""
    if parent is None:
        return Context()
    flags = trace.TraceFlags(trace.TraceFlags.SAMPLED if parent.sampled else trace.TraceFlags.DEFAULT)
    there = trace.SpanContext(int(parent.trace_id, 16), int(parent.span_id, 16), is_remote=True, trace_flags=flags)
    return trace.set_span_in_context(trace.NonRecordingSpan(there), Context())


def _named(facts: dict[str, Fact]) -> dict[str, Fact]:
    return {f"{_PREFIX}.{name}": value for name, value in facts.items()}


def _error(code: str) -> trace.Status:
    return trace.Status(trace.StatusCode.ERROR, code)
