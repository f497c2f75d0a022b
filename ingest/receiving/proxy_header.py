"""Reads the PROXY protocol, versions 1 and 2: who the client of a load balancer is (haproxy's proxy-protocol.txt)."""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass

_V1_START = b"PROXY "
_V1_LONGEST = 107  # octets, CRLF included; section 2.1
_V1 = re.compile(
    rb"PROXY (?:UNKNOWN(?: [^\r\n]*)?|(TCP4|TCP6) ([0-9a-fA-F:.]+) ([0-9a-fA-F:.]+) ([0-9]{1,5}) ([0-9]{1,5}))\r\n"
)
_V2_START = b"\r\n\r\n\0\r\nQUIT\n"
_V2_FIXED = 16  # octets before the addresses; section 2.2
_V2_LONGEST = 4096  # octets of addresses and TLVs that we wait for
_V2_LOCAL, _V2_PROXY = 0x20, 0x21  # version and command
_V2_ADDRESS_OCTETS = {0x0: 0, 0x1: 12, 0x2: 36, 0x3: 216}  # by family: unspecified, IPv4, IPv6, Unix
_V2_STREAM = {0x00, 0x11, 0x21, 0x31}  # family and transport: no datagrams here


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    """A whole header."""

    peer: str | None  # the client's IP address; None where the proxy speaks for itself or does not know
    consumed: int  # octets of the header; what comes after it is the client's


@dataclass(frozen=True, slots=True)
class NeedMore:
    """So far it is the beginning of a header."""


@dataclass(frozen=True, slots=True)
class BadProxyHeader:
    """It is none, and cannot become one."""


def parse_proxy_header(octets: bytes) -> ProxyHeader | NeedMore | BadProxyHeader:
    """Read the header at the beginning of what has arrived so far."""
    if octets.startswith(_V2_START) or _V2_START.startswith(octets):
        return _second(octets) if len(octets) >= _V2_FIXED else NeedMore()
    if octets.startswith(_V1_START) or _V1_START.startswith(octets):
        return _first(octets)
    return BadProxyHeader()


def _first(octets: bytes) -> ProxyHeader | NeedMore | BadProxyHeader:
    end = octets.find(b"\n", 0, _V1_LONGEST)
    if end < 0:
        return NeedMore() if len(octets) < _V1_LONGEST else BadProxyHeader()
    found = _V1.fullmatch(octets, 0, end + 1)
    if found is None:
        return BadProxyHeader()
    family, source, destination, *ports = found.groups()
    if family is None:
        return ProxyHeader(None, end + 1)
    version = 4 if family == b"TCP4" else 6
    addresses = [_address(one, version) for one in (source, destination)]
    if None in addresses or any(int(port) > 65535 for port in ports):
        return BadProxyHeader()
    return ProxyHeader(addresses[0], end + 1)


def _address(written: bytes, version: int) -> str | None:
    try:
        address = ipaddress.ip_address(written.decode("ascii"))
    except ValueError:
        return None
    return str(address) if address.version == version else None


def _second(octets: bytes) -> ProxyHeader | NeedMore | BadProxyHeader:
    command, kind = octets[12], octets[13]
    length = int.from_bytes(octets[14:16])
    family = kind >> 4
    if command not in {_V2_LOCAL, _V2_PROXY} or length > _V2_LONGEST:
        return BadProxyHeader()
    whole = _V2_FIXED + length
    if command == _V2_LOCAL:  # the proxy's own: a health check; its addresses mean nothing
        return ProxyHeader(None, whole) if len(octets) >= whole else NeedMore()
    if kind not in _V2_STREAM or length < _V2_ADDRESS_OCTETS[family]:
        return BadProxyHeader()
    if len(octets) < whole:
        return NeedMore()
    if family == 0x1:
        return ProxyHeader(socket.inet_ntop(socket.AF_INET, octets[16:20]), whole)
    if family == 0x2:
        return ProxyHeader(str(ipaddress.IPv6Address(octets[16:32])), whole)
    return ProxyHeader(None, whole)
