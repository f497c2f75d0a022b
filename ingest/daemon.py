"""Wires receiving and processing together, and ends them in good order; nothing else happens here."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Protocol

import sdnotify
import uvloop

from config.settings import Settings, host_and_port
from ingest import mail_log
from ingest.afterwards import Afterwards
from ingest.exposition import exposed
from ingest.filing_settings import filing_rules, link_tokens
from ingest.health import Health, Probe, Watch, answering, still_moving, watched_by_systemd
from ingest.lookout import Lookout
from ingest.processing.processor import Processor, Wiring
from ingest.receivers import Receivers
from ingest.receiving.listener import Endpoint, Service
from ingest.reception import Reception, close_endpoints, open_endpoints, utc_now
from ingest.stopping import Reload, opened_store, stop_signals
from ingest.traced import traced
from ingest.waking import Hearing, Ringing
from storage.store import Store

Beside = Callable[[Settings, Store], AbstractContextManager[None]]  # another program, while it is entered

WORKER_STANDS_STILL_SECONDS = 120.0  # no step of its loop takes as long; a reader is given up after 30
GREETINGS = (b"220", b"421", b"554")  # also a mailbox that is crowded, or lets this machine not in, is alive
MOST_READERS = 8  # reader processes of one worker; more cores are for more workers


class WorkerDied(Exception):  # noqa: N818  -- says what happened
    """The worker ended by an error of ours; the log has it, and no mail is lost."""

    def __str__(self) -> str:
        return f"the worker died of {self.__cause__!r}; the mails it held will be filed after a restart"


def processor(settings: Settings, store: Store, on_filed: Callable[[], None] = lambda: None) -> Processor:
    """A worker as the settings want it; `on_filed` is called whenever some mails are on record."""
    rules = filing_rules(settings, link_tokens(settings).digest)
    return Processor(
        Wiring(
            store=store,
            rules=rules,
            now=utc_now,
            readers=min(os.cpu_count() or 1, MOST_READERS),
            on_filed=on_filed,
        )
    )


class _Receiving(Protocol):
    """What takes mail in: in this process, or in some of its own."""

    async def start(self) -> None: ...

    async def end(self) -> None: ...


def serve(
    settings: Settings,
    parts: Sequence[str],
    beside: Mapping[str, Beside] | None = None,
    wrong_settings: Callable[[], list[str]] = list,
) -> bool:
    """Runs `parts` ("smtp", "worker", or a name of `beside`) until SIGTERM or SIGINT; True after SIGHUP: start anew.

    `beside` holds the programs that share this process, by name; those whose name is among `parts` run.
    `wrong_settings` reads the settings anew and says what is wrong with them.
    Raises OSError when an address cannot be had or a certificate cannot be read, SchemaMismatch for a database
    that another version of the program wrote, WorkerDied.
    """
    chosen = [start for name, start in (beside or {}).items() if name in parts]
    return uvloop.run(_serve(settings, parts, chosen, wrong_settings))


async def _serve(
    settings: Settings,
    parts: Sequence[str],
    beside: Sequence[Beside],
    wrong_settings: Callable[[], list[str]],
) -> bool:
    told_to_stop = stop_signals()
    reload = Reload(told_to_stop, wrong_settings)
    store = await opened_store(settings, told_to_stop)
    if store is None:
        return reload.wanted
    health = Health()
    try:
        with (
            traced(settings.tracing),
            exposed(settings, store, utc_now, health) as address,
            ExitStack() as running,
        ):
            if address is not None:
                mail_log.exposed(address)
            for start in beside:
                running.enter_context(start(settings, store))
            await _serve_with(store, settings, parts, told_to_stop, health, reload)
    finally:
        store.close()
    return reload.wanted


async def _serve_with(
    store: Store,
    settings: Settings,
    parts: Sequence[str],
    told_to_stop: asyncio.Event,
    health: Health,
    reload: Reload,
) -> None:
    behind = Afterwards(settings, store) if "worker" in parts else None
    worker = processor(settings, store, behind.call) if behind is not None else None
    processes = settings.smtp.processes
    endpoints = open_endpoints(settings, processes=processes) if "smtp" in parts else []
    receiving: _Receiving | None = None
    deaths: list[BaseException] = []
    loop = asyncio.get_running_loop()
    working = threading.Thread(target=_run_worker, args=(worker, loop, told_to_stop, deaths), name="worker")
    notifier = sdnotify.SystemdNotifier()
    ringing = Ringing(store)
    waking = Hearing(store, worker.wake) if worker else ringing
    try:
        on_committed = worker.wake if worker else ringing.ring
        if endpoints and processes == 1:
            receiving = Reception(settings, store, endpoints[0], on_committed=on_committed)
        elif endpoints:
            receiving = Receivers(settings, endpoints, on_committed=on_committed)
        if receiving is not None:
            await _unless_told(told_to_stop, receiving.start())
            mail_log.listening([endpoint.address for endpoint in endpoints[0]])
        if worker is not None:
            working.start()
        waking.start()
        if behind is not None:
            behind.start()
        mail_log.ready(list(parts))
        notifier.notify("READY=1")
        watching = asyncio.create_task(
            Watch(health, _probes(settings, parts, endpoints, worker), notifier).run()
        )
        looking = asyncio.create_task(Lookout(settings, store, utc_now).run())
        await told_to_stop.wait()
        watching.cancel()
        looking.cancel()
        health.stopping = True
        # Told that it stops, systemd would kill in the end what starts anew.
        notifier.notify("RELOADING=1" if reload.wanted else "STOPPING=1")
    finally:
        if receiving is not None:
            await receiving.end()
        close_endpoints(endpoints)
        await asyncio.to_thread(waking.stop)
        if behind is not None:
            await asyncio.to_thread(behind.stop)
        if worker is not None and working.is_alive():
            worker.stop()
            await asyncio.to_thread(working.join)
    if deaths:
        raise WorkerDied from deaths[0]
    mail_log.stopped()


def _probes(
    settings: Settings,
    parts: Sequence[str],
    endpoints: Sequence[Sequence[Endpoint]],
    worker: Processor | None,
) -> dict[str, Probe]:
    """What can be asked of the parts that run here; that this is asked at all shows that the loop moves."""
    probes: dict[str, Probe] = {}
    if worker is not None:
        probes["worker"] = still_moving(lambda: worker.moved_at, WORKER_STANDS_STILL_SECONDS)
    if "portal" in parts and _is_near(settings.portal.listen):
        asks = b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n"
        probes["portal"] = answering(settings.portal.listen, asks, (b"HTTP/1.",))
    if watched_by_systemd():  # else each look would be a session that nobody asked for
        # A balancer's header comes before the greeting (PROXY protocol 2.1).
        asks = b"PROXY UNKNOWN\r\n" if settings.smtp.proxies else b""
        for endpoint in endpoints[0] if endpoints else ():
            if endpoint.service is Service.SMTP and _is_near(endpoint.address):
                probes[f"smtp {endpoint.address}"] = answering(endpoint.address, asks, GREETINGS)
    return probes


def _is_near(address: str) -> bool:
    """Whether a service that may talk to this machine only can reach it."""
    return host_and_port(address)[0] in {"127.0.0.1", "::1", "0.0.0.0", "::"}  # noqa: S104  -- compared only


async def _unless_told(told_to_stop: asyncio.Event, starting: Coroutine[None, None, None]) -> None:
    """Waits for a start, but not when we are told to stop before: processes that die at once never get so far."""
    begun = asyncio.ensure_future(starting)
    told = asyncio.ensure_future(told_to_stop.wait())
    await asyncio.wait({begun, told}, return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    if begun.done():
        begun.result()
    else:
        begun.cancel()


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
