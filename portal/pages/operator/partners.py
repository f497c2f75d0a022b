"""Contracting partners: what is known of them, whether they are trusted, and whether they are being connected."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import Response

from portal.entering import line
from portal.operating import OperatorSeat, operator_seat
from portal.rendering import page, redirect
from storage.decisions import outgoing, partners
from storage.filed.desk import PAGE_SIZE
from storage.records.invoices import Environment
from storage.records.partners import PartnerTrust

router = APIRouter(prefix="/operator/partners")

LONGEST_SEARCH = 200
At = Annotated[OperatorSeat, Depends(operator_seat)]


@router.get("")
def all_partners(
    request: Request, at: At, q: str = "", trust: str = "", after: str | None = None
) -> Response:
    """The list, by name."""
    asked = line(q)[:LONGEST_SEARCH]
    wanted = PartnerTrust(trust) if trust in set(PartnerTrust) else None
    with at.portal.store.reading() as records:
        found = records.desk.partners(asked, wanted, after, PAGE_SIZE + 1)
    shown = found[:PAGE_SIZE]
    return page(
        request,
        at.who,
        "operator/partners.html",
        partners=shown,
        asked=asked,
        trust=wanted,
        trusts=[str(one) for one in PartnerTrust],
        first=after is None,
        next=shown[-1].name if len(found) > PAGE_SIZE else None,
        **at.values(),
    )


@router.get("/{partner_id}")
def show(request: Request, partner_id: str, at: At) -> Response:
    """One partner, with what came with its invoices and what was decided about it."""
    with at.portal.store.reading() as records:
        one = records.partners.get(partner_id)
        traits = records.partners.traits(partner_id)
        acts = records.acts.of(partner_id)
        held = bool(records.outbox.held_subjects([partner_id]))
    return page(
        request,
        at.who,
        "operator/partner.html",
        partner=one,
        traits=traits,
        acts=acts,
        held=held,
        trusts=[str(trust) for trust in PartnerTrust],
        **at.values(),
    )


@router.post("/{partner_id}/trust")
def set_trust(request: Request, partner_id: str, at: At, trust: Annotated[PartnerTrust, Form()]) -> Response:
    """New, known or blocked; who is known is so with all that was noted so far."""
    with at.portal.store.transaction() as records:
        partners.set_trust(records, partner_id, trust, actor=at.actor, at=at.portal.now())
    return _back(request, partner_id)


@router.post("/{partner_id}/environment")
def set_environment(
    request: Request, partner_id: str, at: At, environment: Annotated[Environment, Form()]
) -> Response:
    """Ends the phase in which all its invoices are tests, or begins it again."""
    with at.portal.store.transaction() as records:
        partners.set_environment(records, partner_id, environment, actor=at.actor, at=at.portal.now())
    return _back(request, partner_id)


@router.post("/{partner_id}/mails")
def hold_mails(request: Request, partner_id: str, at: At, hold: Annotated[bool, Form()]) -> Response:
    """Holds mails about this partner's invoices, or sends them again."""
    with at.portal.store.transaction() as records:
        one = records.partners.get(partner_id)
        decide = outgoing.hold if hold else outgoing.end_hold
        decide(records, one.id, one.name, actor=at.actor, at=at.portal.now())
    return _back(request, partner_id)


def _back(request: Request, partner_id: str) -> Response:
    return redirect(request, f"/operator/partners/{partner_id}", notice="partner_changed")
