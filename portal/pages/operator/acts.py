"""What was decided about partners, people and mails of ours, newest first."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from portal.operating import OperatorSeat, operator_seat
from portal.rendering import page

router = APIRouter(prefix="/operator/acts")


@router.get("")
def acts(request: Request, at: Annotated[OperatorSeat, Depends(operator_seat)]) -> Response:
    """The last two hundred."""
    with at.portal.store.reading() as records:
        newest = records.acts.newest()
    return page(request, at.who, "operator/acts.html", acts=newest, **at.values())
