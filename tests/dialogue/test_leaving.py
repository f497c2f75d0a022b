"""Clients that leave, and a server that leaves: at every instant there is no mail or one."""

from __future__ import annotations

import asyncio
import gc
import smtplib
import socket
import struct
from typing import TYPE_CHECKING, Any

import pytest

from ingest.receiving.content import DottedContent
from ingest.receiving.session import SmtpSession

if TYPE_CHECKING:
    from collections.abc import Callable


async def in_content(box: Any, octets: bytes) -> Any:
    """A client that was told 354 and has sent `octets` since."""
    client = await box.connect()
    await client.begin_mail()
    await client.send(octets)
    return client


def reset(client: Any) -> None:
    """End its connection by RST, not orderly: the half-close of a patient client must not look the same."""
    connection = client.writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.writer.transport.abort()


async def send_for_ever(raw: socket.socket, octets: bytes) -> None:
    """Send until the other side ends the connection."""
    async with asyncio.timeout(20):
        while True:
            await asyncio.get_running_loop().sock_sendall(raw, octets)


def test_a_session_that_ends_well_leaves_no_cycle(mailbox: Callable[..., Any]) -> None:
    """Receivers look for cycles seldom: what each mail leaves would lie in memory until then."""

    def send(port: int) -> None:
        for _ in range(20):
            with smtplib.SMTP("127.0.0.1", port, local_hostname="client.example") as client:
                client.sendmail("a@x.example", ["b@y.example"], b"Subject: one\r\n\r\nbody\r\n")
                client.docmd("NONSENSE")

    async def talk() -> None:
        async with mailbox() as box:
            gc.collect()
            gc.disable()
            try:
                await asyncio.to_thread(send, box.port)
                await box.until(lambda: len(box.log.of("closed")) == 20)
                await asyncio.sleep(0)  # its task has ended, too

                assert not any(isinstance(one, SmtpSession) for one in gc.get_objects())
            finally:
                gc.enable()

    asyncio.run(talk())


def test_client_leaves_during_the_commit(mailbox: Callable[..., Any]) -> None:
    """A commit that has begun goes on to its end: one mail, and nothing is told to a client that is not there."""

    async def talk() -> None:
        async with mailbox(gate_open=False) as box:
            client = await in_content(box, b"x\r\n.\r\n")
            await box.until(box.store.begun.is_set)

            reset(client)
            await box.until(lambda: box.log.of("closed"))
            before = len(box.store.mails)
            box.store.gate.set()
            await box.until(lambda: box.store.mails)

            assert before == 0
            assert [mail.id for mail in box.store.mails] == ["mail-1"]
            assert box.log.of("accepted") == []

    asyncio.run(talk())


def test_client_leaves_while_its_mail_waits(mailbox: Callable[..., Any]) -> None:
    """A mail whose commit has not begun is taken back; its neighbours are committed."""

    async def talk() -> None:
        async with mailbox(gate_open=False) as box:
            clients = [await box.connect() for _ in range(3)]
            for client in clients:
                await client.begin_mail()
            await clients[0].send(b"first\r\n.\r\n")
            await box.until(box.store.begun.is_set)
            await clients[1].send(b"left alone\r\n.\r\n")
            await clients[2].send(b"third\r\n.\r\n")
            await asyncio.sleep(0.1)
            reset(clients[1])
            await box.until(lambda: box.log.of("closed"))

            box.store.gate.set()
            replies = [await clients[0].reply(), await clients[2].reply()]

            assert [reply[0][:3] for reply in replies] == [b"250"] * 2
            assert [mail.octets for mail in box.store.mails] == [b"first\r\n", b"third\r\n"]

    asyncio.run(talk())


def test_sessions_that_wait_share_a_commit(mailbox: Callable[..., Any]) -> None:
    """While one commit runs, the mails of the other sessions form the next batch."""

    async def talk() -> None:
        async with mailbox(gate_open=False) as box:
            clients = [await box.connect() for _ in range(6)]
            for number, client in enumerate(clients):
                await client.begin_mail()
                await client.send(b"%d\r\n.\r\n" % number)
                if number == 0:
                    await box.until(box.store.begun.is_set)
            await asyncio.sleep(0.1)

            box.store.gate.set()
            replies = {(await client.reply())[0] for client in clients}

            assert {b"250 2.0.0 Ok: queued as mail-%d" % number for number in range(1, 7)} == replies
            assert box.store.batches == [1, 5]

    asyncio.run(talk())


