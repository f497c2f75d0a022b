"""Clients that begin with TLS at once, as fast as a client can."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from pathlib import Path

import pytest

from tests.peers.conftest import OpenMailbox


@pytest.mark.parametrize(
    "prefix", [b"", b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 465\r\n"], ids=["bare", "proxied"]
)
def test_the_beginning_of_tls_may_be_there_before_we_look(
    serving: OpenMailbox, certificate: Path, prefix: bytes
) -> None:
    """On the port where TLS comes first, a client speaks at once (RFC 8314 3), behind a PROXY header in one piece.

    Nodemailer's handshake hung: what had arrived before the change to TLS was dropped, as it has to be after STARTTLS.
    """
    settings = {"SMTP__LISTEN_TLS": "127.0.0.1:0", "SMTP__TLS_CERTIFICATE": str(certificate)}
    if prefix:
        settings |= {"SMTP__PROXIES": "127.0.0.1", "SMTP__RELAYS": "192.0.2.7"}
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with serving(settings) as mailbox:
        [listening] = mailbox.events("listening")
        host, _, port = listening["addresses"][-1].rpartition(":")
        for _ in range(20):
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = context.wrap_bio(incoming, outgoing, server_hostname="mx.example")
            with suppress(ssl.SSLWantReadError):
                tls.do_handshake()
            with socket.create_connection((host, int(port)), timeout=10) as client:
                client.sendall(prefix + outgoing.read())
                greeting = b""
                while not greeting:
                    incoming.write(client.recv(65536))
                    with suppress(ssl.SSLWantReadError):
                        tls.do_handshake()
                        client.sendall(outgoing.read())
                        greeting = tls.read(1000)
            assert greeting.startswith(b"220 ")
