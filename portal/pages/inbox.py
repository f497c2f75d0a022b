"""The inbox of a company: its invoices in a list, what is done with several at once, and the list as a table file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from starlette.responses import Response

from portal.csv_list import csv_rows
from portal.inbox_form import InboxForm
from portal.rendering import is_local, page, redirect
from portal.seats import Seat, companies_of, seat
from portal.sending import attached
from portal.visitors import Visitor, signed_in
from portal.wired import Portal, wired
from portal.zip_of_invoices import MOST_INVOICES, TooLarge, zip_of
from storage.errors import NotFound
from storage.filed.inbox_query import MOST_COUNTED, InboxState

router = APIRouter()
MOST_AT_ONCE = 500  # ids in a form; a page has fewer
Ids = Annotated[list[str], Form(max_length=MOST_AT_ONCE)]


@router.get("/companies")
def companies(
    request: Request,
    who: Annotated[Visitor, Depends(signed_in)],
    portal: Annotated[Portal, Depends(wired)],
) -> Response:
    """The only company's inbox; a choice where there are several."""
    found = companies_of(who, portal)
    if len(found) == 1:
        return redirect(request, f"/companies/{found[0].id}/invoices")
    return page(request, who, "companies.html", companies=found)


@router.get("/invoices/{invoice_id}")
def any_invoice(
    request: Request,
    invoice_id: str,
    who: Annotated[Visitor, Depends(signed_in)],
    portal: Annotated[Portal, Depends(wired)],
) -> Response:
    """The page of an invoice, whichever of the person's companies has it: where links in mails lead."""
    with portal.store.reading() as records:
        for member in who.memberships:
            try:
                records.inbox(member.account_id).invoice(invoice_id)
            except NotFound:
                continue
            return redirect(request, f"/companies/{member.account_id}/invoices/{invoice_id}")
    raise NotFound(f"there is no invoice {invoice_id}")


@router.get("/companies/{account_id}/invoices")
def inbox(request: Request, at: Annotated[Seat, Depends(seat)]) -> Response:
    """The list."""
    form = InboxForm.read(request.query_params)
    soon = at.portal.now() + at.portal.warn_ahead
    query = replace(form.query, expires_before=soon)
    with at.portal.store.reading() as records:
        own = at.inbox(records)
        shown = own.page(query, at.user.id)
        expiring = own.expiring(soon, MOST_COUNTED + 1) if at.portal.warn_ahead else []
        partners = own.partners()
        waiting = records.memberships.counts_waiting([at.company.id]) if at.administers else {}
        to_check = records.second_looks.count_waiting(at.company.id)
    return page(
        request,
        at.who,
        "inbox.html",
        form=form,
        query=query,
        expiring=len(expiring),
        most_counted=MOST_COUNTED,
        most_taken=MOST_INVOICES,
        shown=shown,
        partners=partners,
        states=list(InboxState),
        waiting=waiting.get(at.company.id, 0),
        to_check=to_check,
        **at.values(),
    )


@router.get("/companies/{account_id}/invoices.csv")
def as_table(request: Request, at: Annotated[Seat, Depends(seat)]) -> Response:
    """The list as it is filtered and sorted, for a spreadsheet."""
    form = InboxForm.read(request.query_params)
    query = replace(form.query, expires_before=at.portal.now() + at.portal.warn_ahead)
    pieces = csv_rows(at.portal.store, at.company.id, at.user.id, query, at.who.language)
    return attached(pieces, f"invoices-{at.portal.now():%Y-%m-%d}.csv", "text/csv; charset=utf-8")


@router.post("/companies/{account_id}/invoices/mark")
def mark(
    request: Request,
    at: Annotated[Seat, Depends(seat)],
    action: Annotated[str, Form()],
    ids: Ids = [],  # noqa: B006  -- FastAPI copies it
    back: Annotated[str, Form()] = "",
) -> Response:
    """Marks the chosen invoices as done, open, read or unread."""
    now = at.portal.now()
    with at.portal.store.transaction() as records:
        own = at.inbox(records)
        match action:
            case "done":
                own.set_done(ids, at=now, by=at.user.id)
            case "open":
                own.set_done(ids, at=None, by=at.user.id)
            case "read":
                own.set_read(ids, at.user.id, now)
            case "unread":
                own.set_unread(ids, at.user.id)
            case _:
                raise HTTPException(400)
    return redirect(request, _back(at, back), notice=f"marked_{action}" if ids else "none_chosen")


@router.post("/companies/{account_id}/invoices/zip")
def several(
    request: Request,
    at: Annotated[Seat, Depends(seat)],
    ids: Ids = [],  # noqa: B006  -- FastAPI copies it
    back: Annotated[str, Form()] = "",
) -> Response:
    """The documents and original mails of the chosen invoices in one ZIP file."""
    chosen: Sequence[str] = list(dict.fromkeys(ids))
    if len(chosen) > MOST_INVOICES:
        return redirect(request, _back(at, back), notice="too_many_chosen")
    return _zipped(request, at, chosen, back)


@router.post("/companies/{account_id}/invoices/take-along")
def take_along(
    request: Request, at: Annotated[Seat, Depends(seat)], back: Annotated[str, Form()] = ""
) -> Response:
    """What will be deleted first, as much of it as one ZIP file takes."""
    with at.portal.store.reading() as records:
        soon = at.inbox(records).expiring(at.portal.now() + at.portal.warn_ahead, MOST_INVOICES)
    return _zipped(request, at, soon, back)


def _zipped(request: Request, at: Seat, chosen: Sequence[str], back: str) -> Response:
    if not chosen:
        return redirect(request, _back(at, back), notice="none_chosen")
    try:
        pieces = zip_of(at, chosen)
    except TooLarge:
        return redirect(request, _back(at, back), notice="too_many_chosen")
    return attached(pieces, f"invoices-{at.portal.now():%Y-%m-%d}.zip", "application/zip")


def _back(at: Seat, path: str) -> str:
    own = at.path("/invoices")
    return path if is_local(path) and path.startswith(own) else own
