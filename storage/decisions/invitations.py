"""Invites a person to a company: a membership that is active at once, and a link that proves the mailbox."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from storage.companies.account_keys import address_key
from storage.companies.link_tokens import LinkTokens
from storage.ids import new_id
from storage.records.companies import CompanyAccount
from storage.records.outgoing import MailTemplate, OutboundMail
from storage.records.people import Language, Membership, MembershipState, Role, User
from storage.records.registration import RegistrationLink
from storage.transaction import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """Who is invited, to what, by whom."""

    account: CompanyAccount
    email: str
    language: Language
    role: Role
    by: str  # a user's id, or what decided without one
    person: str  # who invites, as the mail names them


@dataclass(frozen=True, slots=True, kw_only=True)
class Invited:
    """What an invitation has led to."""

    user: User
    membership: Membership
    link: RegistrationLink | None  # None for somebody who signs in already
    mail: OutboundMail


def invite(
    records: Transaction, invitation: Invitation, tokens: LinkTokens, link_life: timedelta, now: datetime
) -> Invited:
    """Writes an invitation; who is known already belongs to the company at once, and gets no link.

    The mail is returned, not queued: that depends on whether mails are sent at all. Raises ValueError for what is no
    address.
    """
    account = invitation.account
    user = records.users.by_email(invitation.email) or _add_user(records, invitation, now)
    membership = Membership(
        account_id=account.id,
        user_id=user.id,
        role=invitation.role,
        state=MembershipState.ACTIVE,
        created_at=now,
        decided_at=now,
        decided_by=invitation.by,
    )
    records.memberships.put(membership)
    link = None
    if user.confirmed_at is None:
        link = _live_link(records, account, user, tokens, link_life, now)
    mail = OutboundMail(
        id=new_id(),
        template=MailTemplate.CONFIRMED if link is None else MailTemplate.INVITATION,
        language=user.language,
        recipient=user.email,
        context={"person": invitation.person} | ({"link": link.id} if link else {}),
        created_at=now,
        account_id=account.id,
    )
    return Invited(user=user, membership=membership, link=link, mail=mail)


def _add_user(records: Transaction, invitation: Invitation, now: datetime) -> User:
    address_key(invitation.email)
    user = User(
        id=new_id(),
        email=invitation.email,
        name="",
        language=invitation.language,
        password_hash=None,
        created_at=now,
        confirmed_at=None,
    )
    records.users.add(user)
    return user


def _live_link(
    records: Transaction,
    account: CompanyAccount,
    user: User,
    tokens: LinkTokens,
    link_life: timedelta,
    now: datetime,
) -> RegistrationLink:
    """An address has one live link at a time; it proves the mailbox, whichever company made it."""
    email = address_key(user.email).value
    live = records.links.live(email, now)
    if live is not None:
        return live
    link_id = new_id()
    link = RegistrationLink(
        id=link_id,
        account_id=account.id,
        email=email,
        token_digest=tokens.digest(link_id),
        created_at=now,
        expires_at=now + link_life,
    )
    records.links.add([link])
    return link
