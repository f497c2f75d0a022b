"""Sockets: what can be listened on, and what is said when it cannot."""

from __future__ import annotations

import asyncio
import errno
import smtplib
import socket
from typing import TYPE_CHECKING, Any

import pytest

from ingest.receiving.listener import Endpoint, Listener, Service
from ingest.receiving.sockets import open_socket, remove_file, written

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


def test_port_in_use_names_the_address() -> None:
    """The error says which of the addresses cannot be had."""
    with open_socket("127.0.0.1:0") as first:
        taken = written(first)

        with pytest.raises(OSError, match=f"cannot listen on {taken}: Address already in use") as caught:
            open_socket(taken)

    assert caught.value.errno == errno.EADDRINUSE


@pytest.mark.parametrize(
    "address",
    ["", "8025", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", ":25", "::1:25", "[]:25"],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    """A mistake in the settings is a ValueError that quotes it, not a guess."""
    with pytest.raises(ValueError, match=r"is no address to listen on|stands in brackets"):
        open_socket(address)


def test_a_unix_socket_of_a_killed_process_is_replaced(tmp_path: Path) -> None:
    """The file stays behind after a SIGKILL; one that somebody listens on is left alone."""
    path = tmp_path / "lmtp.sock"
    abandoned = socket.socket(socket.AF_UNIX)
    abandoned.bind(str(path))
    abandoned.close()

    with open_socket(f"unix:{path}") as opened:
        assert path.stat().st_mode & 0o777 == 0o660
        assert written(opened) == f"unix:{path}"
        with pytest.raises(OSError, match=r"cannot listen on unix:.*Address already in use"):
            open_socket(f"unix:{path}")

    remove_file(f"unix:{path}")
    assert not path.exists()


def test_one_listener_serves_ipv6_and_unix_sockets(mailbox: Callable[..., Any], tmp_path: Path) -> None:
    """The peer of a Unix socket has no address."""

    async def talk() -> None:
        async with mailbox(relays=["127.0.0.0/8"]) as box:
            addresses = ["[::1]:0", "127.0.0.1:0", f"unix:{tmp_path / 'smtp.sock'}"]
            opened = [open_socket(address) for address in addresses]
            listener = Listener(
                box.listener._settings,
                box.listener._work,
                [Endpoint(one, Service.SMTP, written(one)) for one in opened],
            )
            await listener.start()
            sixth, fourth, path = listener.addresses
            answers = []
            for streams in (
                await asyncio.open_connection("::1", int(sixth.rpartition(":")[2])),
                await asyncio.open_connection("127.0.0.1", int(fourth.rpartition(":")[2])),
                await asyncio.open_unix_connection(path.removeprefix("unix:")),
            ):
                streams[1].write(b"HELO c\r\nMAIL FROM:<a@x.example>\r\nQUIT\r\n")
                answers.append((await streams[0].read()).split(b"\r\n")[2][:3])
                streams[1].close()
                await streams[1].wait_closed()
            await listener.drain(2)

            assert sixth.startswith("[::1]:")
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
