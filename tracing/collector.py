"""Sends steps as spans to an OpenTelemetry collector (OTLP over HTTP), from a thread of its own."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable, Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from tracing.ids import is_wanted, span_id_of, trace_id_of
from tracing.steps import Done

PATH = "/v1/traces"  # OTLP/HTTP, below the address of the collector
TIMEOUT_SECONDS = 5.0  # of a batch, tries included
LAST_SECONDS = 2.0  # for what is left at the end of the program
MOST_WAITING = 4096  # spans; more are dropped
_SEND_EVERY_MILLISECONDS = 1000


class Collector:
    """What listens to steps; a collector that is away costs spans, and nothing else."""

    def __init__(
        self,
        address: str,
        ratio: float,
        *,
        version: str,
        on_away: Callable[[], None],
        on_back: Callable[[], None],
    ) -> None:
        """`ratio` is the share of mails that are told of; `on_away` is called once until `on_back` was."""
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # ours says it once
        self._ratio = ratio
        self._ids = _Ids()
        exporter = _Noticing(
            OTLPSpanExporter(endpoint=address + PATH, timeout=TIMEOUT_SECONDS), on_away, on_back
        )
        self._processor = BatchSpanProcessor(
            exporter, max_queue_size=MOST_WAITING, schedule_delay_millis=_SEND_EVERY_MILLISECONDS
        )
        resource = Resource.create(
            {
                "service.name": "invoices",
                "service.version": version,
                "service.instance.id": f"{socket.gethostname()}:{os.getpid()}",
            }
        )
        provider = TracerProvider(
            sampler=ALWAYS_ON, resource=resource, id_generator=self._ids, shutdown_on_exit=False
        )
        provider.add_span_processor(self._processor)
        self._tracer = provider.get_tracer("invoices", version)

    def __call__(self, done: Done) -> None:
        """Takes a step to be sent; from any thread."""
        trace_id = trace_id_of(done.mail_id)
        if not is_wanted(trace_id, self._ratio):
            return
        first = span_id_of(trace_id)
        above = None
        if done.begins_trace:
            self._ids.next_are(trace_id, first)
        else:
            flags = TraceFlags(TraceFlags.SAMPLED)
            above = set_span_in_context(
                NonRecordingSpan(SpanContext(trace_id, first, is_remote=True, trace_flags=flags))
            )
        span = self._tracer.start_span(
            done.step, context=above, attributes={"mail": done.mail_id, **done.facts}, start_time=done.began
        )
        if done.failed is not None:
            span.set_status(Status(StatusCode.ERROR, done.failed))
        span.end(done.ended)

    def end(self) -> None:
        """Sends what is left, for a short time."""
        ending = threading.Thread(target=self._processor.shutdown, name="last spans", daemon=True)
        ending.start()
        ending.join(LAST_SECONDS)


class _Ids(IdGenerator):
    """Random ids, but for the first span of a mail."""

    def __init__(self) -> None:
        self._random = RandomIdGenerator()
        self._next = threading.local()

    def next_are(self, trace_id: int, span_id: int) -> None:
        """The next span of this thread gets these."""
        self._next.ids = trace_id, span_id

    def generate_span_id(self) -> int:
        """See IdGenerator; the tracer asks for it after the trace's."""
        ids: tuple[int, int] | None = getattr(self._next, "ids", None)
        self._next.ids = None
        return ids[1] if ids else self._random.generate_span_id()

    def generate_trace_id(self) -> int:
        """See IdGenerator."""
        ids: tuple[int, int] | None = getattr(self._next, "ids", None)
        return ids[0] if ids else self._random.generate_trace_id()


class _Noticing(SpanExporter):
    """Notices when the collector goes away and when it is back; what could not be sent is gone."""

    def __init__(
        self, exporter: SpanExporter, on_away: Callable[[], None], on_back: Callable[[], None]
    ) -> None:
        self._exporter = exporter
        self._on_away = on_away
        self._on_back = on_back
        self._away = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """See SpanExporter."""
        result = self._exporter.export(spans)
        away = result is not SpanExportResult.SUCCESS
        if away and not self._away:
            self._on_away()
        elif self._away and not away:
            self._on_back()
        self._away = away
        return result

    def shutdown(self) -> None:
        """See SpanExporter."""
        self._exporter.shutdown()
