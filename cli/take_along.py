"""Packs invoices to take along before they are deleted: originals, documents, pages, histories, checksums."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cli import forms
from cli.export_record import LABEL, RECORD, Label, exported, label_to_octets, record_to_octets
from reading.sandbox import ReaderPool
from storage.errors import NotFound
from storage.records.invoices import Invoice
from storage.records.reading import Part
from storage.store import Store

SUMS = "SHA256SUMS"
ORIGINAL = "original.eml"
_NOT_IN_NAMES = re.compile(r"[^\w.+-]+")
_LONGEST_NAME = 100  # signs of a document's name


@dataclass(slots=True)
class Packed:
    """What went into the file."""

    invoices: int = 0
    files: int = 0
    octets: int = 0


class TakeAlong:
    """Writes one ZIP file, a folder for each invoice, with one mail in memory at a time."""

    def __init__(self, archive: zipfile.ZipFile, store: Store, readers: ReaderPool, language: str) -> None:
        self._archive = archive
        self._store = store
        self._readers = readers
        self._language = language
        self._sums: list[str] = []
        self._packed = Packed()

    def add(self, invoice: Invoice) -> bool:
        """One invoice; False when it was deleted meanwhile. Raises OSError, StorageUnavailable."""
        with self._store.reading() as records:
            try:
                octets = records.mails.octets(invoice.mail_id)
                trace = records.mails.trace(invoice.mail_id)
            except NotFound:
                return False
            [form] = forms.invoice_forms(records, [invoice])
            record = exported(records, invoice)
        folder = f"{invoice.received_at:%Y-%m-%d}_{invoice.id}"
        self._write(f"{folder}/{ORIGINAL}", trace + octets)
        for name, content in self._documents(invoice, octets):
            self._write(f"{folder}/{name}", content)
        self._write(f"{folder}/invoice.json", _json(form))
        self._write(f"{folder}/history.json", _json([forms.event_form(event) for event in record.events]))
        self._write(f"{folder}/{RECORD}", record_to_octets(record))
        self._packed.invoices += 1
        return True

    def finish(self, label: Callable[[int], Label]) -> Packed:
        """The label, for so many invoices, and the checksums, as `sha256sum -c` reads them; what went in."""
        self._write(LABEL, label_to_octets(label(self._packed.invoices)))
        self._archive.writestr(SUMS, "".join(self._sums))
        return self._packed

    def _documents(self, invoice: Invoice, octets: bytes) -> Iterator[tuple[str, bytes]]:
        """Every attachment, and a page for people; what cannot be taken out is in the original all the same."""
        reading = invoice.reading
        if reading is None:
            return
        for number, part in enumerate(_parts(reading.attachments, reading.document), 1):
            content = self._asked(octets, part.sha256)
            if content is not None:
                yield f"{number:02}_{_fitting(part.name)}", content
        if reading.terms.structured:
            try:
                page = self._readers.render(
                    octets, reading.document.sha256, self._language, number=invoice.invoice_number
                )
            except RuntimeError:
                page = None
            if page is not None:
                yield "readable.html", page

    def _asked(self, octets: bytes, sha256: str) -> bytes | None:
        try:
            return self._readers.extract(octets, sha256)
        except RuntimeError:
            return None

    def _write(self, name: str, content: bytes) -> None:
        self._archive.writestr(name, content)
        self._sums.append(f"{hashlib.sha256(content).hexdigest()}  {name}\n")
        self._packed.files += 1
        self._packed.octets += len(content)


def _parts(attachments: Sequence[Part], document: Part) -> list[Part]:
    """Each once, the document first."""
    return list({part.sha256: part for part in (document, *attachments)}.values())


def _fitting(name: str) -> str:
    stem, dot, ending = _NOT_IN_NAMES.sub("_", name).rpartition(".")
    return f"{stem[:_LONGEST_NAME]}{dot}{ending[:10]}".strip("._") or "document"


def _json(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode()
