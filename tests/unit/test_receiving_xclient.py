"""The attributes of XCLIENT."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.receiving.xclient import XclientClaims, parse_xclient


@pytest.mark.parametrize(
    ("argument", "claims"),
    [
        ("ADDR=192.0.2.7", XclientClaims(peer="192.0.2.7")),
        ("addr=IPV6:2001:DB8::1 proto=esmtp", XclientClaims(peer="2001:db8::1", extended=True)),
        ("NAME=a.example PORT=1 DESTADDR=192.0.2.1 DESTPORT=25", XclientClaims()),
        ("ADDR=[UNAVAILABLE] HELO=[TEMPUNAVAIL]", XclientClaims()),
        ("HELO=a+20b LOGIN=user+40x", XclientClaims(helo="a b", login="user@x")),
        ("", None),
        ("ADDR", None),
        ("ADDR=", None),
        ("ADDR=300.0.0.1", None),
        ("ADDR=2001:db8::1", None),
        ("ADDR=192.0.2.7 ADDR=192.0.2.8", None),
        ("PROTO=LMTP", None),
        ("HELO=a+0Ab", None),
        ("HELO=a+b", None),
        ("OTHER=x", None),
    ],
)
def test_attributes(argument: str, claims: XclientClaims | None) -> None:
    """Known ones are read, unknown ones and what is malformed are refused as a whole."""
    assert parse_xclient(argument) == claims


@given(st.text(max_size=80))
def test_it_never_raises(argument: str) -> None:
    """Whatever the relay sends."""
    assert isinstance(parse_xclient(argument), XclientClaims | None)
