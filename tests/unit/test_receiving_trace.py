"""Our Received field."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes, policy
from typing import Any

import pytest

from ingest.receiving.trace import received_field
from storage.records.mails import Envelope


def envelope(**changes: Any) -> Envelope:
    """An envelope with one recipient, over TCP without TLS."""
    facts: dict[str, Any] = {
        "reverse_path": "a@x.example",
        "forward_paths": ("b@y.example",),
        "peer": "192.0.2.7",
        "helo": "relay.example",
        "tls": False,
        "received_at": datetime(2026, 11, 24, 8, 30, 5, tzinfo=UTC),
    }
    return Envelope(**(facts | changes))


def field_of(**changes: Any) -> bytes:
    """The field for such an envelope."""
    return received_field(envelope(**changes), hostname="mx.example.com", mail_id="m1", protocol="ESMTP")


def test_the_whole_field() -> None:
    """From whom, by whom, how, which mail, for whom, when (RFC 5321 4.4); CRLF and folded."""
    assert field_of() == (
        b"Received: from relay.example ([192.0.2.7])\r\n"
        b"\tby mx.example.com with ESMTP\r\n"
        b"\tid m1\r\n"
        b"\tfor <b@y.example>;\r\n"
        b"\tTue, 24 Nov 2026 08:30:05 +0000\r\n"
    )


def test_several_recipients_are_not_named() -> None:
    """No recipient learns of another (RFC 5321 7.2)."""
    field = field_of(forward_paths=("b@y.example", "c@y.example"))

    assert b"@y.example" not in field
    assert b"id m1;\r\n" in field


@pytest.mark.parametrize(
    ("peer", "written"), [("2001:db8::1", b"([IPv6:2001:db8::1])"), (None, b"(local)")], ids=["IPv6", "unix"]
)
def test_the_peer(peer: str | None, written: bytes) -> None:
    """Address literals of RFC 5321 4.1.3; a Unix socket has no address."""
    assert written in field_of(peer=peer)


@pytest.mark.parametrize(
    "helo",
    [
        "x\r\nBcc: evil@x.example",
        "x (comment",
        "x by evil.example; Mon, 1 Jan 2001 00:00:00 +0000",
        "\0\x7fü\udcff",
        "x" * 5000,
        "",
        None,
    ],
)
def test_a_helo_can_add_nothing(helo: str | None) -> None:
    """Whatever the client calls itself, there is one field, its lines are short, and the date is ours."""
    field = field_of(helo=helo)
    mail = message_from_bytes(field + b"\r\n", policy=policy.compat32)

    assert mail.keys() == ["Received"]
    assert max(map(len, field.split(b"\r\n"))) <= 998
    assert field.isascii()
    assert field.count(b";") == 1
    assert field.count(b"(") == field.count(b")") == 1
    assert field.endswith(b";\r\n\tTue, 24 Nov 2026 08:30:05 +0000\r\n")


def test_a_recipient_can_add_no_line() -> None:
    """Also an address that never should have come this far is cleaned."""
    field = field_of(forward_paths=("b\r\nX: y@y.example",))

    assert b"for <b??X: y@y.example>;\r\n" in field
