"""Shows over HTTP the metrics of all processes of one `invoices serve`, and whether its parts work."""

from __future__ import annotations

import json
import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from config.settings import Settings, host_and_port
from config.troubles import lately
from ingest import metrics
from ingest.filing_settings import validates
from ingest.health import Health
from ingest.lookout import certificate_end
from storage.errors import StoreError
from storage.records.outgoing import OutboundState
from storage.records.webhooks import DeliveryState
from storage.store import Store

MOST_COUNTED = 10_000  # invoices that are due, or wait; whoever has more knows enough
# prometheus_client looks there when a process begins, and keeps its numbers in a file of the folder.
_FOLDER = "PROMETHEUS_MULTIPROC_DIR"


class Queue(Collector):
    """What waits to be filed, asked of the database at each look; without a database only that it is away."""

    def __init__(self, store: Store, now: Callable[[], datetime], *, validates: bool = True) -> None:
        self._store = store
        self._now = now
        self._validates = validates

    def collect(self) -> Iterator[Metric]:
        """See Prometheus' Collector."""
        up = GaugeMetricFamily(
            "invoices_store_up", "1 if the database answers; without it what is asked of it is missing."
        )
        try:
            with self._store.reading() as records:
                queued, quarantined = records.mails.queued(), records.mails.quarantined()
                oldest = records.mails.oldest_queued()
                due_since = records.expired.longest_due(self._now())
                due = records.expired.due_up_to(self._now(), MOST_COUNTED)
                unvalidated = records.validations.waiting_up_to(MOST_COUNTED) if self._validates else None
                deleted = records.gate.counted()
                outbox = records.outbox.counts()
                calls = records.webhook_deliveries.counts()
                webhooks = records.webhooks.counts()
        except StoreError:
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        mails = GaugeMetricFamily("invoices_mails_waiting", "Mails not on record yet.", labels=["state"])
        mails.add_metric(["queued"], queued)
        mails.add_metric(["quarantined"], quarantined)
        yield mails
        yield GaugeMetricFamily(
            "invoices_oldest_queued_seconds",
            "Age of the oldest mail that waits to be filed.",
            value=self._seconds_since(oldest),
        )
        if unvalidated is not None:
            yield GaugeMetricFamily(
                "invoices_validations_waiting",
                "Invoices on record that have no result of validation yet, where it is on; counted up to 10,000.",
                value=unvalidated,
            )
        yield GaugeMetricFamily(
            "invoices_retention_due",
            "Invoices that should have been deleted by now; counted up to 10,000.",
            value=due,
        )
        gone = CounterMetricFamily(
            "invoices_retention_deleted", "What retention has deleted since the beginning.", labels=["what"]
        )
        for what, number in deleted.items():
            gone.add_metric([what], number)
        yield gone
        yield GaugeMetricFamily(
            "invoices_retention_overdue_seconds",
            "Since when an invoice should have been deleted that is still there; 0 when none is.",
            value=self._seconds_since(due_since),
        )
        sending = GaugeMetricFamily(
            "invoices_outbox_mails", "Mails that we send, by state.", labels=["state"]
        )
        for state in OutboundState:
            sending.add_metric([state], outbox.get(state, 0))
        yield sending
        calling = GaugeMetricFamily(
            "invoices_webhook_calls", "Calls of webhooks of the last weeks, by state.", labels=["state"]
        )
        for call_state in DeliveryState:
            calling.add_metric([call_state], calls.get(call_state, 0))
        yield calling
        registered = GaugeMetricFamily("invoices_webhooks", "Webhooks, by how they do.", labels=["state"])
        for condition, number in webhooks.items():
            registered.add_metric([condition], number)
        yield registered

    def _seconds_since(self, instant: datetime | None) -> float:
        return max(0.0, (self._now() - instant).total_seconds()) if instant else 0.0


class Machine(Collector):
    """What the machine must have: room on the disk, and a certificate that is valid."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def collect(self) -> Iterator[Metric]:
        """See Prometheus' Collector; what cannot be found out is left out."""
        with suppress(OSError):
            free = shutil.disk_usage(self._settings.data_dir).free
            yield GaugeMetricFamily("invoices_disk_free_octets", "Room on the disk of data_dir.", value=free)
        ends = certificate_end(self._settings)
        if ends is not None:
            yield GaugeMetricFamily(
                "invoices_certificate_ends_seconds",
                "When the certificate of SMTP ends, in seconds since 1970.",
                value=ends.timestamp(),
            )


