"""Checks of what is talked to: addresses to listen on, the smarthost, and names that have to be known."""

from __future__ import annotations

import errno
import os
import smtplib
import socket
import stat
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from config.settings import Settings, host_and_port
from ingest import traced
from ingest.processing.authentication.lookups import SYSTEM, Lookups, LookupTrouble

SECONDS = 5
_DNS_SECONDS = 2.0
_UNIX = "unix:"
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


def check_smtp(settings: Settings) -> str:
    """Free, or in use by what speaks SMTP: on a running mailbox that is ours."""
    return _all(settings.smtp.listen, greeting="220 ")


def check_smtp_tls(settings: Settings) -> str:
    """What speaks TLS first says nothing by itself, so that it is in use has to do."""
    return _all(settings.smtp.listen_tls)


def check_lmtp(settings: Settings) -> str:
    """The same for LMTP, also by a Unix socket."""
    return _all(settings.lmtp.listen, greeting="220 ")


def check_portal(settings: Settings) -> str:
    """Free, or in use by what speaks HTTP."""
    return _all([settings.portal.listen], asks=b"GET /healthz HTTP/1.0\r\n\r\n", greeting="HTTP/1.")


def check_metrics(settings: Settings) -> str:
    """Free, or in use by what shows our metrics."""
    listen = [settings.metrics.listen] if settings.metrics.listen else []
    return _all(listen, asks=b"GET /healthz HTTP/1.0\r\n\r\n", greeting="HTTP/1.")


def check_collector(settings: Settings) -> str:
    """The packages are there, and something takes connections; no span is sent."""
    if not settings.tracing.collector:
        return "none is set, so no traces are sent"
    if not traced.is_installed():
        raise ValueError(f"{traced.NOT_INSTALLED}, so no traces are sent")
    url = urlsplit(settings.tracing.collector)
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        socket.create_connection((url.hostname or "", port), timeout=SECONDS).close()
    except OSError as error:
        raise OSError(
            f"{settings.tracing.collector} cannot be reached: {error.strerror or error}; "
            "traces are thrown away meanwhile, and mail goes on"
        ) from error
    return f"{settings.tracing.collector} takes connections"


def check_hostname(settings: Settings) -> str:
    """Mail servers greet by name; one without a dot is of no use to them."""
    name = settings.smtp.hostname or socket.getfqdn()
    if "." not in name or name.startswith("localhost"):
        return f"we greet as {name}; set smtp.hostname where other machines send to us"
    return f"we greet as {name}"


def check_base_url(settings: Settings) -> str:
    """Registration links go out in mails: they must lead here, and under TLS."""
    url = urlsplit(settings.registration.base_url)
    host = url.hostname or ""
    if host in _LOOPBACK:
        return f"{settings.registration.base_url} is for this machine only; set it before links are sent to others"
    if url.scheme != "https":
        raise ValueError(
            f"{settings.registration.base_url}: links open accounts, so they have to begin with https"
        )
    return f"{host} is {_addresses(host)}"


def check_resolvers(settings: Settings) -> str:
    """Each answers a question; nothing but the sender's authenticity hangs on it, so the machine's own may be away."""
    resolvers = settings.authentication.resolvers
    found = []
    for one in resolvers:
        try:
            Lookups([one], query_seconds=_DNS_SECONDS).records(".", "NS")
        except LookupTrouble as trouble:
            said = "senders stay unchecked until it does, and their mail is filed all the same"
            if one != SYSTEM:
                raise OSError(f"{one} does not answer ({trouble}): {said}") from trouble
            found.append(f"the machine's own gives no answer now: {said}")
        else:
            found.append("the machine's own answers" if one == SYSTEM else f"{one} answers")
    return "; ".join(found) or "none is set, so no sender is checked"


def check_smarthost(settings: Settings) -> str:
    """It greets, and answers EHLO as RFC 5321 4.1.1.1 wants; no mail is sent."""
    smarthost = settings.outbound.smarthost
    if not smarthost:
        return "none is set, so no mail is sent"
    host, port = _host_and_port(smarthost)
    _addresses(host)
    try:
        implicit = settings.outbound.tls == "implicit"
        client = smtplib.SMTP_SSL if implicit else smtplib.SMTP
        with client(host, port, timeout=SECONDS) as server:
            code, _ = server.ehlo()
            tls = implicit or server.has_extn("starttls")
    except (smtplib.SMTPException, OSError) as error:
        raise OSError(
            f"{smarthost} does not answer as a mail server: {getattr(error, 'strerror', None) or error}; "
            "is it the right one?"
        ) from None
    if code != 250:
        raise OSError(f"{smarthost} answers EHLO with {code}: does it let this machine in?")
    return f"{smarthost} answers" + (", with TLS" if tls else ", without TLS: mails go to it in the clear")


def _host_and_port(smarthost: str) -> tuple[str, int]:
    host, colon, port = smarthost.rpartition(":")
    return (host.strip("[]"), int(port)) if colon and port.isdigit() else (smarthost.strip("[]"), 25)


def _addresses(host: str) -> str:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise OSError(
            f"the name {host} is not known here: {error.strerror or error}; look at the DNS"
        ) from None
    return ", ".join(dict.fromkeys(str(entry[4][0]) for entry in found))


def _all(listen: Sequence[str], *, asks: bytes = b"", greeting: str = "") -> str:
    return "; ".join(_address(address, asks, greeting) for address in listen) or "none is set"


def _address(address: str, asks: bytes, greeting: str) -> str:
    if address.startswith(_UNIX):
        return _unix(address, Path(address.removeprefix(_UNIX)), asks, greeting)
    family, place = _place(address)
    with socket.socket(family, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(place)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return _in_use(address, asks, greeting)
            raise OSError(
                f"{address}: {error.strerror}; does it need rights, or is it another machine's?"
            ) from None
    return f"{address} can be listened on"


def _unix(address: str, path: Path, asks: bytes, greeting: str) -> str:
    if path.exists():
        if not stat.S_ISSOCK(path.stat().st_mode):
            raise OSError(f"{path} is there and no socket: remove it, or name another")
        return _in_use(address, asks, greeting)
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise OSError(f"{path.parent} is not there or cannot be written; make it, or name another place")
    return f"{address} can be listened on"


def _in_use(address: str, asks: bytes, greeting: str) -> str:
    if not greeting:
        return f"{address} is in use; by this mailbox, if it runs"
    line = first_line(address, asks)
    if not line.startswith(greeting):
        protocol = "SMTP" if greeting.startswith("220") else "HTTP"
        raise OSError(
            f"{address} is in use by a program that does not speak {protocol}: stop it, or name another address"
        )
    return f'{address} is in use, by a server that says "{line}"'


def first_line(address: str, asks: bytes = b"", *, seconds: float = SECONDS) -> str:
    """What the server at an address says first (RFC 5321 3.1), or when it is asked; empty when it does not."""
    family, place = _place(address)
    try:
        with socket.socket(family, socket.SOCK_STREAM) as connection:
            connection.settimeout(seconds)
            connection.connect(place)
            connection.sendall(asks)
            return connection.recv(512).partition(b"\r\n")[0].decode("ascii", "replace")
    except OSError:
        return ""


def _place(address: str) -> tuple[socket.AddressFamily, str | tuple[str, int]]:
    if address.startswith(_UNIX):
        return socket.AF_UNIX, address.removeprefix(_UNIX)
    host, port = host_and_port(address)
    return (socket.AF_INET6 if ":" in host else socket.AF_INET), (host, port)
