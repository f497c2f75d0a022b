"""Sockets: what can be listened on, and what is said when it cannot."""

from __future__ import annotations

import asyncio
import errno
import smtplib
import socket
from typing import TYPE_CHECKING, Any

import pytest

from ingest.receiving.listener import Listener

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from pathlib import Path


def test_port_zero_is_a_free_port(mailbox: Callable[..., Any]) -> None:
    """The listener tells which port it was given."""

    async def talk() -> None:
        async with mailbox() as box:
            host, _, port = box.listener.addresses[0].rpartition(":")

            assert host == "127.0.0.1"
            assert int(port) > 0

    asyncio.run(talk())


def test_port_in_use_names_the_address(mailbox: Callable[..., Any]) -> None:
    """The error says which of the addresses cannot be had; those opened before are closed again."""

    async def talk() -> None:
        async with mailbox() as box:
            taken = box.listener.addresses[0]
            second = Listener(box.listener._settings, box.listener._work, listen=["127.0.0.1:0", taken])

            with pytest.raises(OSError, match=f"cannot listen on {taken}: Address already in use") as caught:
                await second.start()

            assert caught.value.errno == errno.EADDRINUSE
            assert second.addresses == []

    asyncio.run(talk())


@pytest.mark.parametrize(
    "address",
    ["", "8025", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", ":25", "::1:25", "[]:25"],
)
def test_what_is_no_address_is_refused(address: str, mailbox: Callable[..., Any]) -> None:
    """A mistake in the settings is a ValueError that quotes it, not a guess."""

    async def talk() -> None:
        async with mailbox() as box:
            listener = Listener(box.listener._settings, box.listener._work, listen=[address])

            with pytest.raises(ValueError, match=r"is no address to listen on|stands in brackets"):
                await listener.start()

    asyncio.run(talk())


def test_ipv6_and_inherited_sockets(mailbox: Callable[..., Any], tmp_path: Path) -> None:
    """One listener serves IPv6, a socket opened by somebody else, and a Unix socket, whose peer has no address."""

    async def talk() -> None:
        async with mailbox(relays=["127.0.0.0/8"]) as box:
            inherited = socket.create_server(("127.0.0.1", 0))
            unix = socket.socket(socket.AF_UNIX)
            unix.bind(str(tmp_path / "smtp.sock"))
            listener = Listener(
                box.listener._settings, box.listener._work, listen=["[::1]:0"], sockets=[inherited, unix]
            )
            await listener.start()
            sixth, fourth, path = listener.addresses
            answers = []
            for streams in (
                await asyncio.open_connection("::1", int(sixth.rpartition(":")[2])),
                await asyncio.open_connection("127.0.0.1", int(fourth.rpartition(":")[2])),
                await asyncio.open_unix_connection(path),
            ):
                streams[1].write(b"HELO c\r\nMAIL FROM:<a@x.example>\r\nQUIT\r\n")
                answers.append((await streams[0].read()).split(b"\r\n")[2][:3])
                streams[1].close()
                await streams[1].wait_closed()
            await listener.drain(2)

            assert sixth.startswith("[::1]:")
            assert str(tmp_path / "smtp.sock") == path
            # ::1 is in none of the relays' networks; whoever can open the Unix socket is let in by its permissions.
            assert answers == [b"550", b"250", b"250"]
            assert {"::1", "127.0.0.1", None} == {facts["peer"] for facts in box.log.of("connected")}

    asyncio.run(talk())


def test_smtplib_sends_a_mail(mailbox: Callable[..., Any], tls_context: ssl.SSLContext) -> None:
    """A client that we did not write gets its mail through, with STARTTLS and without."""

    def send(port: int) -> None:
        with smtplib.SMTP("127.0.0.1", port, local_hostname="client.example") as client:
            client.sendmail("a@x.example", ["b@y.example", "c@y.example"], b"Subject: one\r\n\r\n.dot\r\n")
            client.starttls()
            client.sendmail(
                "a@x.example", ["b@y.example"], b"Subject: two\r\n\r\n\xff\r\n", ["BODY=8BITMIME"]
            )

    async def talk() -> None:
        async with mailbox(tls_context=tls_context) as box:
            await asyncio.to_thread(send, box.port)

            one, two = box.store.mails
            assert one.octets == b"Subject: one\r\n\r\n.dot\r\n"
            assert two.octets == b"Subject: two\r\n\r\n\xff\r\n"
            assert [mail.envelope.tls for mail in box.store.mails] == [False, True]
            assert b" with ESMTPS\r\n\tid mail-2\r\n\tfor <b@y.example>;" in two.trace
            assert b"y.example" not in one.trace

    asyncio.run(talk())