class Troubles(Collector):
    """What went wrong on this machine within the last hour, also what other services of it have logged."""

    def __init__(self, settings: Settings, now: Callable[[], datetime]) -> None:
        self._data_dir = settings.data_dir
        self._now = now

    def collect(self) -> Iterator[Metric]:
        """See Prometheus' Collector."""
        family = GaugeMetricFamily(
            "invoices_troubles",
            "How often what has a next_step in the log happened; gone an hour after the last time.",
            labels=["event", "reason"],
        )
        for trouble in lately(self._data_dir, self._now()):
            family.add_metric([trouble.event, trouble.reason], trouble.times)
        yield family


class AllProcesses(Collector):
    """The sum of what this process has counted and what the processes with a file in `folder` have."""

    def __init__(self, folder: Path) -> None:
        self._others = MultiProcessCollector(None, str(folder))  # type: ignore[no-untyped-call]

    def collect(self) -> Iterator[Metric]:
        """See Prometheus' Collector."""
        theirs = {metric.name: metric for metric in self._others.collect()}  # type: ignore[no-untyped-call]
        for metric in metrics.REGISTRY.collect():
            others = theirs.get(metric.name)
            yield _sum(metric, others) if others else metric


def _sum(ours: Metric, theirs: Metric) -> Metric:
    sums: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
    for sample in (*ours.samples, *theirs.samples):
        # When a process began to count is no number to add, and of no use beside a sum of several.
        if not sample.name.endswith("_created"):
            key = sample.name, tuple(sorted(sample.labels.items()))
            sums[key] = sums.get(key, 0.0) + sample.value
    both = Metric(ours.name, ours.documentation, ours.type)
    both.samples = [Sample(name, dict(labels), value) for (name, labels), value in sums.items()]
    return both


def process_ended(pid: int) -> None:
    """What a process that is gone had open is not open any more; what it counted stays counted."""
    folder = os.environ.get(_FOLDER)  # noqa: TID251
    if folder is not None:
        mark_process_dead(pid, folder)  # type: ignore[no-untyped-call]


@contextmanager
def exposed(
    settings: Settings, store: Store, now: Callable[[], datetime], health: Health
) -> Iterator[str | None]:
    """Answers on `metrics.listen`, if set; gives the address with its real port. Raises OSError naming it.

    /metrics is for Prometheus; processes that are started meanwhile are counted along. /healthz answers 503 when a part
    does not do its work and a new start may help, /readyz also while the database is away or the program stops.
    """
    if not settings.metrics.listen:
        yield None
        return
    host, port = host_and_port(settings.metrics.listen)
    with tempfile.TemporaryDirectory(prefix="invoices-metrics-", ignore_cleanup_errors=True) as folder:
        registry = CollectorRegistry()
        registry.register(AllProcesses(Path(folder)))
        registry.register(Queue(store, now, validates=validates(settings)))
        registry.register(Machine(settings))
        registry.register(Troubles(settings, now))
        try:
            server = make_server(
                host,
                port,
                _application(registry, store, health),
                server_class=_Server6 if ":" in host else _Server,
                handler_class=_QuietHandler,
            )
        except OSError as error:
            raise OSError(f"metrics.listen: {settings.metrics.listen}: {error.strerror or error}") from error
        thread = threading.Thread(target=server.serve_forever, name="metrics")
        thread.start()
        os.environ[_FOLDER] = folder  # noqa: TID251  -- not a setting: told to prometheus_client
        try:
            yield f"{settings.metrics.listen.rpartition(':')[0]}:{server.server_port}"
        finally:
            del os.environ[_FOLDER]  # noqa: TID251
            server.shutdown()
            server.server_close()
            thread.join()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Server6(_Server):
    address_family = socket.AF_INET6


class _QuietHandler(WSGIRequestHandler):
    timeout = 30  # seconds for a request; who only connects holds a thread no longer

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: who looks at the metrics is no event."""


def _application(registry: CollectorRegistry, store: Store, health: Health) -> Callable[..., Iterable[bytes]]:
    show_metrics: Callable[..., Iterable[bytes]] = make_wsgi_app(registry)

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/healthz":
            return _told(health.failing(), start_response)
        if path == "/readyz":
            return _told(health.failing() | _not_ready(store, health), start_response)
        if path in {"/", "/metrics"}:
            return show_metrics(environ, start_response)
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"There are /metrics, /healthz and /readyz.\n"]

    return application


def _told(failing: dict[str, str], start_response: Callable[..., Any]) -> Iterable[bytes]:
    status = "503 Service Unavailable" if failing else "200 OK"
    start_response(status, [("Content-Type", "application/json"), ("Cache-Control", "no-store")])
    return [json.dumps({"ok": not failing, "failing": failing}).encode() + b"\n"]


def _not_ready(store: Store, health: Health) -> dict[str, str]:
    if health.stopping:
        return {"program": "stops"}
    try:
        with store.reading() as records:
            records.mails.quarantined()
    except StoreError as error:
        return {"database": str(error)}
    return {}
