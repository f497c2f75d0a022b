"""DNS as sender authentication needs it: few record types, a cache, short time-outs, and trouble told as such."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any

import dns.exception
import dns.nameserver
import dns.rdatatype
import dns.resolver

SYSTEM = "system"  # what /etc/resolv.conf says
QUERY_SECONDS = 4.0
MAIL_SECONDS = 12.0  # for all look-ups of one mail
CACHED_NAMES = 20_000
TROUBLE_REMEMBERED_SECONDS = 30.0  # a name that cannot be looked up now is not asked for again at once
SILENCES_UNTIL_PAUSE = (
    3  # time-outs in a row: then there is no DNS at all, and nobody waits for it for a while
)

# When the look-ups of the mail that is checked in this context must be over, in monotonic seconds.
_deadline: ContextVar[float] = ContextVar("deadline")


class LookupTrouble(Exception):  # noqa: N818  -- says what happened
    """The DNS gave no answer, neither yes nor no; later it may (RFC 8601 2.7: temperror)."""


def texts_at(name: str, resolvers: Sequence[str]) -> list[bytes]:
    """The TXT records of one name, asked for once. Raises LookupTrouble."""
    lookups = Lookups(resolvers)
    lookups.begin()
    return list(lookups.texts(name))


class Lookups:
    """Asks the DNS; may be used by several threads."""

    def __init__(self, resolvers: Sequence[str], *, query_seconds: float = QUERY_SECONDS) -> None:
        self._query_seconds = query_seconds
        self._resolver = _resolver(resolvers)
        self._lock = threading.Lock()
        self._troubles: dict[tuple[str, str], float] = {}  # until when, in monotonic seconds
        self._silences = 0
        self._silent_until = 0.0

    def begin(self, seconds: float = MAIL_SECONDS) -> None:
        """The look-ups of one mail begin, in this context; together they take no longer than `seconds`."""
        _deadline.set(time.monotonic() + seconds)

    def records(self, name: str, kind: str) -> list[Any]:
        """The records of a type, empty when there are none. Raises LookupTrouble."""
        key = (name.lower().rstrip("."), kind)
        now = time.monotonic()
        left = _deadline.get(now + self._query_seconds) - now
        if self._resolver is None:
            raise LookupTrouble("no resolver is set")
        with self._lock:
            if now < self._silent_until:
                raise LookupTrouble("no resolver answers")
            if now < self._troubles.get(key, 0.0):
                raise LookupTrouble(f"{name} could not be looked up a moment ago")
        if left <= 0:
            raise LookupTrouble("looking up took too long")
        try:
            found = self._ask(name, kind, min(left, self._query_seconds))
        except dns.exception.Timeout:
            self._note_silence(key)
            raise LookupTrouble(f"no answer about {name}") from None
        except (dns.resolver.NoNameservers, dns.exception.DNSException, OSError):
            self._note_trouble(key)
            raise LookupTrouble(f"{name} cannot be looked up now") from None
        with self._lock:
            self._silences = 0
        return found

    def texts(self, name: str) -> list[bytes]:
        """The TXT records, each in one piece. Raises LookupTrouble."""
        return [b"".join(record.strings) for record in self.records(name, "TXT")]

    def _ask(self, name: str, kind: str, seconds: float) -> list[Any]:
        assert self._resolver is not None  # noqa: S101  -- records() looked
        try:
            answer = self._resolver.resolve(name, kind, lifetime=seconds, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer, dns.resolver.YXDOMAIN):
            return []
        except (dns.exception.SyntaxError, UnicodeError):
            return []
        except dns.exception.DNSException as error:
            if (
                type(error).__module__ == "dns.name"
            ):  # a label of 64 octets, an empty one: no such name can be
                return []
            raise
        return [record for record in answer if record.rdtype == dns.rdatatype.from_text(kind)]

    def _note_trouble(self, key: tuple[str, str]) -> None:
        with self._lock:
            if len(self._troubles) > CACHED_NAMES:
                self._troubles.clear()
            self._troubles[key] = time.monotonic() + TROUBLE_REMEMBERED_SECONDS

    def _note_silence(self, key: tuple[str, str]) -> None:
        self._note_trouble(key)
        with self._lock:
            self._silences += 1
            if self._silences >= SILENCES_UNTIL_PAUSE:
                self._silences = 0
                self._silent_until = time.monotonic() + TROUBLE_REMEMBERED_SECONDS


def _resolver(resolvers: Sequence[str]) -> dns.resolver.Resolver | None:
    try:
        if SYSTEM in resolvers:
            resolver = dns.resolver.Resolver(configure=True)
        elif resolvers:
            resolver = dns.resolver.Resolver(configure=False)
            resolver.nameservers = [_nameserver(one) for one in resolvers]
        else:
            return None
    except (dns.resolver.NoResolverConfiguration, OSError):
        return None
    resolver.cache = dns.resolver.LRUCache(CACHED_NAMES)
    return resolver


def _nameserver(written: str) -> dns.nameserver.Nameserver:
    host, _, port = written.rpartition(":")
    return dns.nameserver.Do53Nameserver(host.strip("[]"), int(port))
