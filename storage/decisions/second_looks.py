"""Invoices that are held for their warnings: two people of the company, or an operator, let them go."""

from __future__ import annotations

from datetime import datetime

from storage.errors import Conflict, NotFound
from storage.records.companies import SecondLook
from storage.records.history import HistoryEvent, HistoryEventName
from storage.records.invoices import Invoice
from storage.records.people import MembershipState, User
from storage.transaction import Transaction


def release(records: Transaction, invoice_id: str, *, actor: str, at: datetime) -> Invoice:
    """An operator has looked, and lets it go. Raises NotFound for an invoice that is not held."""
    invoice = records.invoices.get(invoice_id)
    look = records.second_looks.of([invoice_id]).get(invoice_id)
    if look not in (SecondLook.WAITING, SecondLook.WITHHELD):
        raise NotFound(f"the invoice {invoice_id} is not held for any warning")
    _let_go(records, invoice, actor, at)
    return invoice


def approve(records: Transaction, invoice: Invoice, user: User, *, actor: str, at: datetime) -> bool:
    """A person of its company finds it right; True when that was the second one, and the invoice goes.

    What somebody said who has left the company since does not count. Raises Conflict for an invoice that waits for
    nobody, and for the same person once more.
    """
    _expect(records, invoice, SecondLook.WAITING)
    first = records.second_looks.approval(invoice.id)
    if first is not None and not _belongs(records, invoice, first.by):
        records.second_looks.forget_approval(invoice.id)
        first = None
    if first is None:
        records.second_looks.approve(invoice.id, user.id, at)
        records.history.add([_event(HistoryEventName.APPROVED, invoice, actor, at)])
        return False
    if first.by == user.id:
        raise Conflict("a second person has to look at it, too")
    _let_go(records, invoice, actor, at)
    return True


def reject(records: Transaction, invoice: Invoice, reason: str, *, actor: str, at: datetime) -> None:
    """A person of its company finds it wrong; one is enough. Raises Conflict unless it waits."""
    _expect(records, invoice, SecondLook.WAITING)
    records.second_looks.put(invoice, SecondLook.REJECTED)
    records.second_looks.forget_approval(invoice.id)
    detail = {"reason": reason} if reason else {}
    records.history.add([_event(HistoryEventName.REJECTED, invoice, actor, at, detail)])


def reopen(records: Transaction, invoice: Invoice, *, actor: str, at: datetime) -> None:
    """It waits again, for two people anew. Raises Conflict unless it was rejected."""
    _expect(records, invoice, SecondLook.REJECTED)
    records.second_looks.put(invoice, SecondLook.WAITING)
    records.history.add([_event(HistoryEventName.REOPENED, invoice, actor, at)])


def _let_go(records: Transaction, invoice: Invoice, actor: str, at: datetime) -> None:
    records.second_looks.put(invoice, SecondLook.RELEASED)
    records.second_looks.forget_approval(invoice.id)
    records.second_looks.release_notices([invoice], at)
    records.history.add([_event(HistoryEventName.RELEASED, invoice, actor, at)])


def _expect(records: Transaction, invoice: Invoice, look: SecondLook) -> None:
    records.memberships.hold_still(
        invoice.account_id
    )  # two at once would both be the first, or both the second
    if records.second_looks.of([invoice.id]).get(invoice.id) is not look:
        raise Conflict(f"the invoice {invoice.id} is not {look} any more")


def _belongs(records: Transaction, invoice: Invoice, user_id: str) -> bool:
    known = records.memberships.find(invoice.account_id, user_id)
    return known is not None and known.state is MembershipState.ACTIVE


def _event(
    name: HistoryEventName, invoice: Invoice, actor: str, at: datetime, detail: dict[str, str] | None = None
) -> HistoryEvent:
    return HistoryEvent(
        at=at,
        event=name,
        actor=actor,
        detail=detail or {},
        mail_id=invoice.mail_id,
        invoice_id=invoice.id,
    )
