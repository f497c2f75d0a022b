"""One-time codes that prove a mailbox: few tries, a short life, and good in the browser that asked only."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.engine import Connection

from storage.records.people import CodePurpose, OneTimeCode
from storage.tables.people import OneTimeCodeRow

LIFE = timedelta(minutes=30)
MOST_ATTEMPTS = 5  # of 10**8 codes: one flow is guessed once in 20 million
_DIGITS = 8


@dataclass(frozen=True, slots=True)
class NewCode:
    """What is not kept: the token for the browser, and the code for the mailbox."""

    flow: str
    code: str


class Codes:
    """The table of one-time codes within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def begin(
        self,
        email: str,
        purpose: CodePurpose,
        context: Mapping[str, str],
        now: datetime,
        *,
        send: bool = True,
    ) -> NewCode:
        """A new flow; with `send` false there is no code that would ever be right.

        The browser of somebody who asks for an unknown address gets a flow like any other, so that it sees no
        difference.
        """
        new = NewCode(secrets.token_urlsafe(32), f"{secrets.randbelow(10**_DIGITS):0{_DIGITS}}")
        self._connection.execute(
            insert(OneTimeCodeRow).values(
                flow_digest=_flow_digest(new.flow),
                email=email,
                purpose=purpose,
                code_digest=_code_digest(new.flow, new.code) if send else None,
                context=dict(context),
                attempts=0,
                created_at=now,
                expires_at=now + LIFE,
            )
        )
        return new

    def find(self, flow: str, now: datetime) -> OneTimeCode | None:
        """The flow of a browser, if it is not over."""
        row = self._connection.execute(
            select(OneTimeCodeRow.__table__).where(
                OneTimeCodeRow.flow_digest == _flow_digest(flow), OneTimeCodeRow.expires_at > now
            )
        ).one_or_none()
        return _record(row) if row and row.attempts < MOST_ATTEMPTS else None

    def prove(self, flow: str, code: str, now: datetime) -> OneTimeCode | None:
        """Ends the flow and returns it when `code` is the right one; else counts the attempt, and None.

        Counting comes first, in one statement: a hundred guesses at once are a hundred attempts.
        """
        counted = self.count(flow, now)
        digits = "".join(sign for sign in code if sign.isdigit())
        if counted is None or counted.code_digest is None:
            return None
        if not hmac.compare_digest(_code_digest(flow, digits), counted.code_digest):
            return None
        return counted if self.end(counted) else None

    def count(self, flow: str, now: datetime) -> OneTimeCode | None:
        """Counts an attempt; None when the flow is over or has had too many."""
        row = self._connection.execute(
            update(OneTimeCodeRow)
            .where(
                OneTimeCodeRow.flow_digest == _flow_digest(flow),
                OneTimeCodeRow.expires_at > now,
                OneTimeCodeRow.attempts < MOST_ATTEMPTS,
            )
            .values(attempts=OneTimeCodeRow.attempts + 1)
            .returning(OneTimeCodeRow.__table__)
        ).one_or_none()
        return _record(row) if row else None

    def end(self, flow: OneTimeCode) -> bool:
        """Ends a flow; False when somebody else did at the same moment."""
        ended = self._connection.execute(
            delete(OneTimeCodeRow).where(OneTimeCodeRow.flow_digest == flow.flow_digest)
        )
        return bool(ended.rowcount)

    def remove_ended(self, now: datetime) -> int:
        """Removes the codes whose time is over; how many."""
        return self._connection.execute(
            delete(OneTimeCodeRow).where(OneTimeCodeRow.expires_at <= now)
        ).rowcount


def _flow_digest(flow: str) -> bytes:
    return hashlib.sha256(flow.encode()).digest()


def _code_digest(flow: str, code: str) -> bytes:
    # With the flow's 256 bits in it, a copy of the database tells no code.
    return hashlib.sha256(f"{flow}:{code}".encode()).digest()


def _record(row: Row[Any]) -> OneTimeCode:
    return OneTimeCode(
        flow_digest=row.flow_digest,
        email=row.email,
        purpose=CodePurpose(row.purpose),
        code_digest=row.code_digest,
        context=row.context,
        attempts=row.attempts,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )
