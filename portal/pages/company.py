"""The page of a company: how its invoices find it, who sends them, and the programs that may fetch them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import Response

from portal.entering import line
from portal.rendering import page, redirect
from portal.seats import Seat, administrator_seat, seat
from storage.decisions import companies as decisions
from storage.records.companies import WarningPolicy
from storage.records.people import token_maker

router = APIRouter(prefix="/companies/{account_id}")

MOST_TOKENS = 50
MOST_NAME_CHARACTERS = 100


@router.get("/company")
def company(request: Request, at: Annotated[Seat, Depends(seat)]) -> Response:
    """Everything that the company is known by."""
    return _company_page(request, at)


@router.post("/policy")
def set_policy(
    request: Request,
    at: Annotated[Seat, Depends(administrator_seat)],
    policy: Annotated[WarningPolicy, Form()],
) -> Response:
    """What warnings about senders do to new invoices."""
    with at.portal.store.transaction() as records:
        decisions.set_warning_policy(records, at.company.id, policy, actor=at.actor, at=at.portal.now())
    return redirect(request, at.path("/company"), notice="policy_saved")


@router.post("/tokens")
def issue_token(
    request: Request, at: Annotated[Seat, Depends(administrator_seat)], name: Annotated[str, Form()] = ""
) -> Response:
    """Makes a token for a program. Its secret is shown on this one page and never again."""
    wanted = line(name)[:MOST_NAME_CHARACTERS]
    if not wanted:
        return _company_page(request, at, fault="company.token_needs_name", status=400)
    with at.portal.store.transaction() as records:
        if len(records.api_tokens.of_account(at.company.id)) >= MOST_TOKENS:
            return redirect(request, at.path("/company"), notice="too_many_tokens")
        _, secret = records.api_tokens.issue(at.company.id, wanted, at=at.portal.now(), by=at.user.id)
    return _company_page(request, at, secret=secret)


@router.post("/tokens/{token_id}/revoke")
def revoke_token(
    request: Request, token_id: str, at: Annotated[Seat, Depends(administrator_seat)]
) -> Response:
    """Ends a token at once, with the webhooks that were made with it: else they would outlive a stolen one."""
    with at.portal.store.transaction() as records:
        records.api_tokens.revoke(at.company.id, token_id, at.portal.now())
        records.webhooks.remove_made_by(at.company.id, token_maker(token_id))
    return redirect(request, at.path("/company"), notice="token_revoked")


def _company_page(
    request: Request, at: Seat, *, secret: str | None = None, fault: str | None = None, status: int = 200
) -> Response:
    with at.portal.store.reading() as records:
        tokens = records.api_tokens.of_account(at.company.id)
        makers = records.users.by_ids({token.created_by for token in tokens})
        partners = at.inbox(records).partners()
    return page(
        request,
        at.who,
        "company.html",
        status=status,
        tokens=tokens,
        makers=makers,
        partners=partners,
        secret=secret,
        fault=fault,
        policies=[str(one) for one in WarningPolicy],
        api_address=f"{at.portal.base_url}/api/v1",
        **at.values(),
    )
