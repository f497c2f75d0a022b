"""An OpenTelemetry collector on loopback that keeps what it is sent (OTLP over HTTP)."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Received:
    """One span."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    facts: dict[str, Any]
    began: int
    ended: int
    failed: bool
    instance: str  # of the process


@dataclass
class Collected:
    """What came so far, and where it comes to."""

    address: str = ""
    spans: list[Received] = field(default_factory=list)

    def named(self, name: str) -> list[Received]:
        """Those of one step."""
        return [one for one in self.spans if one.name == name]


@contextmanager
def collector(port: int = 0) -> Iterator[Collected]:
    """Takes spans while the block runs."""
    collected = Collected()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            octets = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                octets = gzip.decompress(octets)
            if self.path == "/v1/traces":
                collected.spans += _spans(ExportTraceServiceRequest.FromString(octets))
            self.send_response(200 if self.path == "/v1/traces" else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    collected.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield collected
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _spans(request: ExportTraceServiceRequest) -> Iterator[Received]:
    for of_process in request.resource_spans:
        process = {one.key: one.value.string_value for one in of_process.resource.attributes}
        for of_scope in of_process.scope_spans:
            for span in of_scope.spans:
                yield Received(
                    name=span.name,
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    parent_id=span.parent_span_id.hex(),
                    facts={
                        one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes
                    },
                    began=span.start_time_unix_nano,
                    ended=span.end_time_unix_nano,
                    failed=span.status.code == span.status.STATUS_CODE_ERROR,
                    instance=process["service.instance.id"],
                )