def test_our_own_time_is_not_the_clients(mailbox: Callable[..., Any]) -> None:
    """A commit may take longer than a client may be silent."""

    async def talk() -> None:
        async with mailbox(gate_open=False, timeout_seconds=0.2) as box:
            client = await in_content(box, b"x\r\n.\r\n")

            await asyncio.sleep(0.6)
            box.store.gate.set()

            assert await client.reply() == [b"250 2.0.0 Ok: queued as mail-1"]

    asyncio.run(talk())


def test_a_client_that_reads_no_replies_is_cut_off(mailbox: Callable[..., Any]) -> None:
    """Replies that nobody takes do not pile up without an end."""

    async def talk() -> None:
        async with mailbox(timeout_seconds=0.5, max_recipients=1) as box:
            for endpoint in box.listener._endpoints:
                endpoint.socket.setsockopt(
                    socket.SOL_SOCKET, socket.SO_SNDBUF, 4096
                )  # its connections inherit it
            raw = socket.socket()
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            raw.connect(("127.0.0.1", box.port))
            raw.setblocking(False)
            with raw:
                loop = asyncio.get_running_loop()
                await loop.sock_sendall(raw, b"HELO c\r\nMAIL FROM:<a@x.example>\r\n")
                with pytest.raises(ConnectionError):
                    await send_for_ever(raw, b"RCPT TO:<b@y.example>\r\n" * 1000)

            await box.until(lambda: box.log.of("closed"))
            assert [facts["reason"] for facts in box.log.of("closed")] == ["timeout"]

    asyncio.run(talk())


def test_drain_lets_idle_sessions_go(mailbox: Callable[..., Any]) -> None:
    """An idle session is told 421 and closed at once; nobody new gets in."""

    async def talk() -> None:
        async with mailbox() as box:
            client = await box.connect()
            await client.reply()
            port = box.port

            await box.listener.drain(10)

            assert await client.rest() == b"421 4.3.2 Service closing, please try again later\r\n"
            assert box.listener.session_count == 0
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", port)

    asyncio.run(talk())


def test_drain_lets_a_mail_be_finished(mailbox: Callable[..., Any]) -> None:
    """A mail being sent is taken and answered, then the session ends, pipelined commands or not."""

    async def talk() -> None:
        async with mailbox() as box:
            client = await in_content(box, b"first half\r\n")
            draining = asyncio.create_task(box.listener.drain(10))
            await asyncio.sleep(0.1)
            assert not draining.done()

            await client.send(b"second half\r\n.\r\nMAIL FROM:<a@x.example>\r\n")
            await draining

            assert await client.rest() == (
                b"250 2.0.0 Ok: queued as mail-1\r\n421 4.3.2 Service closing, please try again later\r\n"
            )
            assert [mail.octets for mail in box.store.mails] == [b"first half\r\nsecond half\r\n"]
            assert [facts["reason"] for facts in box.log.of("closed")] == ["drained"]

    asyncio.run(talk())


def test_drain_cuts_off_at_its_deadline(mailbox: Callable[..., Any]) -> None:
    """A mail that does not come to its end in time is left to the sender."""

    async def talk() -> None:
        async with mailbox() as box:
            client = await in_content(box, b"never finished\r\n")
            await asyncio.sleep(0.05)

            await box.listener.drain(0.1)

            assert box.listener.session_count == 0
            assert box.store.mails == []
            assert await client.rest() in {b"", b"(reset)"}

    asyncio.run(talk())


def test_drain_during_a_commit_still_says_yes(mailbox: Callable[..., Any]) -> None:
    """Who waits for our commit while we drain gets the 250."""

    async def talk() -> None:
        async with mailbox(gate_open=False) as box:
            client = await in_content(box, b"x\r\n.\r\n")
            await box.until(box.store.begun.is_set)
            draining = asyncio.create_task(box.listener.drain(10))
            await asyncio.sleep(0.05)

            box.store.gate.set()
            await draining

            assert (await client.rest()).startswith(b"250 2.0.0 Ok: queued as mail-1\r\n421 4.3.2 ")

    asyncio.run(talk())


def test_trouble_in_the_middle_of_a_mail_ends_the_connection(
    mailbox: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If we fail while a mail comes in, the rest of it must not be read as commands."""

    def broken(_: DottedContent, chunk: bytes) -> None:
        if chunk:
            raise MemoryError("secret")

    monkeypatch.setattr(DottedContent, "feed", broken)

    async def talk() -> None:
        async with mailbox() as box:
            client = await in_content(box, b"x\r\nRSET\r\nNOOP\r\n")

            first = await client.line()
            await client.send(b"NOOP\r\n.\r\nNOOP\r\n")

            assert first.startswith(b"451 4.3.0 Trouble on our side, please try again later; incident ")
            assert await client.rest() == b""
            assert [facts["stage"] for facts in box.log.of("failed")] == ["DATA"]
            assert box.store.mails == []

    asyncio.run(talk())
