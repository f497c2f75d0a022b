"""A worker inside a command, for as long as the command runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType

from config.settings import Settings
from ingest.daemon import processor
from storage.records import MailState
from storage.store import Store

SETTLED = {MailState.FILED, MailState.QUARANTINED, MailState.DELETED}
LOOK_EVERY_SECONDS = 0.02


class LocalWorker:
    """Files queued mails in the background; a daemon on the same store may take some of them, which is as good."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._store = store
        self._processor = processor(settings, store)
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="worker")

    def __enter__(self) -> LocalWorker:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._processor.stop()
        self._thread.join()

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
            on_progress(len(settled))
            if self._failure is not None:
                raise self._failure
            if waiting:
                time.sleep(LOOK_EVERY_SECONDS)

    def _run(self) -> None:
        try:
            self._processor.run()
        except BaseException as error:
            self._failure = error
