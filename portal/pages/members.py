"""The people of a company, for its administrators: requests, invitations, roles, joining domains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, Request, UploadFile
from starlette.responses import Response

from portal import limits, registration
from portal.entering import address_fault, line
from portal.invitation_list import Guest, read_list
from portal.rendering import page, redirect
from portal.seats import Seat, administrator_seat
from storage.decisions.invitations import Invitation, invite
from storage.errors import Conflict, NotFound
from storage.ids import new_id
from storage.records.outgoing import MailTemplate, OutboundMail
from storage.records.people import Language, Membership, MembershipState, Role, User
from storage.transaction import Transaction

router = APIRouter()

LONGEST_REASON = 500  # characters
At = Annotated[Seat, Depends(administrator_seat)]
Field = Annotated[str, Form()]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """What the page says beside the list."""

    faults: dict[str, str] = field(default_factory=dict)
    email: str = ""
    count: int = 0  # of people that a list invited
    bad: dict[int, str] = field(default_factory=dict)
    links: tuple[tuple[str, str], ...] = ()  # address and link, where no mail is sent


@router.get("/companies/{account_id}/members")
def show_members(request: Request, at: At) -> Response:
    """The page."""
    return _members_page(request, at, _Said())


@router.post("/companies/{account_id}/members/confirm")
def confirm(request: Request, at: At, person: Field = "", domain: Field = "") -> Response:
    """Lets somebody in who asked; `domain`: from now on all of that person's mail domain, too."""
    now = at.portal.now()
    with at.portal.store.transaction() as records:
        user = _waiting(records, at, person)
        records.memberships.decide(
            at.company.id, user.id, state=MembershipState.ACTIVE, at=now, by=at.user.id, reason=None
        )
        own = registration.domain_of(user.email)
        if domain and domain == own and registration.may_join_by(own):
            records.memberships.add_joining_domain(at.company.id, own, at=now, by=at.user.id)
        _tell(records, at, user, MailTemplate.CONFIRMED, {})
    return redirect(request, at.path("/members"), notice="confirmed")


@router.post("/companies/{account_id}/members/reject")
def reject(request: Request, at: At, person: Field = "", reason: Field = "") -> Response:
    """Sends somebody away who asked, with a reason if there is one."""
    said = line(reason)[:LONGEST_REASON]
    with at.portal.store.transaction() as records:
        user = _waiting(records, at, person)
        records.memberships.decide(
            at.company.id,
            user.id,
            state=MembershipState.REJECTED,
            at=at.portal.now(),
            by=at.user.id,
            reason=said or None,
        )
        _tell(records, at, user, MailTemplate.REJECTED, {"reason": said})
    return redirect(request, at.path("/members"), notice="rejected")


@router.post("/companies/{account_id}/members/role")
def change_role(request: Request, at: At, role: Annotated[Role, Form()], person: Field = "") -> Response:
    """Makes a member an administrator or the other way round; the last administrator stays one."""
    try:
        with at.portal.store.transaction() as records:
            _active(records, at, person)
            records.memberships.set_role(at.company.id, person, role)
    except Conflict:
        return _members_page(request, at, _Said(faults={"member": "fault.only_administrator"}), status=409)
    return redirect(request, at.path("/members"), notice="member_changed")


@router.post("/companies/{account_id}/members/remove")
def remove(request: Request, at: At, person: Field = "") -> Response:
    """Takes somebody out, at once; an invitation that was not accepted yet opens nothing any more."""
    now = at.portal.now()
    try:
        with at.portal.store.transaction() as records:
            user = _active(records, at, person)
            records.memberships.decide(
                at.company.id, user.id, state=MembershipState.REMOVED, at=now, by=at.user.id, reason=None
            )
            live = records.links.live(user.email, now)
            if live is not None and live.account_id == at.company.id:
                records.links.revoke(live.id, now)
    except Conflict:
        return _members_page(request, at, _Said(faults={"member": "fault.only_administrator"}), status=409)
    return redirect(request, at.path("/members"), notice="member_removed")


@router.post("/companies/{account_id}/members/invite")
def invite_one(
    request: Request,
    at: At,
    language: Annotated[Language, Form()],
    role: Annotated[Role, Form()],
    email: Field = "",
) -> Response:
    """Invites one person."""
    address = email.strip()
    if fault := address_fault(address):
        return _members_page(request, at, _Said(faults={"email": fault}, email=address), status=400)
    links = _invite(at, [Guest(address, language, role)])
    if links:
        return _members_page(request, at, _Said(count=1, links=links))
    return redirect(request, at.path("/members"), notice="invited")


