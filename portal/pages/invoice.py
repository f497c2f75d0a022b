"""The page of one invoice, its files, and what people note about it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from starlette.responses import Response

from portal.history_sentences import told
from portal.pages.second_look import look_values
from portal.rendering import page, redirect
from portal.seats import Seat, seat
from portal.sending import attached, shown_pdf, shown_readable, stored
from portal.warning_texts import warning_text
from storage.errors import NotFound
from storage.filed.warning_wording import told as warning_told
from storage.records.history import HistoryEventName
from storage.records.invoices import Invoice
from storage.records.reading import Part, PartRole
from storage.transaction import Transaction

router = APIRouter(prefix="/companies/{account_id}/invoices/{invoice_id}")

VIEWED_AGAIN_AFTER = timedelta(days=1)  # a person who looks ten times a day is on record once
MOST_NOTE_CHARACTERS = 2000
PDF = "application/pdf"
SHOWN_ROLES = (PartRole.INVOICE, PartRole.REPRESENTATION)
At = Annotated[Seat, Depends(seat)]


@router.get("")
def invoice(request: Request, invoice_id: str, at: At) -> Response:
    """Everything known about an invoice."""
    now = at.portal.now()
    with at.portal.store.reading() as records:
        own = at.inbox(records)
        found = own.invoice(invoice_id)
        handling = own.handling(invoice_id)
        mail = records.mails.get(found.mail_id)
        events = records.history.of_invoice(invoice_id, found.mail_id)
        last_seen = own.last_seen(invoice_id, at.user.id)
        look = look_values(records, at, found, events)
        sender_warnings = records.warnings.of([invoice_id]).get(invoice_id, [])
        done_by = records.users.by_ids([handling.done_by] if handling.done_by else []).values()
    if found.reading is not None and (last_seen is None or now - last_seen >= VIEWED_AGAIN_AFTER):
        with at.portal.store.transaction() as records:
            at.inbox(records).set_read([invoice_id], at.user.id, now)
            records.history.add([at.event(HistoryEventName.VIEWED, found, now)])
            events = records.history.of_invoice(invoice_id, found.mail_id)
    return page(
        request,
        at.who,
        "invoice.html",
        invoice=found,
        handling=handling,
        done_by=next(iter(done_by), None),
        mail=mail,
        told=told(reversed(events), at.who.language),
        pdf=_pdf_of(found),
        readable=found.reading is not None and found.reading.terms.structured,
        warning_text=lambda warning: warning_text(warning, at.who.language),
        sender_warnings=[warning_told(one, at.who.language) for one in sender_warnings],
        rules_text=lambda sets: ", ".join(f"{one.name} {one.version}" for one in sets),
        senders_text=lambda boxes: ", ".join(f"{box.name} <{box.address}>".strip() for box in boxes),
        **look,
        **at.values(),
    )


@router.get("/document")
def document(invoice_id: str, at: At) -> Response:
    """The leading document, as a file."""
    found = _available(at, invoice_id)
    return _part(at, found, found.reading.document) if found.reading else _gone()


@router.get("/parts/{sha256}")
def attachment(invoice_id: str, sha256: str, at: At) -> Response:
    """Another part of the mail that belongs to the invoice, as a file."""
    found = _available(at, invoice_id)
    for part in found.reading.attachments if found.reading else ():
        if part.sha256 == sha256:
            return _part(at, found, part)
    raise NotFound(f"invoice {invoice_id} has no part {sha256}")


@router.get("/original")
def original(invoice_id: str, at: At) -> Response:
    """The mail as it came in, octet for octet below our Received field."""
    found = _available(at, invoice_id)
    with at.portal.store.transaction() as records:
        pieces = stored(_whole_mail(records, found.mail_id))
        records.history.add([at.event(HistoryEventName.DOWNLOADED, found, at.portal.now())])
    return attached(pieces, f"{found.invoice_number or found.mail_id}.eml", "message/rfc822")


@router.get("/pdf")
def pdf(invoice_id: str, at: At) -> Response:
    """The PDF of an invoice, for the frame beside its facts."""
    found = _available(at, invoice_id)
    part = _pdf_of(found)
    octets = _extracted(at, found, part) if part else b""
    # What only claims to be a PDF is not shown but can be downloaded.
    if not octets[:1024].lstrip().startswith(b"%PDF-"):
        raise NotFound(f"invoice {invoice_id} has no PDF")
    return shown_pdf(octets)


@router.get("/readable")
def readable(invoice_id: str, at: At) -> Response:
    """What an invoice for machines says, for the frame beside its facts; what counts is the document itself."""
    found = _available(at, invoice_id)
    if found.reading is None or not found.reading.terms.structured:
        raise NotFound(f"invoice {invoice_id} has no readable form")
    with at.portal.store.reading() as records:
        octets = records.mails.octets(found.mail_id)
    document = found.reading.document
    try:
        html = at.portal.documents.render(octets, document.sha256, at.who.language, found.invoice_number)
    except RuntimeError as error:
        raise NotFound(f'"{document.name}" cannot be shown: {error}') from error
    if html is None:
        raise NotFound(f'"{document.name}" has no readable form')
    return shown_readable(html)


@router.post("/done")
def done(request: Request, invoice_id: str, at: At, done: Annotated[bool, Form()]) -> Response:
    """Marks an invoice as done, or as open again."""
    with at.portal.store.transaction() as records:
        at.inbox(records).set_done([invoice_id], at=at.portal.now() if done else None, by=at.user.id)
    return redirect(
        request, at.path(f"/invoices/{invoice_id}"), notice="marked_done" if done else "marked_open"
    )


@router.post("/unread")
def unread(request: Request, invoice_id: str, at: At) -> Response:
    """Marks an invoice as unread by this person, and goes back to the list."""
    with at.portal.store.transaction() as records:
        at.inbox(records).set_unread([invoice_id], at.user.id)
    return redirect(request, at.path("/invoices"), notice="marked_unread")


@router.post("/note")
def note(request: Request, invoice_id: str, at: At, note: Annotated[str, Form()] = "") -> Response:
    """What the company's people have to know about an invoice."""
    text = note.replace("\0", "").replace("\r\n", "\n").strip()
    if len(text) > MOST_NOTE_CHARACTERS:
        raise HTTPException(400)
    with at.portal.store.transaction() as records:
        own = at.inbox(records)
        if own.invoice(invoice_id).reading is None:
            raise NotFound(f"the content of invoice {invoice_id} was deleted")
        own.set_note(invoice_id, text or None)
    return redirect(request, at.path(f"/invoices/{invoice_id}"), notice="note_kept")


