"""Invoices that only an operator can let go: what they are warned about, and nothing else of them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import Response

from portal.operating import OperatorSeat, operator_seat
from portal.rendering import page, redirect
from storage.decisions import second_looks as decisions
from storage.errors import NotFound
from storage.filed.warning_wording import told
from storage.records.companies import SecondLook
from storage.transaction import Transaction

router = APIRouter(prefix="/operator/withheld")

MOST_SHOWN = 100
At = Annotated[OperatorSeat, Depends(operator_seat)]


@router.get("")
def withheld(request: Request, at: At) -> Response:
    """The list, oldest first."""
    with at.portal.store.reading() as records:
        ids = records.second_looks.stuck(MOST_SHOWN)
        invoices = [records.invoices.get(invoice_id) for invoice_id in ids]
        companies = records.accounts.by_ids({one.account_id for one in invoices})
        mails = records.mails.by_ids({one.mail_id for one in invoices})
        warnings = records.warnings.of(ids)
        looks = records.second_looks.of(ids)
    shown = [
        {
            "id": one.id,
            "received_at": one.received_at,
            "company": companies[one.account_id].name,
            "mail": mails[one.mail_id],
            "warnings": [told(warning, at.who.language) for warning in warnings.get(one.id, [])],
            "unseen": looks.get(one.id) is SecondLook.WITHHELD,
        }
        for one in invoices
    ]
    return page(request, at.who, "operator/withheld.html", shown=shown, **at.values())


@router.post("/release")
def release(request: Request, at: At, invoice: Annotated[str, Form()] = "") -> Response:
    """Lets one go, as `invoices release` does; of others than those of the list there is nothing to decide here."""
    try:
        with at.portal.store.transaction() as records:
            _expect_stuck(records, invoice)
            decisions.release(records, invoice, actor=at.actor, at=at.portal.now())
    except NotFound:
        return redirect(request, "/operator/withheld", notice="decided_meanwhile")
    return redirect(request, "/operator/withheld", notice="invoice_released")


def _expect_stuck(records: Transaction, invoice_id: str) -> None:
    if invoice_id not in records.second_looks.stuck(MOST_SHOWN):
        raise NotFound(f"the invoice {invoice_id} does not wait for an operator")
