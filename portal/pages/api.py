"""The JSON interface for programs of a company: list, fetch, download and acknowledge its invoices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Path, Query
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import AwareDatetime, BaseModel, Field
from starlette.responses import Response

from portal.sending import attached, stored
from portal.wired import Portal, wired
from storage.errors import NotFound
from storage.filed.inbox import Inbox
from storage.filed.inbox_query import Cursor, InboxOrder, InboxQuery
from storage.people.api_tokens import NOTE_AFTER
from storage.records.history import HistoryEvent, HistoryEventName
from storage.records.invoices import Environment, Invoice
from storage.records.people import ApiToken
from storage.records.validation import ValidationStatus
from storage.transaction import Transaction

router = APIRouter(prefix="/api")
_bearer = HTTPBearer(auto_error=False, description="A token of the company, made on its page in the portal.")
_NO_TOKEN = {"WWW-Authenticate": "Bearer"}
_Answers = dict[int | str, dict[str, Any]]


class Trouble(BaseModel):
    """What is the matter."""

    error: str
    incident: str | None = None


class InvoicePage(BaseModel):
    """Some invoices, oldest receipt first."""

    invoices: list[dict[str, Any]] = Field(description="as `invoices list --json` prints them")
    next: str | None = Field(description="the cursor of what comes after them; null on the last page")


ANSWERS: _Answers = {status: {"model": Trouble} for status in (400, 401, 404, 503)}
_OCTETS: _Answers = {200: {"content": {"application/octet-stream": {}}}}
Id = Annotated[str, Path(pattern="^[0-9a-f-]{36}$", description="the id of an invoice")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program of a company, known by its token."""

    token: ApiToken
    portal: Portal

    @property
    def actor(self) -> str:
        """Who this is, for the history."""
        return f"program {self.token.name}"

    def inbox(self, records: Transaction) -> Inbox:
        """The company's inbox: the only invoices that the program gets to see."""
        return records.inbox(self.token.account_id)

    def event(self, name: HistoryEventName, invoice: Invoice) -> HistoryEvent:
        """What the program did, for the history."""
        return HistoryEvent(
            at=self.portal.now(),
            event=name,
            actor=self.actor,
            detail={},
            mail_id=invoice.mail_id,
            invoice_id=invoice.id,
        )


def program(
    portal: Annotated[Portal, Depends(wired)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Program:
    """Who asks. Answers 401 without a token that is live."""
    if credentials is None:
        raise HTTPException(401, headers=_NO_TOKEN)
    now = portal.now()
    with portal.store.reading() as records:
        token = records.api_tokens.live(credentials.credentials)
    if token is None:
        raise HTTPException(401, headers=_NO_TOKEN)
    if token.last_used_at is None or now - token.last_used_at >= NOTE_AFTER:
        with portal.store.transaction() as records:
            records.api_tokens.used(token.id, now)
    return Program(token=token, portal=portal)


By = Annotated[Program, Depends(program)]


@router.get("/v1/invoices", response_model=InvoicePage, responses=ANSWERS)
def list_invoices(
    by: By,
    cursor: Annotated[str | None, Query(max_length=1000, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    environment: Annotated[Environment | None, Query(description="only these")] = None,
    acknowledged: Annotated[bool | None, Query(description="only those that were, or were not")] = None,
    validation: Annotated[
        ValidationStatus | None, Query(description="only those that validation found to be so")
    ] = None,
    since: Annotated[AwareDatetime | None, Query(description="received then or later")] = None,
) -> dict[str, Any]:
    """Invoices of the company, oldest receipt first.

    A program that asks for `acknowledged=false` and acknowledges what it has stored misses none, also none that was
    filed late.
    """
    at = Cursor.read(cursor, InboxOrder.RECEIVED) if cursor else None
    if (cursor and at is None) or (since is not None and not _storable(since)):
        raise HTTPException(400)
    query = InboxQuery(
        environment=environment,
        acknowledged=acknowledged,
        validation=validation,
        received_from=since,
        descending=False,
        at=at,
        size=limit,
    )
    with by.portal.store.reading() as records:
        own = by.inbox(records)
        page = own.page(query)
        invoices = [own.invoice(entry.invoice_id) for entry in page.entries]
        forms = by.portal.invoice_forms(records, invoices)
    return {"invoices": forms, "next": page.next.written() if page.next else None}


@router.get("/v1/invoices/{invoice_id}", responses=ANSWERS)
def get_invoice(by: By, invoice_id: Id) -> dict[str, Any]:
    """One invoice, as `invoices show --json` prints it."""
    with by.portal.store.reading() as records:
        found = by.inbox(records).invoice(invoice_id)
        [form] = by.portal.invoice_forms(records, [found])
    return form


@router.get("/v1/invoices/{invoice_id}/document", response_class=Response, responses=ANSWERS | _OCTETS)
def get_document(by: By, invoice_id: Id) -> Response:
    """The leading document, octet for octet."""
    with by.portal.store.reading() as records:
        found = by.inbox(records).invoice(invoice_id)
        octets = records.mails.octets(found.mail_id) if found.reading else b""
    content = None
    if found.reading is not None:
        try:
            content = by.portal.documents.extract(octets, found.reading.document.sha256)
        except RuntimeError:
            content = None
    if found.reading is None or content is None:
        raise NotFound(f"invoice {invoice_id} has no document")
    _note_download(by, found)
    return attached(stored([content]), found.reading.document.name, "application/octet-stream")


@router.get("/v1/invoices/{invoice_id}/original", response_class=Response, responses=ANSWERS | _OCTETS)
def get_original(by: By, invoice_id: Id) -> Response:
    """The mail as it came in, below the Received field that we put on top."""
    with by.portal.store.reading() as records:
        found = by.inbox(records).invoice(invoice_id)
        if found.reading is None:
            raise NotFound(f"the content of invoice {invoice_id} was deleted")
        pieces = stored(_whole_mail(records, found.mail_id))
    _note_download(by, found)
    return attached(pieces, f"{found.mail_id}.eml", "application/octet-stream")


@router.post(
    "/v1/invoices/{invoice_id}/acknowledge", status_code=204, response_class=Response, responses=ANSWERS
)
def acknowledge(by: By, invoice_id: Id) -> Response:
    """Says that the program has the invoice; repeating it changes nothing."""
    with by.portal.store.transaction() as records:
        by.inbox(records).acknowledge(invoice_id, by.portal.now())
    return Response(status_code=204)


def _note_download(by: Program, found: Invoice) -> None:
    with by.portal.store.transaction() as records:
        records.history.add([by.event(HistoryEventName.DOWNLOADED, found)])


def _whole_mail(records: Transaction, mail_id: str) -> Iterator[bytes]:
    yield records.mails.trace(mail_id)
    yield from records.mails.chunks(mail_id)


def _storable(instant: datetime) -> bool:
    """Whether the instant can be written in UTC, with a day to spare on both ends of the calendar."""
    try:
        return bool(instant - timedelta(days=1)) and bool(instant + timedelta(days=1))
    except OverflowError:
        return False
