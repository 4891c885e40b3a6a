"""A receiver of spans as OpenTelemetry's exporters send them: OTLP over HTTP, in protobuf."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.json_server import JsonServer, Reply, Request


class OtlpReceiver(JsonServer):
    """Keeps what it is sent.

    Args:
        silent: it takes requests and answers none, until its context is left.
    """

    def __init__(self, *, silent: bool = False) -> None:
        super().__init__()
        self.requests: list[Request] = []
        self._go_on = threading.Event()
        if not silent:
            self._go_on.set()

    @property
    def url(self) -> str:
        """For OTEL_EXPORTER_OTLP_ENDPOINT."""
        return f"http://{self.address}"

    def respond(self, request: Request) -> Reply | None:
        self.requests.append(request)
        self._go_on.wait()
        found = ExportTraceServiceResponse().SerializeToString()
        return Reply(200, found, content_type="application/x-protobuf")

    def answer(self) -> None:
        """From now on, also what waits."""
        self._go_on.set()

    def __exit__(self, *error: Any) -> None:
        self.answer()
        super().__exit__(*error)

    def spans(self) -> list[Span]:
        """All so far, in the order of their ends."""
        return [span for _, span in self._received()]

    def process(self) -> dict[str, Any]:
        """What the last request says of the process that sent it."""
        return [attributes for attributes, _ in self._received()][-1]

    def _received(self) -> Iterator[tuple[dict[str, Any], Span]]:
        for request in list(self.requests):
            assert (request.method, request.target) == ("POST", "/v1/traces")
            for of_process in ExportTraceServiceRequest.FromString(request.content).resource_spans:
                for scope in of_process.scope_spans:
                    for span in scope.spans:
                        yield facts(of_process.resource.attributes), span


def facts(attributes: Any) -> dict[str, Any]:
    """Attributes as plain values."""

    def value(one: KeyValue) -> Any:
        return getattr(one.value, one.value.WhichOneof("value") or "string_value")

    return {one.key: value(one) for one in attributes}
