"""The watch over the parts: the watchdog hears of it only while every part works, and HTTP says which does not."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pytest
from prometheus_client import CollectorRegistry

from ingest import exposition, health
from ingest.health import Health, Watch, answering, still_moving
from storage.errors import StorageUnavailable
from storage.store import Store
from storage.transaction import Transaction


class _Systemd:
    """What it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def notify(self, state: str) -> None:
        self.told.append(state)


async def _works() -> str | None:
    return None


async def _fails() -> str | None:
    return "has not moved for 300 s"


async def _raises() -> str | None:
    raise RuntimeError("a bug in the probe")


def _watched(probes: dict[str, health.Probe]) -> tuple[_Systemd, Health]:
    systemd, seen = _Systemd(), Health()

    async def briefly() -> None:
        running = asyncio.create_task(Watch(seen, probes, systemd).run())
        await asyncio.sleep(0.05)
        running.cancel()

    asyncio.run(briefly())
    return systemd, seen


def test_the_watchdog_is_answered_while_every_part_works() -> None:
    """Else systemd would start a sound program anew."""
    systemd, seen = _watched({"worker": _works, "smtp": _works})

    assert systemd.told == ["WATCHDOG=1"]
    assert seen.failing() == {}


@pytest.mark.parametrize(("broken", "reason"), [(_fails, "has not moved"), (_raises, "a bug in the probe")])
def test_the_watchdog_is_not_answered_when_one_part_does_not_work(broken: health.Probe, reason: str) -> None:
    """A process that lives and does nothing is what the watchdog is for."""
    systemd, seen = _watched({"worker": broken, "smtp": _works})

    assert systemd.told == []
    assert list(seen.failing()) == ["worker"]
    assert reason in seen.failing()["worker"]


def test_a_loop_that_does_not_come_round_is_found_out() -> None:
    """By when it last did."""
    moving, standing = still_moving(time.monotonic, 5), still_moving(lambda: time.monotonic() - 6, 5)

    assert asyncio.run(moving()) is None
    assert asyncio.run(standing()) == "has not moved for 6 s"


def test_a_server_counts_as_dead_only_after_it_has_answered_once() -> None:
    """Where this process cannot reach it, starting anew again and again would help nobody."""

    async def serve_then_end() -> list[str | None]:
        async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 mailbox.example\r\n")
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(greet, "127.0.0.1", 0)
        address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        probe, late = answering(address, b"", (b"220",)), answering(address, b"", (b"220",))
        first = await probe()
        server.close()
        await server.wait_closed()
        return [first, await probe(), await late()]

    well, gone, never = asyncio.run(serve_then_end())

    assert (well, never) == (None, None)
    assert gone is not None
    assert "does not answer" in gone


class _Away(Store):
    def __init__(self) -> None: ...

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        raise StorageUnavailable("connection refused")
        yield


def _get(seen: Health, path: str) -> tuple[str, object]:
    answered = []

    def start(status: str, _: Iterable[tuple[str, str]]) -> None:
        answered.append(status)

    body = b"".join(exposition._application(CollectorRegistry(), _Away(), seen)({"PATH_INFO": path}, start))
    return answered[0], json.loads(body)


def test_without_a_database_the_program_is_healthy_and_not_ready() -> None:
    """To start it anew would not bring the database back; to send it nobody would."""
    seen = Health()

    alive, ready = _get(seen, "/healthz"), _get(seen, "/readyz")

    assert alive == ("200 OK", {"ok": True, "failing": {}})
    assert ready == ("503 Service Unavailable", {"ok": False, "failing": {"database": "connection refused"}})


def test_what_does_not_work_is_named() -> None:
    """Also that nobody has looked for long, since the loop that looks stands still."""
    broken, silent = Health(), Health()
    broken.saw({"worker": "has not moved for 300 s"})
    silent._looked_at -= 100

    assert _get(broken, "/healthz")[0] == "503 Service Unavailable"
    assert list(broken.failing()) == ["worker"]
    assert list(silent.failing()) == ["event-loop"]


def test_a_program_that_stops_is_not_ready() -> None:
    """A balancer sends the next client elsewhere."""
    seen = Health()
    seen.stopping = True

    assert _get(seen, "/readyz")[1] == {"ok": False, "failing": {"program": "stops"}}
