"""Two pairs of eyes: people of a company let an invoice go that is held for its warnings, or stop it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import Response

from portal.entering import line
from portal.rendering import redirect
from portal.seats import Seat, seat
from storage.decisions import second_looks as decisions
from storage.errors import Conflict
from storage.filed.second_looks import PEOPLE
from storage.records.companies import SecondLook
from storage.records.history import HistoryEvent, HistoryEventName
from storage.records.invoices import Invoice
from storage.records.people import MembershipState
from storage.transaction import Transaction

router = APIRouter(prefix="/companies/{account_id}/invoices/{invoice_id}")

LONGEST_REASON = 500  # characters
At = Annotated[Seat, Depends(seat)]


@router.post("/approve")
def approve(request: Request, invoice_id: str, at: At) -> Response:
    """This person finds it right; the second one to do so lets it go."""

    def decide(records: Transaction, invoice: Invoice) -> str:
        done = decisions.approve(records, invoice, at.user, actor=at.actor, at=at.portal.now())
        return "look_released" if done else "look_approved"

    return _after(request, at, invoice_id, decide)


@router.post("/reject")
def reject(request: Request, invoice_id: str, at: At, reason: Annotated[str, Form()] = "") -> Response:
    """This person finds it wrong, which stops it."""

    def decide(records: Transaction, invoice: Invoice) -> str:
        said = line(reason)[:LONGEST_REASON]
        decisions.reject(records, invoice, said, actor=at.actor, at=at.portal.now())
        return "look_rejected"

    return _after(request, at, invoice_id, decide)


@router.post("/reopen")
def reopen(request: Request, invoice_id: str, at: At) -> Response:
    """It was stopped by mistake: two people look at it anew."""

    def decide(records: Transaction, invoice: Invoice) -> str:
        decisions.reopen(records, invoice, actor=at.actor, at=at.portal.now())
        return "look_reopened"

    return _after(request, at, invoice_id, decide)


def look_values(
    records: Transaction, at: Seat, invoice: Invoice, events: Iterable[HistoryEvent]
) -> dict[str, Any]:
    """What the page of an invoice tells of it: where it stands, who said what, and whether there are two people."""
    look = records.second_looks.of([invoice.id]).get(invoice.id)
    if look not in (SecondLook.WAITING, SecondLook.REJECTED):
        return {"look": None}
    approval = records.second_looks.approval(invoice.id)
    people = [
        one for one in records.memberships.of_account(at.company.id) if one.state is MembershipState.ACTIVE
    ]
    belonging = {one.user_id for one in people}
    first = None
    if approval is not None and approval.by in belonging:
        first = records.users.get(approval.by)
    rejected = [one for one in events if one.event is HistoryEventName.REJECTED][-1:]
    return {
        "look": str(look),
        "first": first,
        "first_at": approval.at if approval else None,
        "alone": len(belonging) < PEOPLE,
        "rejected": rejected[0] if rejected else None,
    }


def _after(
    request: Request, at: Seat, invoice_id: str, decide: Callable[[Transaction, Invoice], str]
) -> Response:
    try:
        with at.portal.store.transaction() as records:
            notice = decide(records, at.inbox(records).invoice(invoice_id))
    except Conflict:
        notice = "look_meanwhile"
    return redirect(request, at.path(f"/invoices/{invoice_id}"), notice=notice)
