"""Runs the processes that take mail in, when there are more than one, and starts anew the one that dies."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.process import BaseProcess

import uvloop

from config.log_setup import set_up_log
from config.settings import Settings
from ingest import mail_log
from ingest.exposition import process_ended
from ingest.receiving.kept_files import KeptFiles
from ingest.receiving.listener import Endpoint
from ingest.receiving.steering import Steering, spread
from ingest.reception import DRAIN_SECONDS, Reception, usable_files
from ingest.stopping import opened_store, stop_signals
from ingest.traced import traced
from storage.store import Store

_TAKES_MAIL, _COMMITTED = b"t", b"c"  # what a receiver tells its parent
_LONGEST_PAUSE = 10.0  # seconds before a receiver that dies again and again is started once more
_KILL_AFTER = DRAIN_SECONDS + 10.0
_OBJECTS_BEFORE_COLLECTION = 20_000  # some 4 MiB, should a session leave a cycle after all

# Not forked: the parent has threads, and a fork would copy the locks they hold.
_spawning = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class _Given:
    """What a process needs to take mail in."""

    settings: Settings
    endpoints: list[Endpoint]
    kept: KeptFiles  # for files that are broken just now
    first: bool  # of all: takes every session while there are few


class _Receiver:
    """One process, started again whenever it dies."""

    def __init__(
        self, number: int, start: Callable[[int], BaseProcess], on_death: Callable[[int], None]
    ) -> None:
        self._number = number
        self._start = start
        self._on_death = on_death
        self._stopping = False
        self._deaths = 0
        self._process: BaseProcess | None = None
        self._ended = asyncio.Event()

    def start(self) -> None:
        """Start the process and watch it."""
        if self._stopping:
            return
        self._process = self._start(os.getpid())
        asyncio.get_running_loop().add_reader(self._process.sentinel, self._on_end)

    def _on_end(self) -> None:
        process = self._process
        if process is None:
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(process.sentinel)
        process.join()
        if process.pid is not None:
            process_ended(process.pid)
        if self._stopping:
            self._ended.set()
            return
        mail_log.receiver_died(self._number, process.exitcode)
        self._on_death(self._number)
        self._deaths += 1
        loop.call_later(min(_LONGEST_PAUSE, 0.1 * 2**self._deaths), self.start)

    async def stop(self) -> None:
        """End it in good order; kill it when that takes too long."""
        self._stopping = True
        process = self._process
        if process is None or not process.is_alive():
            return
        process.terminate()
        try:
            async with asyncio.timeout(_KILL_AFTER):
                await self._ended.wait()
        except TimeoutError:
            process.kill()
            process.join()


class Receivers:
    """The processes that take mail in; each has sockets of its own on the same ports (SO_REUSEPORT)."""

    def __init__(
        self,
        settings: Settings,
        endpoints: Sequence[Sequence[Endpoint]],
        *,
        on_committed: Callable[[], None] | None = None,
    ) -> None:
        """Raises OSError or ValueError when the certificate or the file of users cannot be used."""
        self._on_committed = on_committed
        self._steered = [endpoint.socket for endpoint in endpoints[0]]
        self._ear, mouth = os.pipe()
        os.set_blocking(self._ear, False)
        os.set_blocking(mouth, False)
        self._mouth = mouth
        self._waited_for = len(endpoints)
        self._all_take_mail = asyncio.Event()
        self._settings = settings
        self._kept = usable_files(settings)
        self._receivers = [
            _Receiver(number, partial(self._spawn, list(own), number == 1), self._on_death)
            for number, own in enumerate(endpoints, start=1)
        ]

    async def start(self) -> None:
        """Start every process, and wait until all take mail."""
        asyncio.get_running_loop().add_reader(self._ear, self._hear)
        for receiver in self._receivers:
            receiver.start()
        await self._all_take_mail.wait()

    async def end(self) -> None:
        """End every process, after what is under way is finished."""
        await asyncio.gather(*(receiver.stop() for receiver in self._receivers))
        asyncio.get_running_loop().remove_reader(self._ear)
        os.close(self._ear)
        os.close(self._mouth)

    def _on_death(self, number: int) -> None:
        if number == 1:
            spread(self._steered)  # it may have taken all; the others get them until it is there again

    def _spawn(self, endpoints: list[Endpoint], first: bool, parent: int) -> BaseProcess:
        """One that takes the place of a dead one goes on with what that had in memory, should a file be broken now."""
        with suppress(OSError, ValueError):  # the process itself tells of it
            self._kept = usable_files(self._settings)
        return _spawn(_Given(self._settings, endpoints, self._kept, first), self._mouth, parent)

    def _hear(self) -> None:
        with suppress(BlockingIOError):
            told = os.read(self._ear, 65536)
            self._waited_for -= told.count(_TAKES_MAIL)
            if self._waited_for <= 0:
                self._all_take_mail.set()
            if _COMMITTED in told and self._on_committed is not None:
                self._on_committed()


class _Mouth:
    """A descriptor that goes along to a process when it is spawned."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def __reduce__(self) -> tuple[object, tuple[object]]:
        return (_rebuilt, (multiprocessing.reduction.DupFd(self.descriptor),))


def _rebuilt(duplicate: object) -> _Mouth:
    return _Mouth(duplicate.detach())  # type: ignore[attr-defined]  # DupFd's own class is not public


def _spawn(given: _Given, mouth: int, parent: int) -> BaseProcess:
    process = _spawning.Process(target=receive, args=(given, _Mouth(mouth), parent), name="receiver")
    process.start()
    return process


def receive(given: _Given, mouth: _Mouth, parent: int) -> None:
    """What such a process does: takes mail until it is told to stop, or its parent is gone."""
    set_up_log(given.settings.log, troubles_in=given.settings.data_dir)
    with traced(given.settings.tracing):
        uvloop.run(_receive(given, mouth.descriptor, parent))


async def _receive(given: _Given, mouth: int, parent: int) -> None:
    told_to_stop = stop_signals(log=False)
    _stop_with_parent(told_to_stop, parent)
    store = await opened_store(given.settings, told_to_stop)
    if store is None:
        return
    await _serve_with(store, given, mouth, told_to_stop)


async def _serve_with(store: Store, given: _Given, mouth: int, told_to_stop: asyncio.Event) -> None:
    def tell(what: bytes) -> None:
        with suppress(OSError):  # a full pipe has said it already; a broken one has nobody to hear
            os.write(mouth, what)

    steering = Steering(
        [endpoint.socket for endpoint in given.endpoints],
        given.settings.smtp.processes,
        writers_at_once=store.takes_writers_at_once,
    )
    reception = Reception(
        given.settings,
        store,
        given.endpoints,
        on_committed=partial(tell, _COMMITTED),
        steering=steering if given.first else None,
        kept=given.kept,
    )
    try:
        await reception.start()
        _collect_seldom()
        tell(_TAKES_MAIL)
        await told_to_stop.wait()
    finally:
        await reception.end()
        store.close()


def _collect_seldom() -> None:
    """What was imported stays, and a session that ends well leaves no cycle; looking for one is a tenth of our work."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTION)


def _stop_with_parent(told_to_stop: asyncio.Event, parent: int) -> None:
    sentinel = getattr(multiprocessing.parent_process(), "sentinel", None)
    if sentinel is not None:
        asyncio.get_running_loop().add_reader(sentinel, told_to_stop.set)
    elif os.getppid() != parent:
        told_to_stop.set()
