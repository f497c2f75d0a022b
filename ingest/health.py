"""Watches over the parts of this process: whether each still moves, told to systemd and to whoever asks."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Mapping

import sdnotify

from ingest import mail_log

EVERY_SECONDS = 10.0
STANDS_STILL_SECONDS = 60.0  # without a look: the event loop itself does not move
PROBE_SECONDS = 10.0  # for one answer

Probe = Callable[[], Awaitable[str | None]]  # why a part does not do its work; None when it does


class Health:
    """The parts as they were at the last look."""

    def __init__(self) -> None:
        self._failing: dict[str, str] = {}
        self._looked_at = time.monotonic()
        self.stopping = False

    def saw(self, failing: Mapping[str, str]) -> None:
        """Every part was looked at; these do not do their work."""
        self._failing = dict(failing)
        self._looked_at = time.monotonic()

    def failing(self) -> dict[str, str]:
        """Why each part that does not do its work does not; from any thread."""
        silent = time.monotonic() - self._looked_at
        if silent > STANDS_STILL_SECONDS:
            return {"event-loop": f"has not moved for {silent:.0f} s"}
        return self._failing


class Watch:
    """Looks at every part again and again. The watchdog of systemd hears of it only while all of them work."""

    def __init__(
        self, health: Health, probes: Mapping[str, Probe], notifier: sdnotify.SystemdNotifier
    ) -> None:
        self._health = health
        self._probes = probes
        self._notifier = notifier

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            failing = await self.look()
            if not failing:
                self._notifier.notify("WATCHDOG=1")
            await asyncio.sleep(_pause())

    async def look(self) -> dict[str, str]:
        """Asks every part once; what is wrong, by part."""
        reasons = await asyncio.gather(*(_answer(probe) for probe in self._probes.values()))
        failing = {name: reason for name, reason in zip(self._probes, reasons, strict=True) if reason}
        for part, reason in failing.items():
            mail_log.probe_failed(part, reason)
        self._health.saw(failing)
        return failing


def watched_by_systemd() -> bool:
    """Whether somebody waits for `WATCHDOG=1` (sd_watchdog_enabled(3))."""
    return _watchdog_seconds() is not None


def still_moving(moved_at: Callable[[], float], most_seconds: float) -> Probe:
    """Fails when a loop has not come round for too long; `moved_at` is on the clock of time.monotonic()."""

    async def probe() -> str | None:
        silent = time.monotonic() - moved_at()
        return f"has not moved for {silent:.0f} s" if silent > most_seconds else None

    return probe


def answering(address: str, asks: bytes, expected: tuple[bytes, ...]) -> Probe:
    """Fails when a server of ours that has answered once does not any more.

    One that never did may be where this process cannot reach it, and starting anew would not help.
    """
    has_answered = False

    async def probe() -> str | None:
        nonlocal has_answered
        reason = await _asked(address, asks, expected)
        has_answered = has_answered or reason is None
        return reason if has_answered else None

    return probe


async def _asked(address: str, asks: bytes, expected: tuple[bytes, ...]) -> str | None:
    host, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
            try:
                writer.write(asks)
                line = await reader.readline()
                writer.write(b"QUIT\r\n")
                await writer.drain()
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError) as error:
        return f"{address} does not answer: {error or 'it takes too long'}"
    return None if line.startswith(expected) else f"{address} answers {line[:80]!r}"


async def _answer(probe: Probe) -> str | None:
    try:
        return await probe()
    except Exception as error:  # a probe that fails for a reason of its own tells as much
        return repr(error)


def _watchdog_seconds() -> float | None:
    environment = os.environ  # noqa: TID251  -- not a setting: a message of systemd
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    microseconds = environment.get("WATCHDOG_USEC", "")
    return int(microseconds) / 1e6 if microseconds.isdigit() and int(microseconds) else None


def _pause() -> float:
    asked = _watchdog_seconds()
    return EVERY_SECONDS if asked is None else min(EVERY_SECONDS, asked / 3)
