"""Opens listening sockets: host:port, [IPv6]:port and unix:PATH."""

from __future__ import annotations

import os
import socket
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

UNIX = "unix:"
_SOCKET_MODE = 0o660  # owner and group: who may connect to a Unix socket may send mail
BACKLOG = 1024


def open_socket(address: str, *, shared: bool = False) -> socket.socket:
    """A listening socket; port 0 takes a free one.

    With `shared` other processes may listen on the same port and get connections of their own (SO_REUSEPORT).
    Raises ValueError for an address that is not one, and OSError naming the address that cannot be had.
    """
    try:
        if address.startswith(UNIX):
            opened = _open_unix(Path(address.removeprefix(UNIX)))
        else:
            opened = _open_tcp(address, shared=shared)
        opened.listen(BACKLOG)
    except OSError as error:
        raise _cannot_listen(address, error) from error
    opened.setblocking(False)
    return opened


def _cannot_listen(address: str, error: OSError) -> OSError:
    return OSError(error.errno, f"cannot listen on {address}: {error.strerror or error}")


def expect_free(address: str) -> None:
    """Sockets that are shared among our own processes would also be shared with a second program of the same user.

    Raises ValueError for an address that is not one, and OSError naming the address that somebody else has.
    """
    if address.startswith(UNIX):
        return  # `open_socket` asks who is there
    try:
        _open_tcp(address, shared=False).close()
    except OSError as error:
        raise _cannot_listen(address, error) from error


def written(listening: socket.socket) -> str:
    """The address of a socket as settings write it, with its real port."""
    name = listening.getsockname()
    if not isinstance(name, tuple):
        return f"{UNIX}{name}"
    host, port = name[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def remove_file(address: str) -> None:
    """Removes the file of a Unix socket that `open_socket` made; nothing is to be done for other addresses."""
    if address.startswith(UNIX):
        Path(address.removeprefix(UNIX)).unlink(missing_ok=True)


def _open_tcp(address: str, *, shared: bool) -> socket.socket:
    host, colon, port = address.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535 or not host.strip("[]"):
        raise ValueError(f"{address!r} is no address to listen on; expected host:port or [IPv6]:port")
    if ":" in host and not bracketed:
        raise ValueError(f"{address!r}: an IPv6 address stands in brackets, [IPv6]:port")
    family, kind, protocol, _, target = socket.getaddrinfo(
        host.strip("[]"), int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    return _bound(socket.socket(family, kind, protocol), target, shared=shared)


def _bound(opened: socket.socket, target: tuple[Any, ...] | str, *, shared: bool) -> socket.socket:
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if opened.family == socket.AF_INET6:
            # One socket, one family: IPv4 clients then never appear as ::ffff:1.2.3.4.
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind(target)
    except OSError:
        opened.close()
        raise
    return opened


def _open_unix(path: Path) -> socket.socket:
    """A socket that a killed process left behind is replaced; one that somebody listens on is not."""
    with suppress(FileNotFoundError):
        if stat.S_ISSOCK(path.stat().st_mode) and not _answers(path):
            path.unlink()
    opened = _bound(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM), str(path), shared=False)
    os.chmod(path, _SOCKET_MODE)  # noqa: PTH101  -- no connection is taken before listen()
    return opened


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        try:
            asking.connect(str(path))
        except OSError:
            return False
        return True
