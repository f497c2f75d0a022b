"""Mails of ours that wait for an operator: those that are held, and those that nobody took."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import Response

from portal.operating import OperatorSeat, operator_seat
from portal.rendering import page, redirect
from storage.decisions import outgoing as decisions
from storage.errors import NotFound
from storage.records.outgoing import OutboundState

router = APIRouter(prefix="/operator/outgoing")

MOST_SHOWN = 200
MOST_AT_ONCE = 500  # ids in a form; a page has fewer
At = Annotated[OperatorSeat, Depends(operator_seat)]
Ids = Annotated[list[str], Form(max_length=MOST_AT_ONCE)]


@router.get("")
def outgoing(request: Request, at: At) -> Response:
    """What is held and what failed, newest first."""
    with at.portal.store.reading() as records:
        held = records.outbox.select(OutboundState.HELD, MOST_SHOWN)
        failed = records.outbox.select(OutboundState.FAILED, MOST_SHOWN)
        companies = records.accounts.by_ids({mail.account_id for mail in held + failed if mail.account_id})
    return page(
        request,
        at.who,
        "operator/outgoing.html",
        held=held,
        failed=failed,
        companies=companies,
        most=MOST_SHOWN,
        **at.values(),
    )


@router.post("/release")
def release(
    request: Request,
    at: At,
    ids: Ids = [],  # noqa: B006  -- FastAPI copies it
) -> Response:
    """Lets the chosen mails go; all of them, or none when one went meanwhile."""
    wanted = list(dict.fromkeys(ids))
    try:
        with at.portal.store.transaction() as records:
            decisions.release(records, wanted, actor=at.actor, at=at.portal.now())
    except NotFound:
        return redirect(request, "/operator/outgoing", notice="decided_meanwhile")
    return redirect(request, "/operator/outgoing", notice="mails_released" if wanted else "nothing_chosen")


@router.post("/retry")
def retry(request: Request, at: At, mail: Annotated[str, Form()] = "") -> Response:
    """Tries a failed mail again."""
    try:
        with at.portal.store.transaction() as records:
            decisions.retry(records, mail, actor=at.actor, at=at.portal.now())
    except NotFound:
        return redirect(request, "/operator/outgoing", notice="decided_meanwhile")
    return redirect(request, "/operator/outgoing", notice="mails_released")
