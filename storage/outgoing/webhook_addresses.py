"""Decides where a webhook may lead: to the public internet, and what the operator allows beside it; pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052 2.1
_NAT64_LOCAL = ipaddress.IPv6Network("64:ff9b:1::/48")  # RFC 8215
_COMPATIBLE = ipaddress.IPv6Network("::/96")  # RFC 4291 2.5.5.1
_SITE_LOCAL = ipaddress.IPv6Network("fec0::/10")  # RFC 3879: some networks still have them
_PROTOCOLS = ipaddress.IPv4Network(
    "192.0.0.0/24"
)  # RFC 6890; some versions of Python call parts of it global
_RELAY_6TO4 = ipaddress.IPv4Network("192.88.99.0/24")  # RFC 7526


LONGEST_URL = 1000  # characters


def webhook_url(entered: str, allowed: Sequence[Network]) -> str:
    """The URL of a webhook in the form that is kept. Raises ValueError that says what to do.

    A name is looked up when it is called, not here: what it leads to may change at any time.
    """
    parts = urlsplit(entered.strip())
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ValueError('enter an address such as "https://erp.example.com/invoices"')
    if parts.scheme == "http" and not allowed:
        raise ValueError("use https; what is sent must not be read on its way")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise ValueError("leave user, password and what stands behind # out of the address")
    host, port = _host(parts.hostname), parts.port
    url = f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path or '/'}"
    url += f"?{parts.query}" if parts.query else ""
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError(f"enter up to {LONGEST_URL} characters without spaces; write others as %XX")
    return url


def _host(name: str) -> str:
    """A host as HTTP writes it: an IPv6 address in brackets, a name in A-labels. Raises ValueError."""
    try:
        return f"[{name}]" if ipaddress.ip_address(name).version == 6 else name
    except ValueError:
        return name.encode("idna").decode("ascii")  # its UnicodeError is a ValueError


def is_reachable(address: Address, allowed: Sequence[Network]) -> bool:
    """Whether we connect to this address: a public one, or one that the operator allows."""
    return is_allowed(address, allowed) or all(_is_public(one) for one in _meant(address))


def is_allowed(address: Address, allowed: Sequence[Network]) -> bool:
    """Whether the operator allows this address, whatever it is."""
    return any(one in network for one in _meant(address)[-1:] for network in allowed)


def _meant(address: Address) -> list[Address]:
    """The address, and the IPv4 address that it stands for, if any: a gateway would lead there."""
    if not isinstance(address, ipaddress.IPv6Address):
        return [address]
    inner = address.ipv4_mapped or address.sixtofour
    if inner is None and address.teredo is not None:
        inner = address.teredo[1]
    if inner is None and (address in _NAT64 or address in _COMPATIBLE):
        inner = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    if inner is None:
        return [address]
    return [inner] if address.ipv4_mapped else [address, inner]


def _is_public(address: Address) -> bool:
    if address.is_multicast or address.is_reserved or address.is_unspecified:
        return isinstance(address, ipaddress.IPv6Address) and address in _NAT64
    if isinstance(address, ipaddress.IPv6Address):
        special = address in _NAT64_LOCAL or address in _SITE_LOCAL or address in _COMPATIBLE
        return not special and (address.is_global or address in _NAT64)
    return address.is_global and address not in _PROTOCOLS and address not in _RELAY_6TO4