@router.post("/companies/{account_id}/members/invite-list")
def invite_several(request: Request, at: At, file: Annotated[UploadFile, File()]) -> Response:
    """Invites everybody of a list; lines that cannot be used are shown."""
    guests = read_list(file.file.read(), at.who.language)
    if guests.fault:
        return _members_page(request, at, _Said(faults={"file": guests.fault}), status=400)
    links = _invite(at, guests.guests)
    return _members_page(request, at, _Said(count=len(guests.guests), bad=guests.bad, links=links))


@router.post("/companies/{account_id}/members/domains/remove")
def remove_domain(request: Request, at: At, domain: Field = "") -> Response:
    """People of this domain have to ask again."""
    with at.portal.store.transaction() as records:
        records.memberships.remove_joining_domain(at.company.id, domain)
    return redirect(request, at.path("/members"), notice="member_changed")


def _members_page(request: Request, at: Seat, said: _Said, *, status: int = 200) -> Response:
    with at.portal.store.reading() as records:
        memberships = records.memberships.of_account(at.company.id)
        users = records.users.by_ids(one.user_id for one in memberships)
        domains = records.memberships.joining_domains(at.company.id)
    people = [(users[one.user_id], one) for one in memberships]
    return page(
        request,
        at.who,
        "members.html",
        status=status,
        asking=[_asking(user, one, domains) for user, one in people if one.state is MembershipState.WAITING],
        belonging=[(user, one) for user, one in people if one.state is MembershipState.ACTIVE],
        administrators=[one for one in memberships if _administrates(one)],
        domains=domains,
        said=said,
        roles=[str(role) for role in (Role.MEMBER, Role.ADMINISTRATOR)],
        **at.values(),
    )


def _asking(user: User, one: Membership, domains: Sequence[str]) -> dict[str, Any]:
    domain = registration.domain_of(user.email)
    offered = domain if registration.may_join_by(domain) and domain not in domains else ""
    return {"user": user, "since": one.created_at, "domain": offered}


def _administrates(one: Membership) -> bool:
    return one.role is Role.ADMINISTRATOR and one.state is MembershipState.ACTIVE


def _waiting(records: Transaction, at: Seat, person: str) -> User:
    """Somebody who waits for this company. Raises NotFound, also for what somebody else decided meanwhile."""
    return _person(records, at, person, MembershipState.WAITING)


def _active(records: Transaction, at: Seat, person: str) -> User:
    """Somebody who belongs to this company. Raises NotFound."""
    return _person(records, at, person, MembershipState.ACTIVE)


def _person(records: Transaction, at: Seat, person: str, state: MembershipState) -> User:
    records.memberships.hold_still(at.company.id)
    if records.memberships.get(at.company.id, person).state is not state:
        raise NotFound(f"{person} is not {state}")
    return records.users.get(person)


def _invite(at: Seat, guests: Sequence[Guest]) -> tuple[tuple[str, str], ...]:
    """Invites people; links to pass on by hand, where no mail is sent. Who belongs already stays as is."""
    limits.expect(at.portal, *[("invite", at.company.id, limits.INVITATIONS)] * len(guests))
    links = []
    for guest in guests:
        with at.portal.store.transaction() as records:
            user = records.users.by_email(guest.email)
            known = records.memberships.find(at.company.id, user.id) if user else None
            confirmed = user is not None and user.confirmed_at is not None
            if known is not None and known.state is MembershipState.ACTIVE and confirmed:
                continue
            invitation = Invitation(
                account=at.company,
                email=guest.email,
                language=guest.language,
                role=guest.role,
                by=at.user.id,
                person=at.user.name or at.user.email,
            )
            tokens = at.portal.tokens
            invited = invite(records, invitation, tokens, at.portal.link_life, at.portal.now())
            if at.portal.sends_mail:
                records.outbox.add([invited.mail])
            elif invited.link is not None and (url := tokens.url(invited.link)):
                links.append((guest.email, url))
    return tuple(links)


def _tell(
    records: Transaction, at: Seat, user: User, template: MailTemplate, context: dict[str, str]
) -> None:
    if not at.portal.sends_mail:
        return
    records.outbox.add(
        [
            OutboundMail(
                id=new_id(),
                template=template,
                language=user.language,
                recipient=user.email,
                context=context,
                created_at=at.portal.now(),
                account_id=at.company.id,
            )
        ]
    )
