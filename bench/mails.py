"""Makes invoice mails of the sizes that companies send, each with an invoice of its own."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path

from fixtures.making.cii import EN_16931
from fixtures.making.letters import invoice_mail
from fixtures.making.mime import Entity, file
from fixtures.making.orders import invoice
from fixtures.making.readable import hybrid_pdf, plain_pdf
from fixtures.making.trade import Company, Invoice, Line
from fixtures.making.ubl import ubl

HYBRID_OCTETS = 170 * 1024
PLAIN_PDF_OCTETS = 60 * 1024
XML_LINES = 20  # makes some 15 KB of UBL
UNKNOWN_COMPANIES = 20  # recipients that the mailbox meets for the first time in the run

_ISSUED = date(2026, 11, 2)
_LINES = tuple(
    Line(f"Versandkarton, Größe {size}, einwellig, braun", str(10 + size), "C62", f"{size}.89")
    for size in range(1, XML_LINES + 1)
)


class Kind(StrEnum):
    """What the invoice of a mail is."""

    HYBRID = "hybrid PDF"
    XML = "XML"
    PLAIN = "plain PDF"


_TURN = (Kind.HYBRID, Kind.XML, Kind.PLAIN, Kind.XML, Kind.HYBRID)


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchMail:
    """A mail, its envelope, and the number by which its invoice is found again."""

    kind: Kind
    invoice_number: str  # BT-1
    reverse_path: str
    forward_path: str
    octets: bytes


def kind_of(index: int) -> Kind:
    """Of five mails two are hybrid PDFs, two are XML and one is a PDF for people only."""
    return _TURN[index % len(_TURN)]


def invoice_number(index: int) -> str:
    """BT-1 of the mail with this index."""
    return f"LN-2026-{index:06}"


def buyer(index: int) -> Company:
    """Seven of ten mails go to companies registered by fixtures/accounts.toml, three to unknown ones."""
    turn = index % 10
    if turn < 4:
        return _company("Musterwerk Süd GmbH & Co. KG", "invoices@musterwerk.example")
    if turn < 7:
        return _company("Papierhaus Ölmann KG", "rechnung@papierhaus.example")
    number = index // 10 % UNKNOWN_COMPANIES
    return _company(f"Kunde {number} GmbH", f"einkauf@kunde-{number}.example")


def bench_mail(index: int) -> BenchMail:
    """The mail with this index, always the same octets."""
    kind = kind_of(index)
    if kind is Kind.XML:
        sold = invoice(invoice_number(index), _ISSUED, buyer=buyer(index), lines=_LINES)
    else:
        sold = invoice(invoice_number(index), _ISSUED, buyer=buyer(index))
    return BenchMail(
        kind=kind,
        invoice_number=sold.number,
        reverse_path=sold.seller.email,
        forward_path=sold.buyer.email,
        octets=invoice_mail(f"bench-{index:06}", sold, _document(kind, sold, index)),
    )


def write_mails(folder: Path, indexes: Iterable[int]) -> int:
    """Writes mails as files named by their index, for the sender; octets in all."""
    folder.mkdir(parents=True, exist_ok=True)
    return sum(mail_file(folder, index).write_bytes(bench_mail(index).octets) for index in indexes)


def mail_file(folder: Path, index: int) -> Path:
    """Where write_mails puts the mail with this index."""
    return folder / f"{index:06}.eml"


def _company(name: str, email: str) -> Company:
    return Company(name=name, street="Lange Reihe 5", postcode="28195", city="Bremen", email=email)


def _document(kind: Kind, sold: Invoice, index: int) -> Entity:
    if kind is Kind.XML:
        return file(f"{sold.number}.xml", "application/xml", ubl(sold))
    octets, size = (
        (hybrid_pdf(sold, EN_16931), HYBRID_OCTETS)
        if kind is Kind.HYBRID
        else (plain_pdf(sold), PLAIN_PDF_OCTETS)
    )
    return file(f"{sold.number}.pdf", "application/pdf", _with_picture(octets, size, index))


def _with_picture(pdf: bytes, size: int, seed: int) -> bytes:
    """The PDF brought to some `size` by a stream that does not compress, as fonts and logos do.

    Added as an incremental update (ISO 32000-2 7.5.6), so that the octets before it stay as they are.
    """
    body, _, ending = pdf.rpartition(b"startxref\n")
    previous = int(ending.split()[0])
    count = int(body.rpartition(b"/Size ")[2].split(b"/")[0])
    content = random.Random(seed).randbytes(max(0, size - len(pdf)))
    added = b"%d 0 obj\n<</Length %d>>\nstream\n" % (count, len(content)) + content
    added += b"\nendstream\nendobj\n"
    start = len(pdf) + len(added)
    added += b"xref\n0 1\n0000000000 65535 f \n%d 1\n%010d 00000 n \n" % (count, len(pdf))
    added += b"trailer\n<</Size %d/Root 1 0 R/Info 7 0 R/Prev %d>>\n" % (count + 1, previous)
    return pdf + added + b"startxref\n%d\n%%%%EOF\n" % start
