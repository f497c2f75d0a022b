"""Wires tracing: where a collector is set and its packages are installed, this process tells it of its steps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec

from config.settings import TracingSettings
from ingest import mail_log
from tracing import steps

NOT_INSTALLED = "the packages of requirements-otel.lock are not installed"


def is_installed() -> bool:
    """Whether the packages of OpenTelemetry are there; they are imported only where a collector is set."""
    try:
        return find_spec("opentelemetry.exporter.otlp.proto.http.trace_exporter") is not None
    except ModuleNotFoundError:  # of a package above it
        return False


@contextmanager
def traced(settings: TracingSettings) -> Iterator[None]:
    """Tells the collector of the settings while the block runs."""
    if not settings.collector:
        yield
        return
    if not is_installed():
        mail_log.tracing_off(NOT_INSTALLED)
        yield
        return
    from tracing.collector import Collector  # noqa: PLC0415  -- many packages, for those who want it

    collector = Collector(
        settings.collector,
        settings.ratio,
        version=version("invoices-mailbox"),
        on_away=lambda: mail_log.traces_lost(settings.collector),
        on_back=lambda: mail_log.traces_taken(settings.collector),
    )
    steps.listen(collector)
    try:
        yield
    finally:
        steps.leave(collector)
        collector.end()
