"""A worker inside a command, for as long as the command runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType

from config.settings import Settings
from ingest.afterwards import sender_checker
from ingest.daemon import processor
from storage.database.chunks import chunks
from storage.records.mails import MailState
from storage.store import Store

SETTLED = {MailState.FILED, MailState.QUARANTINED, MailState.DELETED}
SENDER_SECONDS = 5.0
LOOK_EVERY_SECONDS = 0.02


class LocalWorker:
    """Files queued mails in the background; a daemon on the same store may take some of them, which is as good."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._store = store
        self._checker = sender_checker(settings, store)
        self._processor = processor(settings, store, self._checker.call)
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="worker")
        self._checking = threading.Thread(target=self._checker.run, name="sender checker")
        self._filed: list[str] = []  # whose senders are to be checked, too

    def __enter__(self) -> LocalWorker:
        self._thread.start()
        self._checking.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._wait_for_senders()
        self._processor.stop()
        self._checker.stop()
        self._thread.join()
        self._checking.join()

    def wait_for(self, mail_ids: Sequence[str], on_progress: Callable[[int], None] = lambda _: None) -> None:
        """Returns when all these mails are filed or in quarantine; tells meanwhile how many more are.

        Raises what ended the worker.
        """
        self._processor.wake()
        waiting = set(mail_ids)
        while waiting:
            with self._store.reading() as records:
                states = records.mails.states(waiting)
            settled = {mail_id for mail_id, state in states.items() if state in SETTLED}
            waiting -= settled
            self._filed += settled
            on_progress(len(settled))
            if self._failure is not None:
                raise self._failure
            if waiting:
                time.sleep(LOOK_EVERY_SECONDS)

    def _wait_for_senders(self) -> None:
        """For a short time; where the DNS is slow, the daemon checks the rest."""
        give_up_at = time.monotonic() + SENDER_SECONDS
        while time.monotonic() < give_up_at and self._failure is None:
            with self._store.reading() as records:
                if not any(records.sender_checks.pending(chunk) for chunk in chunks(self._filed)):
                    return
            time.sleep(LOOK_EVERY_SECONDS)

    def _run(self) -> None:
        try:
            self._processor.run()
        except BaseException as error:
            self._failure = error
