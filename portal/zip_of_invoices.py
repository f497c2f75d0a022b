"""Several invoices in one ZIP file: of each its document and its original mail, made while it is sent."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Sequence
from io import RawIOBase
from typing import Any

from portal.documents import Busy
from portal.seats import Seat
from storage.errors import NotFound
from storage.records.history import HistoryEventName
from storage.records.invoices import Invoice

MOST_INVOICES = 100
MOST_OCTETS = 1024**3  # of the mails
_NOT_IN_NAMES = re.compile(r"[^\w.+-]+")


class TooLarge(Exception):  # noqa: N818  -- says what is the matter
    """The mails of the chosen invoices are too large together."""


def zip_of(at: Seat, invoice_ids: Sequence[str]) -> Iterator[bytes]:
    """The pieces of the file. Raises NotFound, and TooLarge, before the first of them.

    Deleted invoices are left out. That each was downloaded is on record before it is sent.
    """
    now = at.portal.now()
    with at.portal.store.transaction() as records:
        own = at.inbox(records)
        invoices = [one for one in map(own.invoice, invoice_ids) if one.reading is not None]
        mails = records.mails.by_ids({invoice.mail_id for invoice in invoices})
        if sum(mail.size for mail in mails.values()) > MOST_OCTETS:
            raise TooLarge
        records.history.add([at.event(HistoryEventName.DOWNLOADED, one, now) for one in invoices])
    return _pieces(at, invoices)


def _pieces(at: Seat, invoices: Sequence[Invoice]) -> Iterator[bytes]:
    sink = _Sink()
    names: set[str] = set()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for invoice in invoices:
            folder = _folder(invoice, names)
            for name, octets in _files(at, invoice):
                archive.writestr(f"{folder}/{name}", octets)
                yield sink.taken()
    yield sink.taken()


def _files(at: Seat, invoice: Invoice) -> Iterator[tuple[str, bytes]]:
    try:
        with at.portal.store.reading() as records:
            octets = records.mails.octets(invoice.mail_id)
            trace = records.mails.trace(invoice.mail_id)
    except NotFound:  # deleted since it was chosen
        return
    document = invoice.reading.document if invoice.reading else None
    if document is not None:
        try:
            content = at.portal.documents.extract(octets, document.sha256)
        except (RuntimeError, Busy):
            content = None  # the original, which holds it, comes next
        if content is not None:
            yield _NOT_IN_NAMES.sub("_", document.name) or "document", content
    yield "mail.eml", trace + octets


def _folder(invoice: Invoice, names: set[str]) -> str:
    terms = invoice.reading.terms if invoice.reading else None
    parts = [
        f"{invoice.received_at:%Y-%m-%d}",
        terms.seller.name if terms else None,
        invoice.invoice_number,
    ]
    wanted = _NOT_IN_NAMES.sub("_", " ".join(part for part in parts if part))[:80].strip("._") or invoice.id
    name = wanted if wanted not in names else f"{wanted}_{invoice.id}"
    names.add(name)
    return name


class _Sink(RawIOBase):
    """Takes what the ZIP writer writes until it is sent; it cannot go back, so neither does the writer."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def write(self, octets: Any) -> int:
        self._pieces.append(bytes(octets))
        return len(octets)

    def taken(self) -> bytes:
        """What was written since the last time."""
        octets = b"".join(self._pieces)
        self._pieces.clear()
        return octets
