"""Two transfers of one mail have one digest; nothing else has."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.receiving.transfer_key import content_start, transfer_digest
from storage.records.mails import Envelope

MAIL = b"From: a@x.example\r\nMessage-ID: <1@x.example>\r\n\r\nText\r\n"
OUTSIDE = b"Received: from laptop by mx.x.example; Mon, 1 Jan 2026 00:00:00 +0000\r\n"


def envelope(**changes: Any) -> Envelope:
    """An envelope with two recipients."""
    facts: dict[str, Any] = {
        "reverse_path": "a@x.example",
        "forward_paths": ("b@y.example", "c@y.example"),
        "peer": "127.0.0.1",
        "helo": "relay",
        "tls": False,
        "received_at": datetime(2026, 11, 24, tzinfo=UTC),
    }
    return Envelope(**(facts | changes))


def digest(octets: bytes, **changes: Any) -> bytes:
    """The digest of a mail in such an envelope."""
    return transfer_digest(octets, envelope(**changes))


def test_a_second_attempt_of_the_relay() -> None:
    """The relay's own trace fields and the connection differ between two attempts; the digest does not."""
    first = (
        b"Received: from x by relay.example (Postfix)\r\n\tid 1; Mon, 1 Jan 2026 00:00:00 +0000\r\n" + MAIL
    )
    second = (
        b"Return-Path: <a@x.example>\r\nDelivered-To: b@y.example\r\nX-Original-To: b@y.example\r\n"
        b"Authentication-Results: relay.example;\r\n\tspf=pass\r\nreceived-SPF: pass\r\n"
        b"Received: from x by RELAY.example (Postfix) id 2; Mon, 1 Jan 2026 00:05:00 +0000\r\n" + MAIL
    )

    later = datetime(2026, 11, 25, tzinfo=UTC)

    assert digest(first) == digest(second, peer="::1", helo="other", tls=True, received_at=later)
    assert len(digest(first)) == 32


@pytest.mark.parametrize(
    ("top", "skipped"),
    [
        (b"", b""),
        (b"Received: from x by relay; date\r\n", b"Received: from x by relay; date\r\n"),
        (
            b"Received: by relay; date\r\n\tfolded\r\n here\r\n",
            b"Received: by relay; date\r\n\tfolded\r\n here\r\n",
        ),
        (
            b"Received: by relay;\r\nReceived: by relay;\r\n",
            b"Received: by relay;\r\nReceived: by relay;\r\n",
        ),
        (b"Received: by relay;\r\nReceived: by other;\r\n", b"Received: by relay;\r\n"),
        (
            b"Received: by relay;\r\nReceived-SPF: pass\r\nReceived: by Relay\r\nReceived: by other\r\n",
            b"Received: by relay;\r\nReceived-SPF: pass\r\nReceived: by Relay\r\n",
        ),
        (b"Received: nothing\r\nReceived: nothing\r\n", b"Received: nothing\r\n"),
        (b"Delivered-To: b\r\nReturn-Path: <>\r\n", b"Delivered-To: b\r\nReturn-Path: <>\r\n"),
        (b"Subject: s\r\nReceived: by relay;\r\n", b""),
        (b"X-Received: by relay;\r\n", b""),
        (b"Received : by relay;\r\n", b"Received : by relay;\r\n"),
        (b" Received: by relay;\r\n", b""),
        (b"Received: by relay;\nReceived: by relay;\n", b"Received: by relay;\nReceived: by relay;\n"),
    ],
)
def test_what_is_skipped(top: bytes, skipped: bytes) -> None:
    """Only trace fields at the top, and of Received fields only those of the relay that wrote the first."""
    assert len(skipped) == content_start(top + MAIL)