def _available(at: Seat, invoice_id: str) -> Invoice:
    with at.portal.store.reading() as records:
        found = at.inbox(records).invoice(invoice_id)
    if found.reading is None:
        _gone()
    return found


def _gone() -> Response:
    raise NotFound("the content of this invoice was deleted")


def _part(at: Seat, found: Invoice, part: Part) -> Response:
    octets = _extracted(at, found, part)
    with at.portal.store.transaction() as records:
        records.history.add([at.event(HistoryEventName.DOWNLOADED, found, at.portal.now())])
    return attached(stored([octets]), part.name, "application/octet-stream")


def _extracted(at: Seat, found: Invoice, part: Part) -> bytes:
    with at.portal.store.reading() as records:
        octets = records.mails.octets(found.mail_id)
    try:
        content = at.portal.documents.extract(octets, part.sha256)
    except RuntimeError as error:
        raise NotFound(f'"{part.name}" cannot be taken out of the mail: {error}') from error
    if content is None:
        raise NotFound(f'the mail holds no part "{part.name}"')
    return content


def _whole_mail(records: Transaction, mail_id: str) -> Iterable[bytes]:
    yield records.mails.trace(mail_id)
    yield from records.mails.chunks(mail_id)


def _pdf_of(found: Invoice) -> Part | None:
    """The document if it is a PDF, else its first readable twin; a PDF that shows something else is an attachment."""
    parts = found.reading.attachments if found.reading else ()
    of_pdf = [part for part in parts if part.media_type == PDF and part.role in SHOWN_ROLES]
    return min(of_pdf, key=lambda part: SHOWN_ROLES.index(part.role), default=None)
