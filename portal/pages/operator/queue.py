"""The operator's first page: what waits, how long, and what wants a decision."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from portal.operating import OperatorSeat, operator_seat
from portal.pages.operator.withheld import MOST_SHOWN
from portal.rendering import page
from storage.records.outgoing import OutboundState

router = APIRouter(prefix="/operator")
MOST_COMPANIES = 20


@router.get("")
def queue(request: Request, at: Annotated[OperatorSeat, Depends(operator_seat)]) -> Response:
    """Counts and ages, the senders in the queue, and mails that failed so far."""
    with at.portal.store.reading() as records:
        outbox = records.outbox.counts()
        forlorn = records.memberships.without_administrator()
        companies = records.accounts.by_ids(forlorn[:MOST_COMPANIES])
        values: dict[str, Any] = {
            "queued": records.mails.queued(),
            "oldest": records.mails.oldest_queued(),
            "newest": records.mails.newest_received(),
            "quarantined": records.mails.quarantined(),
            "withheld": len(records.second_looks.stuck(MOST_SHOWN)),
            "held": outbox.get(OutboundState.HELD, 0),
            "failed": outbox.get(OutboundState.FAILED, 0),
            "lanes": records.desk.lanes(),
            "failing": records.desk.failing(),
        }
    return page(
        request,
        at.who,
        "operator/queue.html",
        forlorn=sorted(companies.values(), key=lambda company: company.name.casefold()),
        forlorn_count=len(forlorn),
        **values,
        **at.values(),
    )
