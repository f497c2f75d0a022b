"""How a program of ours is told to stop or to start anew, also while it still waits for its database."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable

import tenacity

from config.settings import Settings
from ingest import mail_log
from storage.errors import StorageUnavailable
from storage.store import Store


def stop_signals(*, log: bool = True) -> asyncio.Event:
    """The event that SIGTERM and SIGINT set."""
    told_to_stop = asyncio.Event()

    def on_signal(number: signal.Signals) -> None:
        if log:
            mail_log.stopping(number.name)
        told_to_stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, on_signal, number)
    return told_to_stop


class Reload:
    """SIGHUP: start anew with the settings as they are now, after what is under way."""

    def __init__(self, told_to_stop: asyncio.Event, wrong_settings: Callable[[], list[str]]) -> None:
        """`wrong_settings` reads the settings anew and says what is wrong with them."""
        self.wanted = False
        self._told_to_stop = told_to_stop
        self._wrong_settings = wrong_settings
        # On a terminal it means that the terminal is gone, and ends the program as ever.
        if not sys.stdin or not sys.stdin.isatty():
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._on_hangup)

    def _on_hangup(self) -> None:
        problems = self._wrong_settings()
        if problems:
            mail_log.reload_refused(problems)
            return
        mail_log.reloading()
        self.wanted = True
        self._told_to_stop.set()


async def opened_store(settings: Settings, told_to_stop: asyncio.Event) -> Store | None:
    """The store, as soon as it answers; None when we are told to stop before. Raises SchemaMismatch."""
    url = settings.database.url.get_secret_value()
    retrying = tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception_type(StorageUnavailable),
        wait=tenacity.wait_exponential_jitter(multiplier=0.5, max=5, jitter=0.5),
        stop=tenacity.stop_when_event_set(told_to_stop),  # type: ignore[arg-type]  # it only asks is_set()
        before_sleep=_note_waiting,
        reraise=True,
    )
    opening: asyncio.Task[Store] = asyncio.create_task(retrying(asyncio.to_thread, Store.open, url))
    stopping = asyncio.ensure_future(told_to_stop.wait())
    await asyncio.wait({opening, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not opening.done():
        opening.cancel()
        return None
    return opening.result()


def _note_waiting(state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, Exception):
        mail_log.store_unavailable("open", error, state.upcoming_sleep)
