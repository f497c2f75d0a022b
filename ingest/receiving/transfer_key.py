"""Digests a transfer, so that a mail which the relay sends again is known as the same one."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from storage.records.mails import Envelope

_FORMAT = (
    b"transfer 1\n"  # a new number whenever the rule changes: old and new digests must never be compared
)

_FIELD_NAME = re.compile(rb"([!-9;-~]{1,76})[ \t]*:")
_FIELD_END = re.compile(rb"\n(?![ \t])")
_RECEIVED = b"received"
_OTHER_TRACE = frozenset(
    {b"return-path", b"delivered-to", b"x-original-to", b"authentication-results", b"received-spf"}
)
_MAX_SKIPPED_FIELDS = 100  # RFC 5321 6.3 takes more than a hundred Received fields for a loop
_MAX_FIELD_OCTETS = 65536  # a longer field is no trace field
_MAX_RECEIVED_OCTETS = 8192  # of one field, as far as we look for its "by" clause
_COMMENT_SIGN = re.compile(rb"\\.|[()]", re.DOTALL)


class TransferDigest:
    """SHA-256 that is equal for two transfers of the same mail to the same recipients.

    Counted are the reverse-path, the forward-paths in any order, and the content from below the trace fields
    that the relay writes anew at each attempt (see `content_start`). Each part goes in with its length before
    it, so that two different transfers never give the same input.
    """

    def __init__(self, reverse_path: str, forward_paths: Collection[str]) -> None:
        self._sha256 = hashlib.sha256(
            b"".join(
                (
                    _FORMAT,
                    _counted(reverse_path),
                    b"%d\n" % len(forward_paths),
                    *map(_counted, sorted(forward_paths)),
                )
            )
        )

    def begin(self, head: bytes) -> None:
        """Take the beginning of the content in: its header section and at least one whole line more, or all of it."""
        self.update(memoryview(head)[content_start(head) :])

    def update(self, octets: bytes | memoryview) -> None:
        """Take more of the content in."""
        self._sha256.update(octets)

    def digest(self) -> bytes:
        """The digest, 32 octets."""
        return self._sha256.digest()


def transfer_digest(octets: bytes, envelope: Envelope) -> bytes:
    """The `TransferDigest` of a mail that is there as a whole."""
    digest = TransferDigest(envelope.reverse_path, envelope.forward_paths)
    digest.begin(octets)
    return digest.digest()


def content_start(octets: bytes) -> int:
    """Offset of the first octet below the relay's own trace fields at the top of a mail.

    Skipped are Return-Path, Delivered-To, X-Original-To, Authentication-Results, Received-SPF and the first
    Received field; further Received fields only while their "by" host is that of the first (a relay that
    hands a mail through itself). At most 100 fields of at most 64 KiB are skipped, which bounds the work for
    any mail.
    """
    position = 0
    relay: bytes | None = None
    seen_received = False
    for _ in range(_MAX_SKIPPED_FIELDS):
        named = _FIELD_NAME.match(octets, position)
        if named is None:
            break
        name = named[1].lower()
        end = _field_end(octets, named.end())
        if end is None:
            break
        if name == _RECEIVED:
            host = _by_host(octets[named.end() : min(end, named.end() + _MAX_RECEIVED_OCTETS)])
            if seen_received and (host is None or host != relay):
                break
            relay, seen_received = host, True
        elif name not in _OTHER_TRACE:
            break
        position = end
    return position


def _field_end(octets: bytes, start: int) -> int | None:
    """Where the next field begins, that is the next line without a space first (RFC 5322 2.2.3).

    None for a field that is too long for a trace field.
    """
    limit = min(len(octets), start + _MAX_FIELD_OCTETS)
    found = _FIELD_END.search(octets, start, limit)
    # At `limit` the expression cannot see whether the next line goes on with this field.
    if found is not None and (found.end() < limit or limit == len(octets)):
        return found.end()
    return len(octets) if limit == len(octets) else None


def _counted(path: str) -> bytes:
    octets = path.encode("utf-8", "surrogatepass")
    return b"%d:%b\n" % (len(octets), octets)


def _by_host(body: bytes) -> bytes | None:
    """The host of a Received field's "by" clause in lower case (RFC 5321 4.4); None where there is none."""
    words = _without_comments(body).split(b";", 1)[0].split()
    # The word after "from" is the client's HELO, which may itself read "by".
    start = 2 if words and words[0].lower() == b"from" else 0
    for index in range(start, len(words) - 1):
        if words[index].lower() == b"by":
            return words[index + 1].lower()
    return None


def _without_comments(body: bytes) -> bytes:
    """The field body with its comments, also nested ones (RFC 5322 3.2.2), replaced by a space."""
    kept = []
    depth = 0
    position = 0
    for sign in _COMMENT_SIGN.finditer(body):
        if sign[0] == b"(":
            if depth == 0:
                kept.append(body[position : sign.start()])
            depth += 1
        elif sign[0] == b")" and depth > 0:
            depth -= 1
            position = sign.end()
    if depth == 0:
        kept.append(body[position:])
    return b" ".join(kept)
