"""Tells by its header whether a mail was made by a program or for many, so that nobody answers it (RFC 3834 2)."""

from __future__ import annotations

from reading.mime.entity_header import EntityHeader
from storage.records.reading import MailSign

_BULK = {b"bulk", b"list", b"junk"}  # values of Precedence, which no standard has but many senders use


def mail_signs(header: EntityHeader) -> tuple[MailSign, ...]:
    """The signs of a mail, none for one that a person wrote. Never raises."""
    signs = []
    automatic = header.first(b"auto-submitted").partition(b";")[0].strip().lower()  # RFC 3834 5
    if automatic == b"auto-generated":
        signs.append(MailSign.AUTO_GENERATED)
    elif automatic not in (b"", b"no"):
        signs.append(MailSign.AUTO_REPLIED)  # also for words to come: "auto-notified" is one (RFC 5436)
    is_bulk = header.first(b"precedence").strip().lower() in _BULK
    if is_bulk or header.first(b"list-id") or header.first(b"list-post"):  # RFC 2919, RFC 2369
        signs.append(MailSign.LIST)
    if header.first(b"x-invoices-mailbox"):
        signs.append(MailSign.MAILBOX)
    return tuple(signs)
