"""Recognises a mail of ours that a server sent back (RFC 3464), by the Message-ID that only ours have."""

from __future__ import annotations

import re
from collections.abc import Iterable

from reading.mime import Leaf
from reading.mime.charsets import storable, text_of
from storage.records.reading import ReturnedMail

OURS = re.compile(r"<invoices\.[0-9a-f-]{36}@[A-Za-z0-9.\-\[\]:]{1,255}>")
_IN_HEADER = re.compile(rb"(?:^|\n)(?i:message-id)[ \t]*:\s{0,10}(" + OURS.pattern.encode() + rb")")
_STATUS_TYPES = {"message/delivery-status", "message/global-delivery-status"}  # RFC 6533
_ACTION = re.compile(r"^action[ \t]*:[ \t]*([a-z]{1,20})", re.IGNORECASE | re.MULTILINE)
_STATUS = re.compile(r"^status[ \t]*:[ \t]*(\d\.\d{1,3}\.\d{1,3})", re.IGNORECASE | re.MULTILINE)
_DIAGNOSTIC = re.compile(
    r"^diagnostic-code[ \t]*:[ \t]*([^\n]{0,500}(?:\n[ \t][^\n]{0,500}){0,10})", re.IGNORECASE | re.MULTILINE
)
_MOST_OCTETS = 64 * 1024  # of a status that are read
_LONGEST = 300  # characters of a diagnostic that are kept


def returned_mail(octets: bytes, leaves: Iterable[Leaf]) -> ReturnedMail | None:
    """What a mail says about one of ours that it returns; None for every other mail. Never raises.

    The returned mail, or its header, is at the end of a notification, in full and as a rule not encoded.
    """
    status = next((leaf for leaf in leaves if leaf.declared_type in _STATUS_TYPES), None)
    if status is None:
        return None
    ours = _IN_HEADER.search(octets)
    if ours is None:
        return None
    text = text_of(status.content[:_MOST_OCTETS]).replace("\r\n", "\n")
    action, code, diagnostic = _ACTION.search(text), _STATUS.search(text), _DIAGNOSTIC.search(text)
    return ReturnedMail(
        message_id=ours[1].decode("ascii"),
        status=code[1] if code else None,
        diagnostic=storable(" ".join(diagnostic[1].split()))[:_LONGEST] if diagnostic else None,
        failed=action is None or action[1].lower() == "failed",
    )
