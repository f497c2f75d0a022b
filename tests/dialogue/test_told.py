"""What a session tells the log can be put together again, however many speak at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any


def test_all_that_a_session_tells_has_its_id(mailbox: Callable[..., Any]) -> None:
    """From connecting to the end, by way of a refusal and a mail; the mail's own id goes on from there."""

    async def talk() -> None:
        async with mailbox() as box:
            for content in (b"first", b"second"):
                client = await box.connect()
                await client.begin_mail()
                await client.send(content + b"\r\n.\r\n")
                await client.reply()
                await client.ask(b"MAIL FROM:<a@x.example", b"QUIT")
            await box.until(lambda: len(box.log.of("closed")) == 2)

            names = ("connected", "accepted", "rejected", "closed")
            told = {name: [facts["session"] for facts in box.log.of(name)] for name in names}
            assert len(set(told["connected"])) == 2
            assert all(sessions == told["connected"] for sessions in told.values())
            assert [facts["mail_id"] for facts in box.log.of("accepted")] == ["mail-1", "mail-2"]

    asyncio.run(talk())
