"""Lets people into companies: carries out what registration.py decides, each within one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from portal import registration
from portal.registration import Standing
from storage.companies.account_keys import address_key
from storage.errors import NotFound
from storage.ids import new_id
from storage.records.companies import AccountStatus, CompanyAccount
from storage.records.outgoing import MailTemplate, OutboundMail
from storage.records.people import Membership, MembershipState, User
from storage.transaction import Transaction


class NameTaken(Exception):  # noqa: N818  -- says what is the matter
    """A company of this name is registered already, and is another one."""


class LinkGone(Exception):  # noqa: N818  -- says what is the matter
    """The link cannot be redeemed (any more)."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """Where somebody has come to."""

    account: CompanyAccount
    state: MembershipState


class Admission:
    """Lets people in within one transaction."""

    def __init__(self, records: Transaction, now: datetime, *, sends_mail: bool) -> None:
        self._records = records
        self._now = now
        self._sends_mail = sends_mail

    def register(self, user: User, company: str) -> Admitted:
        """Lets a person with a proven mailbox into the company of this name, which is founded where nobody knows it.

        A company that was invited at this very mailbox is founded by it, with all its invoices. No other address and
        no identifier is claimed: those want proof of their own.
        """
        records, now = self._records, self._now
        known = records.accounts.by_name(company)
        if known is not None:
            return self._ask(user, known)
        invited = self._invited_at(user.email)
        if invited is not None:
            self._open(invited, company)
            account = records.accounts.get(invited.id)
        else:
            account = _founded(company, now)
            records.accounts.found(account)
        self._put(account, user, registration.founding(), None)
        return Admitted(account, MembershipState.ACTIVE)

    def redeem(self, user: User, token_digest: bytes, company: str) -> Admitted:
        """Uses a link up and lets the person in. Raises LinkGone, NameTaken; nothing is used up then.

        The caller has seen to it that the link's mailbox and the person's own are proven.
        """
        records, now = self._records, self._now
        link = records.links.redeem(token_digest, now)
        if link is None:
            raise LinkGone
        records.memberships.hold_still(link.account_id)
        account = records.accounts.get(link.account_id)
        if account.status is AccountStatus.INVITED:
            if self.is_taken(company):
                raise NameTaken
            self._open(account, company)
            account = records.accounts.get(account.id)
        known = records.memberships.find(account.id, user.id)
        first = not records.memberships.administrators(account.id)
        standing = registration.redeeming(known, first=first)
        if standing is not None:
            self._put(account, user, standing, known)
        return Admitted(account, MembershipState.ACTIVE)

    def is_taken(self, company: str) -> bool:
        """Whether a registered company has this name, however it is spelt."""
        return self._records.accounts.by_name(company) is not None

    def _ask(self, user: User, account: CompanyAccount) -> Admitted:
        records = self._records
        records.memberships.hold_still(account.id)
        known = records.memberships.find(account.id, user.id)
        domains = records.memberships.joining_domains(account.id)
        standing = registration.asking(known, user.email, domains, self._now)
        if standing is None:
            return Admitted(account, known.state if known else MembershipState.WAITING)
        self._put(account, user, standing, known)
        if standing.state is MembershipState.WAITING:
            self._tell_administrators(account, user)
        return Admitted(account, standing.state)

    def _tell_administrators(self, account: CompanyAccount, user: User) -> None:
        if not self._sends_mail:
            return
        administrators = self._records.memberships.administrators(account.id)
        users = self._records.users.by_ids(one.user_id for one in administrators)
        self._records.outbox.add(
            [
                OutboundMail(
                    id=new_id(),
                    template=MailTemplate.JOIN_REQUEST,
                    language=one.language,
                    recipient=one.email,
                    context={"person": user.name or user.email, "email": user.email},
                    created_at=self._now,
                    account_id=account.id,
                )
                for one in users.values()
                if one.confirmed_at is not None
            ]
        )

    def _invited_at(self, email: str) -> CompanyAccount | None:
        owners = self._records.accounts.owners([address_key(email)])
        for account in self._records.accounts.by_ids(owners.values()).values():
            if account.status is AccountStatus.INVITED:
                return account
        return None

    def _open(self, account: CompanyAccount, name: str) -> None:
        """Registers an invited company; its other links open nothing from now on."""
        if not self._records.accounts.register(account.id, name, self._now):
            raise NotFound("this company was registered by somebody else meanwhile")
        for link in self._records.links.of_account(account.id):
            self._records.links.revoke(link.id, self._now)

    def _put(self, account: CompanyAccount, user: User, standing: Standing, known: Membership | None) -> None:
        self._records.memberships.put(
            Membership(
                account_id=account.id,
                user_id=user.id,
                role=standing.role,
                state=standing.state,
                created_at=known.created_at if known else self._now,
                decided_at=self._now if standing.by else None,
                decided_by=standing.by,
                notify=known.notify if known else True,
            )
        )


def _founded(name: str, now: datetime) -> CompanyAccount:
    return CompanyAccount(
        id=new_id(),
        name=name,
        status=AccountStatus.REGISTERED,
        addresses=(),
        vat_ids=(),
        domains=(),
        identifiers=(),
        invited_at=None,
        registered_at=now,
    )
