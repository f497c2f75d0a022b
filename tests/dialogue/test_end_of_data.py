"""Only CRLF.CRLF ends a mail; every other sequence that some server somewhere takes for an end is content."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

FALSE_ENDS = {
    "LF.LF": b"\n.\n",
    "LF.CRLF": b"\n.\r\n",
    "CRLF.LF": b"\r\n.\n",
    "CR.CR": b"\r.\r",
    "CR.CRLF": b"\r.\r\n",
    "CRLF.CR": b"\r\n.\r",
    "LF.CR": b"\n.\r",
    "CR.LF": b"\r.\n",
    "CRLF.NUL.CRLF": b"\r\n.\0\r\n",
    "CRLF.NUL-before-dot": b"\r\n\0.\r\n",
    "NUL-in-CRLF": b"\r\0\n.\r\n",
    "CRLF.CR-NUL-LF": b"\r\n.\r\0\n",
    "CRLF.space.CRLF": b"\r\n. \r\n",
    "CRCRLF.CRLF": b"\r\r\n.\r\r\n",
    "two-dots": b"\r\n..\r\n",
    "LFCR.LFCR": b"\n\r.\n\r",
}


def unstuffed(content: bytes) -> bytes:
    """What a mail is after a dot at the beginning of a line, that is after CRLF, was taken off."""
    return content.replace(b"\r\n.", b"\r\n")


@pytest.mark.parametrize("false_end", FALSE_ENDS.values(), ids=FALSE_ENDS.keys())
@pytest.mark.parametrize("octet_by_octet", [False, True], ids=["at-once", "octet-by-octet"])
def test_only_crlf_dot_crlf_ends_a_mail(
    false_end: bytes, octet_by_octet: bool, mailbox: Callable[..., Any]
) -> None:
    """What follows a false end, commands of a second mail, is text of the first."""
    content = b"one" + false_end + b"MAIL FROM:<evil@x.example>\r\nRCPT TO:<b@y.example>\r\nDATA\r\ntwo\r\n"

    async def talk() -> None:
        async with mailbox() as box:
            client = await box.connect()
            await client.begin_mail()

            for piece in [bytes([octet]) for octet in content] if octet_by_octet else [content]:
                await client.send(piece)
                await asyncio.sleep(0)
            await client.send(b".\r\n")
            reply = await client.reply()

            assert reply == [b"250 2.0.0 Ok: queued as mail-1"]
            assert [unstuffed(content)] == [mail.octets for mail in box.store.mails]

    asyncio.run(talk())


def test_a_false_end_is_not_answered(mailbox: Callable[..., Any]) -> None:
    """After all false ends in a row the server still waits for more of the mail."""

    async def talk() -> None:
        async with mailbox() as box:
            client = await box.connect()
            await client.begin_mail()

            await client.send(b"x" + b"x".join(FALSE_ENDS.values()))

            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.reader.read(1), 0.2)
            assert box.store.mails == []

    asyncio.run(talk())
