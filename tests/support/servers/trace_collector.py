"""A trace collector: receives spans by OTLP over HTTP, and keeps them."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.support.servers.in_thread import serving
from tests.support.waiting import wait_for


@dataclass(frozen=True)
class ReceivedSpan:
    """A received span. Times are in nanoseconds since 1970."""

    name: str
    kind: str
    trace: str
    id: str
    parent: str
    start: int
    end: int
    attributes: dict[str, Any]
    resource: dict[str, Any]
    error: str | None
    links: tuple[str, ...]


@dataclass
class Collector:
    """All received spans, in the order of their arrival."""

    port: int
    spans: list[ReceivedSpan] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    status: int = 200
    """HTTP status of its responses."""
    seconds: float = 0.0
    """Delay before a response, in seconds."""

    @property
    def environ(self) -> dict[str, str]:
        """Settings that make a program send its spans here without delay."""
        endpoint = f"http://127.0.0.1:{self.port}"
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_BSP_SCHEDULE_DELAY": "50"}

    def of_job(self, job_id: str) -> list[ReceivedSpan]:
        """The spans of a job, ordered by their start. If two start in the same millisecond, the
        span of the request comes first: the store only knows milliseconds."""
        mine = [span for span in self.spans if span.attributes.get("job.id") == job_id]
        return sorted(mine, key=lambda span: (span.start // 10**6, span.kind != "SERVER", span.end))

    def wait_for(self, job_id: str, count: int) -> list[ReceivedSpan]:
        """Wait until a job has `count` spans, and return them."""
        wait_for(lambda: len(self.of_job(job_id)) >= count, timeout=20)
        return self.of_job(job_id)


@contextmanager
def running_collector() -> Iterator[Collector]:
    """Yield a collector on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            collector.headers.append({k.lower(): v for k, v in self.headers.items()})
            if collector.status == 200:
                assert self.path == "/v1/traces"
                collector.spans += list(_spans(ExportTraceServiceRequest.FromString(body)))
            time.sleep(collector.seconds)
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(collector.status)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector = Collector(server.server_port)
    with serving(server):
        yield collector


def _spans(request: ExportTraceServiceRequest) -> Iterator[ReceivedSpan]:
    for of_resource in request.resource_spans:
        resource = _values(of_resource.resource.attributes)
        for of_scope in of_resource.scope_spans:
            for span in of_scope.spans:
                yield ReceivedSpan(
                    name=span.name,
                    kind=Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
                    trace=span.trace_id.hex(),
                    id=span.span_id.hex(),
                    parent=span.parent_span_id.hex(),
                    start=span.start_time_unix_nano,
                    end=span.end_time_unix_nano,
                    attributes=_values(span.attributes),
                    resource=resource,
                    error=span.status.message
                    if span.status.code == Status.STATUS_CODE_ERROR
                    else None,
                    links=tuple(link.trace_id.hex() for link in span.links),
                )


def _values(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}