@pytest.mark.parametrize(
    ("field", "same_host"),
    [
        (b"from by by relay; date", True),
        (b"from x (helo by other.example) by relay; date", True),
        (b"from x (a (by other.example) b) by relay", True),
        (b"from x (a \\) by other.example) by relay", True),
        (b"from x\r\n\tby relay", True),
        (b"from x BY Relay", True),
        (b"from x by relay.example", False),
        (b"from relay by other", False),
        (b"from x; by relay", False),
        (b"from x (by relay", False),
        (b"from x by", False),
    ],
)
def test_by_whom_a_field_was_written(field: bytes, same_host: bool) -> None:
    """The "by" clause counts, not what a client calls itself and not a comment."""
    top = b"Received: by relay; date\r\n"
    second = b"Received: " + field + b"\r\n"

    assert (len(top + second) if same_host else len(top)) == content_start(top + second + MAIL)


def test_what_came_before_the_relay_counts() -> None:
    """Two mails that came to the relay by different ways are two mails."""
    other = OUTSIDE.replace(b"laptop", b"phone")
    relay = b"Received: from mx.x.example by relay; Mon, 1 Jan 2026 00:00:00 +0000\r\n"

    assert digest(relay + OUTSIDE + MAIL) != digest(relay + other + MAIL)


@pytest.mark.parametrize(
    "changes",
    [
        {"reverse_path": ""},
        {"reverse_path": "A@x.example"},
        {"forward_paths": ("b@y.example",)},
        {"forward_paths": ("b@y.example", "d@y.example")},
        {"forward_paths": ("b@y.examplec@y.example",)},
        {"reverse_path": "a@x.exampleb@y.example", "forward_paths": ("c@y.example",)},
    ],
)
def test_another_envelope_is_another_transfer(changes: dict[str, Any]) -> None:
    """The same content to somebody else is not the same mail."""
    assert digest(MAIL) != digest(MAIL, **changes)


def test_order_of_recipients_does_not_count() -> None:
    """A relay may sort them anew."""
    assert digest(MAIL) == digest(MAIL, forward_paths=("c@y.example", "b@y.example"))


@pytest.mark.parametrize("position", [0, 10, 30, len(MAIL) - 1])
def test_each_octet_below_counts(position: int) -> None:
    """One changed octet, in a header or in the body, makes another mail."""
    changed = bytearray(MAIL)
    changed[position] ^= 1

    assert digest(MAIL) != digest(bytes(changed))


@pytest.mark.parametrize(
    "octets", [b"", b"\r\n", b"no header at all", b"\r\nReceived: by relay\r\n", b":", b"\0\xff"]
)
def test_a_mail_without_headers_counts_whole(octets: bytes) -> None:
    """There is nothing to skip."""
    assert content_start(octets) == 0


def test_a_trace_field_may_be_all_there_is() -> None:
    """Also without a line end at the end."""
    assert content_start(b"Received: by relay") == len(b"Received: by relay")


@given(st.binary(max_size=300), st.lists(st.text(max_size=20), max_size=4), st.text(max_size=20))
def test_any_mail_has_a_digest(octets: bytes, forward_paths: list[str], reverse_path: str) -> None:
    """Nothing raises, and what is skipped lies within the mail."""
    key = digest(octets, forward_paths=tuple(forward_paths), reverse_path=reverse_path)

    assert len(key) == 32
    assert 0 <= content_start(octets) <= len(octets)


@pytest.mark.parametrize(
    "hostile",
    [
        b"Received: by relay\r\n" * 1_500_000,
        b"Received: by relay\r\n" + b" \r\n" * 10_000_000,
        b"Received: " + b"(" * 30_000_000,
        b"Received: " + b"by " * 10_000_000,
        b"R" * 30_000_000,
        b"Received-SPF" + b" " * 30_000_000,
        b"\n" * 30_000_000,
    ],
    ids=["fields", "folded-lines", "comments", "by", "name", "space", "lines"],
)
def test_hostile_mails_are_digested_in_time(hostile: bytes) -> None:
    """30 MB of anything: the search for trace fields is bounded, the rest is the digest itself."""
    started = time.thread_time()
    content_start(hostile)

    assert time.thread_time() - started < 5  # a search that begins anew at each octet takes hours
