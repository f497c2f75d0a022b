"""Keys that companies claim: an operator vouches for those that no code and no DNS can prove."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import Response

from portal.entering import line
from portal.operating import OperatorSeat, operator_seat
from portal.pages.claims import claim_values
from portal.rendering import page, redirect
from storage.decisions import claims as decisions
from storage.errors import Conflict, NotFound

router = APIRouter(prefix="/operator/claims")

MOST_SHOWN = 200
LONGEST_REASON = 500  # characters
At = Annotated[OperatorSeat, Depends(operator_seat)]
Field = Annotated[str, Form()]


@router.get("")
def claims(request: Request, at: At) -> Response:
    """The list, newest first; each with the company that has the key already, if one has."""
    with at.portal.store.reading() as records:
        live = records.claims.newest(at.portal.now(), MOST_SHOWN)
        owners = records.accounts.owners([one.key for one in live])
        companies = records.accounts.by_ids({one.account_id for one in live} | set(owners.values()))
    shown = [
        claim_values(companies[one.account_id], one)
        | {"owner": companies[owners[one.key]].name if one.key in owners else None}
        for one in live
    ]
    return page(request, at.who, "operator/claims.html", claims=shown, **at.values())


@router.post("/vouch")
def vouch(request: Request, at: At, account: Field = "", key: Field = "") -> Response:
    """The operator has seen proof: the key is the company's from now on."""
    try:
        with at.portal.store.transaction() as records:
            company = records.accounts.get(account)
            claimed = records.claims.get(company.id, key, at.portal.now())
            decisions.prove(records, company, claimed, by=at.actor, actor=at.actor, at=at.portal.now())
    except NotFound:
        return redirect(request, "/operator/claims", notice="decided_meanwhile")
    except Conflict:
        return redirect(request, "/operator/claims", notice="claim_has_owner")
    return redirect(request, "/operator/claims", notice="claim_vouched")


@router.post("/refuse")
def refuse(request: Request, at: At, account: Field = "", key: Field = "", reason: Field = "") -> Response:
    """The operator does not believe it; the company reads why."""
    try:
        with at.portal.store.transaction() as records:
            company = records.accounts.get(account)
            claimed = records.claims.get(company.id, key, at.portal.now())
            said = line(reason)[:LONGEST_REASON]
            decisions.refuse(records, company, claimed, said, actor=at.actor, at=at.portal.now())
    except NotFound:
        return redirect(request, "/operator/claims", notice="decided_meanwhile")
    return redirect(request, "/operator/claims", notice="claim_refused")
