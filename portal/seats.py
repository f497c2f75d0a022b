"""Where a visitor sits: one of the companies that the person belongs to, with the inbox of that company alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends

from portal.visitors import Visitor, signed_in
from portal.wired import Portal, wired
from storage.errors import NotFound
from storage.filed.inbox import Inbox
from storage.records.companies import CompanyAccount
from storage.records.history import HistoryEvent, HistoryEventName
from storage.records.invoices import Invoice
from storage.records.people import Membership, Role, User
from storage.transaction import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A person at the desk of one company. Every page about a company's invoices asks for one."""

    who: Visitor
    user: User
    company: CompanyAccount
    role: Role
    companies: tuple[CompanyAccount, ...]  # all of this person, by name
    portal: Portal

    @property
    def administers(self) -> bool:
        """Whether the person also decides who joins."""
        return self.role is Role.ADMINISTRATOR

    @property
    def actor(self) -> str:
        """Who this is, for the history."""
        return f"user {self.user.email}"

    def inbox(self, records: Transaction) -> Inbox:
        """The company's inbox."""
        return records.inbox(self.company.id)

    def event(self, name: HistoryEventName, invoice: Invoice, at: datetime) -> HistoryEvent:
        """What this person did with an invoice."""
        return HistoryEvent(
            at=at,
            event=name,
            actor=self.actor,
            detail={},
            mail_id=invoice.mail_id,
            invoice_id=invoice.id,
        )

    def path(self, rest: str = "") -> str:
        """The path of a page of this company."""
        return f"/companies/{self.company.id}{rest}"

    def values(self) -> dict[str, Any]:
        """What the templates of a company's pages need."""
        return {"seat": self, "company": self.company, "companies": self.companies, "at": self.path}


def seat(
    account_id: str,
    who: Annotated[Visitor, Depends(signed_in)],
    portal: Annotated[Portal, Depends(wired)],
) -> Seat:
    """The seat at the company of the path. Raises NotFound unless the visitor is an active member."""
    member = next((one for one in who.memberships if one.account_id == account_id), None)
    if member is None or who.user is None:
        raise NotFound(f"there is no company {account_id}")
    return _seat(who, who.user, member, portal)


def administrator_seat(taken: Annotated[Seat, Depends(seat)]) -> Seat:
    """The same for pages that only administrators see. Raises NotFound."""
    if not taken.administers:
        raise NotFound("this page is for administrators")
    return taken


def companies_of(who: Visitor, portal: Portal) -> tuple[CompanyAccount, ...]:
    """The companies that a visitor belongs to, by name."""
    with portal.store.reading() as records:
        found = records.accounts.by_ids(one.account_id for one in who.memberships)
    return tuple(sorted(found.values(), key=lambda company: (company.name.casefold(), company.id)))


def _seat(who: Visitor, user: User, member: Membership, portal: Portal) -> Seat:
    companies = companies_of(who, portal)
    company = next((one for one in companies if one.id == member.account_id), None)
    if company is None:
        raise NotFound(f"there is no company {member.account_id}")
    return Seat(who=who, user=user, company=company, role=member.role, companies=companies, portal=portal)
