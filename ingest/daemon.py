"""Wires receiving and processing together, and ends them in good order; nothing else happens here."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import sdnotify
import tenacity

from config.link_key import link_key
from config.settings import Settings
from ingest import mail_log
from ingest.processing.filing import Rules
from ingest.processing.processor import Processor, Wiring
from ingest.receiving.acceptance import Acceptance
from ingest.receiving.listener import Listener
from ingest.receiving.recipient_policy import RecipientPolicy, recipient_policy
from ingest.receiving.session_terms import SessionSettings, SessionWork
from storage.errors import StorageUnavailable
from storage.expiry import RetentionPeriods
from storage.ids import new_id
from storage.link_tokens import LinkTokens
from storage.records import IncomingMail, Receipt
from storage.store import Store

MOST_READERS = 8  # reader processes of one worker; more cores are for more workers
DRAIN_SECONDS = 25.0  # below the 30 s that the unit allows
FIRST_INHERITED_DESCRIPTOR = 3  # sd_listen_fds(3)


class WorkerDied(Exception):  # noqa: N818  -- says what happened
    """The worker ended by an error of ours; the log has it, and no mail is lost."""

    def __str__(self) -> str:
        return f"the worker died of {self.__cause__!r}; the mails it held will be filed after a restart"


def utc_now() -> datetime:
    """The clock of the programs."""
    return datetime.now(UTC)  # noqa: TID251  -- the wiring reads the clock


def link_tokens(settings: Settings) -> LinkTokens:
    """Where registration links come from. Raises OSError when the key cannot be read or made."""
    return LinkTokens(link_key(settings), settings.registration.base_url)


def retention_periods(settings: Settings) -> RetentionPeriods:
    """The set periods."""
    return RetentionPeriods(**settings.retention.model_dump())


def policy(settings: Settings) -> RecipientPolicy:
    """Who may send, and to whom."""
    smtp = settings.smtp
    return recipient_policy(
        accepted_domains=smtp.accepted_domains,
        unknown_recipients=smtp.unknown_recipients,
        relays=smtp.relays,
    )


def processor(settings: Settings, store: Store) -> Processor:
    """A worker as the settings want it."""
    rules = Rules(
        periods=retention_periods(settings),
        link_life=timedelta(days=settings.registration.link_days),
        new_id=new_id,
        token_digest=link_tokens(settings).digest,
    )
    return Processor(
        Wiring(store=store, rules=rules, now=utc_now, readers=min(os.cpu_count() or 1, MOST_READERS))
    )


def add_mails(store: Store, mails: Sequence[IncomingMail]) -> list[Receipt]:
    """Makes mails durable in one transaction. Raises StorageUnavailable."""
    with store.transaction() as records:
        return records.mails.add(mails)


def serve(settings: Settings, parts: Sequence[str]) -> None:
    """Runs `parts` ("smtp", "worker") until SIGTERM or SIGINT.

    Raises OSError when an address cannot be had or a certificate cannot be read, SchemaMismatch for a database
    that another version of the program wrote, WorkerDied.
    """
    asyncio.run(_serve(settings, parts))


async def _serve(settings: Settings, parts: Sequence[str]) -> None:
    loop = asyncio.get_running_loop()
    told_to_stop = asyncio.Event()

    def on_signal(number: signal.Signals) -> None:
        mail_log.stopping(number.name)
        told_to_stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number)

    store = await _open_store(settings, told_to_stop)
    if store is None:
        return
    worker = processor(settings, store) if "worker" in parts else None
    acceptance = Acceptance(partial(add_mails, store), on_committed=worker.wake if worker else None)
    listener = _listener(settings, store, acceptance) if "smtp" in parts else None
    deaths: list[BaseException] = []
    working = threading.Thread(target=_run_worker, args=(worker, loop, told_to_stop, deaths), name="worker")
    notifier = sdnotify.SystemdNotifier()
    try:
        if listener is not None:
            await listener.start()
            mail_log.listening(listener.addresses)
        if worker is not None:
            working.start()
        mail_log.ready(list(parts))
        notifier.notify("READY=1")
        await told_to_stop.wait()
        notifier.notify("STOPPING=1")
        if listener is not None:
            await listener.drain(DRAIN_SECONDS)
    finally:
        await acceptance.aclose()
        if worker is not None and working.is_alive():
            worker.stop()
            await asyncio.to_thread(working.join)
        store.close()
    if deaths:
        raise WorkerDied from deaths[0]
    mail_log.stopped()


def _run_worker(
    worker: Processor | None,
    loop: asyncio.AbstractEventLoop,
    stop: asyncio.Event,
    deaths: list[BaseException],
) -> None:
    """A worker that dies takes the program with it, so that whoever watches over it starts both again."""
    try:
        if worker is not None:
            worker.run()
    except BaseException as error:
        deaths.append(error)
        mail_log.worker_died(error)
    finally:
        loop.call_soon_threadsafe(stop.set)


async def _open_store(settings: Settings, told_to_stop: asyncio.Event) -> Store | None:
    """The store, as soon as it answers; None when we are told to stop before."""
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


def _listener(settings: Settings, store: Store, acceptance: Acceptance) -> Listener:
    smtp = settings.smtp

    async def known_recipient(address: str) -> bool:
        return await asyncio.to_thread(_is_known, store, address)

    inherited = inherited_sockets()
    return Listener(
        SessionSettings(
            hostname=smtp.hostname or socket.getfqdn(),
            max_message_bytes=smtp.max_message_bytes,
            tls_context=tls_context(settings),
            require_tls=smtp.require_tls,
            policy=policy(settings),
        ),
        SessionWork(
            accept=acceptance.accept,
            known_recipient=known_recipient,
            now=utc_now,
            new_mail_id=new_id,
            log=mail_log,
        ),
        listen=() if inherited else smtp.listen,
        sockets=inherited,
    )


def _is_known(store: Store, address: str) -> bool:
    with store.reading() as records:
        return records.accounts.is_known_recipient(address)


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """The certificate of STARTTLS, None when none is set. Raises OSError."""
    smtp = settings.smtp
    if smtp.tls_certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(smtp.tls_certificate, smtp.tls_key)
    except OSError as error:
        raise OSError(f"smtp.tls_certificate {smtp.tls_certificate}: {error}") from error
    return context


def inherited_sockets() -> list[socket.socket]:
    """The sockets that systemd opened for us (sd_listen_fds(3))."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):  # noqa: TID251  -- not a setting: a message of systemd
        return []
    count = int(os.environ.get("LISTEN_FDS", "0"))  # noqa: TID251  -- the same
    return [
        socket.socket(fileno=descriptor)
        for descriptor in range(FIRST_INHERITED_DESCRIPTOR, FIRST_INHERITED_DESCRIPTOR + count)
    ]
