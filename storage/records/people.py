"""The people of the portal: users, memberships, sessions, tokens, codes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    """What a member of a company may do: an administrator also decides who joins."""

    ADMINISTRATOR = "administrator"
    MEMBER = "member"


class MembershipState(StrEnum):
    """Where a person stands with a company; only an active one sees its invoices."""

    ACTIVE = "active"
    WAITING = "waiting"
    REJECTED = "rejected"
    REMOVED = "removed"


class Language(StrEnum):
    """What pages and mails are written in."""

    GERMAN = "de"
    ENGLISH = "en"


class CodePurpose(StrEnum):
    """What the mailbox proves that a one-time code went to."""

    REGISTER = "register"  # a person registers; the context says for which company
    REDEEM = "redeem"  # a link was opened by somebody who named another address than the link's
    SECOND_FACTOR = "second-factor"  # none: the password was right, and what else there is has to follow
    PASSKEY = "passkey"  # none: whoever holds the key answers
    NEW_PASSKEY = "new-passkey"  # none: the person is signed in
    RESET = "reset"  # a new password for one that was forgotten


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person who signs in to the portal; the e-mail address is unique among all of them."""

    id: str
    email: str
    name: str
    language: Language
    password_hash: str | None  # Argon2; None until one is set
    created_at: datetime
    confirmed_at: datetime | None  # when the mailbox was proven

    def __repr__(self) -> str:
        return f"User({self.id})"  # no hash in any log


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """A person's standing with one company; one person may have several."""

    account_id: str
    user_id: str
    role: Role
    state: MembershipState
    created_at: datetime
    decided_at: datetime | None = None
    decided_by: str | None = None  # a user's id, or what decided without one ("link", "operator NAME", ...)
    reason: str | None = None  # of a rejection, in the words of who rejected
    notify: bool = True  # whether mails about new invoices are wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalSession:
    """A person signed in with one browser; the token is not kept, only its SHA-256."""

    id: str
    token_digest: bytes
    user_id: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime  # whatever happens


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiToken:
    """A secret by which a program of a company asks for its invoices; of the secret only the SHA-256 is kept."""

    id: str
    account_id: str
    name: str  # what it is for, in the words of who made it
    created_at: datetime
    created_by: str  # a user's id
    last_used_at: datetime | None = None

    @property
    def maker(self) -> str:
        """Who made what was made with this token."""
        return token_maker(self.id)


def token_maker(token_id: str) -> str:
    """Who made what was made with the token of this id."""
    return f"token {token_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OneTimeCode:
    """A code sent to a mailbox, which proves that whoever enters it reads that mailbox.

    It counts in the browser only that asked for it: that one knows the flow's token. So nobody can be made to
    confirm what somebody else began.
    """

    flow_digest: bytes  # SHA-256 of the token that the browser holds
    email: str
    purpose: CodePurpose
    code_digest: bytes | None  # SHA-256 of flow token and code; None where no code was sent
    context: dict[str, str]  # what happens once the mailbox is proven
    attempts: int  # wrong ones so far
    created_at: datetime
    expires_at: datetime
