"""Mails that could not be filed: an operator looks why, and decides what becomes of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from starlette.responses import Response

from portal.entering import line
from portal.history_sentences import told
from portal.operating import OperatorSeat, operator_seat
from portal.rendering import page, redirect
from reading.sandbox import ReadingFailed
from storage.decisions import quarantine as decisions
from storage.errors import NotFound
from storage.filed.desk import PAGE_SIZE
from storage.records.history import HistoryEvent, HistoryEventName
from storage.records.mails import MailState, ReceivedMail
from storage.records.reading import Party
from storage.transaction import Transaction

router = APIRouter(prefix="/operator/quarantine")

LONGEST_REASON = 500  # characters
LONGEST_SEARCH = 200
MOST_AT_ONCE = 500  # ids in a form; a page has fewer
At = Annotated[OperatorSeat, Depends(operator_seat)]
Field = Annotated[str, Form()]
Ids = Annotated[list[str], Form(max_length=MOST_AT_ONCE)]


@router.get("")
def quarantine(request: Request, at: At, q: str = "", before: str | None = None) -> Response:
    """The list, newest first."""
    asked = line(q)[:LONGEST_SEARCH]
    with at.portal.store.reading() as records:
        mails = records.desk.quarantine(asked, before, PAGE_SIZE + 1)
        count = records.mails.quarantined()
    shown = mails[:PAGE_SIZE]
    return page(
        request,
        at.who,
        "operator/quarantine.html",
        mails=shown,
        asked=asked,
        count=count,
        first=before is None,
        next=shown[-1].id if len(mails) > PAGE_SIZE else None,
        **at.values(),
    )


@router.post("/chosen")
def decide_several(
    request: Request,
    at: At,
    action: Field,
    ids: Ids = [],  # noqa: B006  -- FastAPI copies it
    reason: Field = "",
) -> Response:
    """Retries or discards those that are chosen; those that somebody else decided meanwhile stay as they are."""
    if action not in ("retry", "discard"):
        raise HTTPException(400)
    for mail_id in dict.fromkeys(ids):
        decide = _discarding(at, reason) if action == "discard" else _retrying(at)
        _decided(at, mail_id, decide)
    done = "discarded" if action == "discard" else "retried"
    return redirect(request, "/operator/quarantine", notice=done if ids else "nothing_chosen")


@router.get("/{mail_id}")
def show(request: Request, mail_id: str, at: At, account: str = "", read: bool = False) -> Response:
    """One mail: why it is here, who sent it to whom, and on request whom its documents name.

    `account` looks for the company that it is to be filed under.
    """
    asked = line(account)[:LONGEST_SEARCH]
    with at.portal.store.reading() as records:
        mail, events = _set_aside(records, mail_id)
        found = records.desk.accounts(asked)
        invoices = records.invoices.of_mails([mail_id])
        owners = records.accounts.by_ids({invoice.account_id for invoice in invoices})
    named: list[tuple[Party, Party]] | None = None
    failed = None
    if read and mail.state is MailState.QUARANTINED:
        named, failed, events = _named(at, mail)
    return page(
        request,
        at.who,
        "operator/mail.html",
        mail=mail,
        waits=mail.state is MailState.QUARANTINED,
        told=told(reversed(events), at.who.language, names_operators=True),
        asked=asked,
        found=found,
        owners=sorted(owner.name for owner in owners.values()),
        named=named,
        failed=failed,
        **at.values(),
    )


@router.post("/{mail_id}/retry")
def retry(request: Request, mail_id: str, at: At) -> Response:
    """Has it read and filed again."""
    return _after(request, at, mail_id, _retrying(at), "retried")


@router.post("/{mail_id}/assign")
def assign(request: Request, mail_id: str, at: At, account: Field = "", remember: Field = "") -> Response:
    """Has it filed under the company that was chosen; `remember`: its seller's later invoices, too."""
    if not account:
        return redirect(request, f"/operator/quarantine/{mail_id}", notice="nothing_chosen")

    def decide(records: Transaction, mail_id: str) -> None:
        owner = records.accounts.get(account)
        decisions.assign(
            records, mail_id, owner.id, remember=bool(remember), actor=at.actor, at=at.portal.now()
        )

    return _after(request, at, mail_id, decide, "assigned")


@router.post("/{mail_id}/discard")
def discard(request: Request, mail_id: str, at: At, reason: Field = "") -> Response:
    """Gives it up; it stays until it expires."""
    return _after(request, at, mail_id, _discarding(at, reason), "discarded")


Decide = Callable[[Transaction, str], None]


def _retrying(at: OperatorSeat) -> Decide:
    def decide(records: Transaction, mail_id: str) -> None:
        decisions.retry(records, mail_id, actor=at.actor, at=at.portal.now())

    return decide


def _discarding(at: OperatorSeat, reason: str) -> Decide:
    said = line(reason)[:LONGEST_REASON] or "discarded by the operator"

    def decide(records: Transaction, mail_id: str) -> None:
        decisions.discard(records, mail_id, reason=said, actor=at.actor, at=at.portal.now())

    return decide


def _decided(at: OperatorSeat, mail_id: str, decide: Decide) -> bool:
    """False for a mail that is not in quarantine (any more)."""
    try:
        with at.portal.store.transaction() as records:
            decide(records, mail_id)
    except NotFound:
        return False
    return True


def _after(request: Request, at: OperatorSeat, mail_id: str, decide: Decide, notice: str) -> Response:
    with at.portal.store.reading() as records:
        _set_aside(records, mail_id)
    done = _decided(at, mail_id, decide)
    return redirect(
        request, f"/operator/quarantine/{mail_id}", notice=notice if done else "decided_meanwhile"
    )


def _set_aside(records: Transaction, mail_id: str) -> tuple[ReceivedMail, list[HistoryEvent]]:
    """A mail that is or was in quarantine, with its history; all others are no business of an operator's.

    Raises NotFound.
    """
    mail = records.mails.get(mail_id)
    events = [event for event in records.history.of_mail(mail_id) if event.invoice_id is None]
    if HistoryEventName.QUARANTINED not in {event.event for event in events}:
        raise NotFound(f"mail {mail_id} was never in quarantine")
    return mail, events


def _named(
    at: OperatorSeat, mail: ReceivedMail
) -> tuple[list[tuple[Party, Party]], str | None, list[HistoryEvent]]:
    """Seller and buyer of each invoice in a mail, or why it cannot be read; that an operator looked is on record."""
    with at.portal.store.transaction() as records:
        octets = records.mails.octets(mail.id)
        _, events = _set_aside(records, mail.id)
        looked = {one.actor for one in events if one.event is HistoryEventName.VIEWED}
        if at.actor not in looked:  # who looks ten times is on record once
            about: dict[str, Any] = {"detail": {}, "mail_id": mail.id, "invoice_id": None}
            event = HistoryEvent(at=at.portal.now(), event=HistoryEventName.VIEWED, actor=at.actor, **about)
            records.history.add([event])
            events.append(event)
    reading = at.portal.documents.read(octets)
    if isinstance(reading, ReadingFailed):
        return [], reading.reason, events
    return [(one.terms.seller, one.terms.buyer) for one in reading.invoices], None, events
