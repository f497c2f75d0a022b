"""Leaving a company: a person does so alone, after one more question."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from portal.rendering import page, redirect
from portal.seats import Seat, seat
from storage.decisions import companies as decisions
from storage.errors import Conflict

router = APIRouter(prefix="/companies/{account_id}/leave")

At = Annotated[Seat, Depends(seat)]


@router.get("")
def ask(request: Request, at: At) -> Response:
    """What leaving means, and whether it can be."""
    return _page(request, at)


@router.post("")
def leave(request: Request, at: At) -> Response:
    """Leaves; the company's pages are shut from the next click on."""
    try:
        with at.portal.store.transaction() as records:
            decisions.leave(records, at.company, at.user, actor=at.actor, at=at.portal.now())
    except Conflict:
        return _page(request, at, status=409)
    return redirect(request, "/", notice="left")


def _page(request: Request, at: Seat, *, status: int = 200) -> Response:
    with at.portal.store.reading() as records:
        others = len(records.memberships.active([at.company.id])) - 1
        administrators = [one.user_id for one in records.memberships.administrators(at.company.id)]
    last = administrators == [at.user.id]
    return page(
        request,
        at.who,
        "leave.html",
        status=status,
        alone=others == 0,
        stuck=last and others > 0,
        **at.values(),
    )
