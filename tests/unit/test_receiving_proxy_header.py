"""The PROXY header: what it says, and what is none. The reader of aiosmtpd, written by others, is asked too."""

from __future__ import annotations

import asyncio

import pytest
from aiosmtpd.proxy_protocol import ProxyData, get_proxy
from hypothesis import example, given
from hypothesis import strategies as st

from ingest.receiving.proxy_header import BadProxyHeader, NeedMore, ProxyHeader, parse_proxy_header

V2 = b"\r\n\r\n\0\r\nQUIT\n"
V1_HEADERS = [
    b"PROXY TCP4 192.0.2.7 198.51.100.1 51234 25\r\n",
    b"PROXY TCP6 2001:db8::1 2001:db8::2 51234 25\r\n",
    b"PROXY UNKNOWN\r\n",
    b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n",
]
IPV4 = bytes([192, 0, 2, 7, 198, 51, 100, 1]) + b"\xc8\x22\0\x19"
IPV6 = bytes.fromhex("20010db8000000000000000000000001") * 2 + b"\xc8\x22\0\x19"
TLV = b"\x04\0\x03abc"
V2_HEADERS = [
    V2 + b"\x21\x11\0\x0c" + IPV4,
    V2 + b"\x21\x11\0\x12" + IPV4 + TLV,
    V2 + b"\x21\x21\0\x24" + IPV6,
    V2 + b"\x20\0\0\0",
    V2 + b"\x20\x11\0\x0c" + IPV4,
    V2 + b"\x21\0\0\0",
    V2 + b"\x21\x31\0\xd8" + bytes(216),
]


PEERS = [
    *("192.0.2.7", "2001:db8::1", None, None),
    *("192.0.2.7", "192.0.2.7", "2001:db8::1", None, None, None, None),
]


@pytest.mark.parametrize(("header", "peer"), list(zip(V1_HEADERS + V2_HEADERS, PEERS, strict=True)))
def test_a_whole_header_names_the_peer(header: bytes, peer: str | None) -> None:
    """Whatever comes behind it is left to the client; every beginning of it needs more."""
    assert parse_proxy_header(header + b"EHLO c\r\n") == ProxyHeader(peer, len(header))
    for length in range(len(header)):
        assert parse_proxy_header(header[:length]) == NeedMore()


@pytest.mark.parametrize(
    "octets",
    [
        b"EHLO c\r\n",
        b"proxy TCP4 192.0.2.7 198.51.100.1 1 2\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 1 65536\r\n",
        b"PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
        b"PROXY TCP6 192.0.2.7 198.51.100.1 1 2\r\n",
        b"PROXY TCP4 192.0.2.7  198.51.100.1 1 2\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 1 2\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 1\r\n",
        b"PROXY UDP4 192.0.2.7 198.51.100.1 1 2\r\n",
        b"PROXY UNKNOWN " + b"x" * 100 + b"\r\n",
        b"PROXY TCP4 " + b"1" * 200,
        V2 + b"\x11\x11\0\x0c" + IPV4,
        V2 + b"\x22\x11\0\x0c" + IPV4,
        V2 + b"\x21\x12\0\x0c" + IPV4,
        V2 + b"\x21\x11\0\x0b" + IPV4,
        V2 + b"\x21\x11\xff\xff",
        V2[:-1] + b"X" + b"\x21\x11\0\x0c" + IPV4,
    ],
)
def test_what_is_no_header_is_known_at_once(octets: bytes) -> None:
    """Nobody waits for the rest of something that cannot become a header."""
    assert parse_proxy_header(octets) == BadProxyHeader()


async def _asked(octets: bytes) -> ProxyData:
    reader = asyncio.StreamReader()
    reader.feed_data(octets)
    reader.feed_eof()
    return await get_proxy(reader)


@given(
    st.sampled_from(V1_HEADERS + V2_HEADERS),
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 255)), max_size=2),
)
@example(V1_HEADERS[0], [])
def test_what_we_take_the_other_reader_takes_too(header: bytes, changes: list[tuple[int, int]]) -> None:
    """Headers with an octet or two changed: whom we believe, it believes, and it reads the same address."""
    octets = bytearray(header)
    for place, octet in changes:
        octets[place % len(octets)] = octet
    ours = parse_proxy_header(bytes(octets))

    if isinstance(ours, ProxyHeader) and ours.peer is not None:
        theirs = asyncio.run(_asked(bytes(octets)))
        assert theirs.valid
        assert str(theirs.src_addr) == ours.peer


@given(st.binary(max_size=300), st.sampled_from([b"", b"PROXY ", V2, V2 + b"\x21\x11"]))
def test_it_never_raises(octets: bytes, start: bytes) -> None:
    """Whatever comes is a header, the beginning of one, or none."""
    assert isinstance(parse_proxy_header(start + octets), ProxyHeader | NeedMore | BadProxyHeader)
