"""Large and odd mails take bounded memory and leave the other sessions their turn."""

from __future__ import annotations

import asyncio
import time
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

MEGABYTE = 1_000_000


async def longest_pause(stop: asyncio.Event) -> float:
    """The longest time in seconds for which the event loop did not come to this task."""
    longest, before = 0.0, time.perf_counter()
    while not stop.is_set():
        await asyncio.sleep(0.005)
        after = time.perf_counter()
        longest, before = max(longest, after - before), after
    return longest


@pytest.mark.parametrize(
    ("megabytes", "block"),
    [(30, b"x" * 70 + b"\r\n"), (33, b"\r\n"), (30, b"..\r\n"), (33, b"\n")],
    ids=["lines", "empty-lines", "dots", "bare-lf-in-one-line"],
)
def test_a_large_mail_takes_little_more_than_its_size(
    megabytes: int, block: bytes, mailbox: Callable[..., Any]
) -> None:
    """A mail is held once while it comes in and once as it is handed on, never as a list of its lines."""
    pieces = block * (MEGABYTE // len(block))

    async def talk() -> None:
        async with mailbox(max_content_line_octets=40 * MEGABYTE) as box:
            client = await box.connect()
            await client.begin_mail()
            tracemalloc.start()
            before = tracemalloc.get_traced_memory()[0]
            stop = asyncio.Event()
            pause = asyncio.create_task(longest_pause(stop))

            for _ in range(megabytes):
                await client.send(pieces)
            await client.send(b"\r\n.\r\n")
            reply = await client.reply()
            peak = tracemalloc.get_traced_memory()[1] - before
            tracemalloc.stop()
            stop.set()

            assert reply[0].startswith(b"250 ")
            assert peak < 2 * megabytes * MEGABYTE
            assert await pause < 2.0

    asyncio.run(talk())


def test_a_mail_without_end_takes_no_more_than_the_limit(mailbox: Callable[..., Any]) -> None:
    """What is over the limit is counted, not kept."""

    async def talk() -> None:
        async with mailbox(max_message_bytes=2 * MEGABYTE) as box:
            client = await box.connect()
            await client.begin_mail()
            tracemalloc.start()
            piece = b"x" * 100_000 + b"\r\n"

            for _ in range(39):  # 3.9 MB: the limit and nearly all of the allowance
                await client.send(piece)
            await client.send(piece * 5)
            reply = await client.reply()
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()

            assert peak < 6 * MEGABYTE
            assert reply == [b"552 5.3.4 The mail is larger than 2000000 octets"]
            assert box.store.mails == []

    asyncio.run(talk())
