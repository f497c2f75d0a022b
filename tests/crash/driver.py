"""The daemon, killed by itself when it first comes to a named point between two steps."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from cli.bringing_in import BringingIn
from ingest import reception
from ingest.processing.processor import Processor
from ingest.processing.recorder import Recorder
from reading.sandbox import ReaderPool
from retention import worker
from storage.expiring.expired import Expired
from storage.queue import incoming_sqlite
from storage.queue.incoming_postgres import PostgresIncoming
from storage.queue.received_mail import ReceivedMails

# name: where, which function, and whether the kill comes before it or after it has returned
POINTS: dict[str, tuple[Any, str, bool]] = {
    "1 received, nothing stored": (reception, "add_mails", True),
    "2 stored, not committed": (incoming_sqlite, "_event_row", True),
    "3 committed, not answered": (reception, "add_mails", False),
    "4 in the queue": (Processor, "_claim", True),
    "5 claimed, not committed": (ReceivedMails, "claim", False),
    "6 claimed": (ReaderPool, "start_together", True),
    "7 being read": (ReaderPool, "start_together", False),
    "8 read": (Recorder, "record", True),
    "9 filed, not committed": (ReceivedMails, "file_all", False),
    "10 filed": (Recorder, "record", False),
}


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _deadly(function: Callable[..., Any], *, before: bool) -> Callable[..., Any]:
    def wrapped(*arguments: Any, **options: Any) -> Any:
        if before:
            _die()
        result = function(*arguments, **options)
        if result or function.__name__ not in {"claim", "_claim"}:
            _die()
        return result

    return wrapped


def _sent(postgres: PostgresIncoming, statement: str, values: tuple[Any, ...]) -> Any:
    """PostgreSQL stores and commits by itself: the second point is there when it has the statement."""

    def sent(waiting: Any, *_: Any) -> None:
        next(waiting)
        _die()

    postgres._connection.wait = sent  # type: ignore[method-assign,assignment]  # that is the point
    return postgres._connection.execute(statement, values)


RETENTION_POINTS: dict[str, tuple[Any, str, bool]] = {
    "retention: emptied, not committed": (Expired, "empty_invoices", False),
    "retention: a batch is done": (worker, "_expire_invoices", False),
}


IMPORT_POINTS: dict[str, tuple[Any, str, bool]] = {
    "import: written, not committed": (BringingIn, "_put", False),
    "import: a mail is done": (BringingIn, "bring", False),
}


def main(point: str, *arguments: str) -> None:
    """Serves, deletes what has expired, or imports, until the point is reached."""
    from cli.main import main as invoices  # noqa: PLC0415  -- the deadly functions must be in place before

    if point == "a bug in the worker":

        def broken(_: Processor) -> None:
            raise RuntimeError("a bug")

        Processor._fill = broken  # type: ignore[method-assign]  # that is the point
        invoices(["serve"])
    if point.startswith("2 "):
        PostgresIncoming._carried_out = _sent  # type: ignore[method-assign]  # that is the point
    if point in RETENTION_POINTS:
        place, name, before = RETENTION_POINTS[point]
        worker.drill.__kwdefaults__["batch"] = 5  # several batches of what the test has
        setattr(place, name, _deadly(getattr(place, name), before=before))
        invoices(["retention", "run", *arguments])
    if point in IMPORT_POINTS:
        place, name, before = IMPORT_POINTS[point]
        setattr(place, name, _deadly(getattr(place, name), before=before))
        invoices(["import", *arguments])
    place, name, before = POINTS[point]
    original = getattr(place, name)
    if name == "_claim":
        # Asked all the time, also when there is no mail: the point is reached when there is one.
        def wrapped(processor: Processor) -> Any:
            with processor._store.reading() as records:
                if records.mails.has_due(processor._now()):
                    _die()
            return []  # not the original: it could find what came in just now

        setattr(place, name, wrapped)
    else:
        setattr(place, name, _deadly(original, before=before))
    invoices(["serve"])


if __name__ == "__main__":
    main(*sys.argv[1:])
