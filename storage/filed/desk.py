"""What the operator's pages ask: the quarantine, the queue and the partners, some at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, String, cast, func, or_, select, text
from sqlalchemy.engine import Connection

from storage.companies.accounts import Accounts
from storage.companies.partners import Partners
from storage.errors import NotFound
from storage.queue.due import IN_QUEUE
from storage.queue.received_mail import ReceivedMails
from storage.records.companies import CompanyAccount
from storage.records.mails import ReceivedMail
from storage.records.partners import ContractingPartner, PartnerTrust
from storage.tables.companies import AccountKeyRow, CompanyAccountRow
from storage.tables.mails import ReceivedMailRow
from storage.tables.partners import PartnerKeyRow, PartnerRow

PAGE_SIZE = 50
MOST_LANES = 20
MOST_FOUND = 20  # accounts that a search offers
# Written out, for with bound values SQLite cannot know that the partial index holds these rows.
_IN_QUARANTINE = text("received_mail.state = 'quarantined'")


@dataclass(frozen=True, slots=True)
class Lane:
    """Mails of one sender that wait in the queue."""

    domain: str  # of the reverse-path; empty for notifications
    waiting: int
    oldest: datetime


class Desk:
    """What an operator looks through, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def quarantine(self, asked: str, before: str | None, size: int = PAGE_SIZE) -> list[ReceivedMail]:
        """Mails in quarantine, newest first: those with `asked` in reason, sender or recipient, behind `before`."""
        query = select(ReceivedMailRow.id).where(_IN_QUARANTINE)
        if asked:
            query = query.where(
                or_(
                    _holds(ReceivedMailRow.reason, asked),
                    _holds(ReceivedMailRow.reverse_path, asked),
                    _holds(cast(ReceivedMailRow.forward_paths, String), asked),
                )
            )
        if before is not None:
            query = query.where(ReceivedMailRow.id < before)
        return self._mails(query.order_by(ReceivedMailRow.id.desc()).limit(size))

    def lanes(self, most: int = MOST_LANES) -> list[Lane]:
        """The senders with most mails in the queue."""
        count = func.count()
        query = (
            select(ReceivedMailRow.lane, count, func.min(ReceivedMailRow.received_at))
            .where(IN_QUEUE)
            .group_by(ReceivedMailRow.lane)
            .order_by(count.desc(), ReceivedMailRow.lane)
            .limit(most)
        )
        return [
            Lane(lane or "", waiting, oldest) for lane, waiting, oldest in self._connection.execute(query)
        ]

    def failing(self, size: int = PAGE_SIZE) -> list[ReceivedMail]:
        """Mails of the queue that could not be read or filed at the first try, oldest first."""
        query = select(ReceivedMailRow.id).where(IN_QUEUE, ReceivedMailRow.failures > 0)
        return self._mails(query.order_by(ReceivedMailRow.id).limit(size))[::-1]

    def partners(
        self, asked: str, trust: PartnerTrust | None, after: str | None, size: int = PAGE_SIZE
    ) -> list[ContractingPartner]:
        """Partners by name: those with `asked` in name, domain or VAT identifier, behind the name `after`."""
        query = select(PartnerRow.id).order_by(PartnerRow.name).limit(size)
        if asked:
            by_key = select(PartnerKeyRow.partner_id).where(_holds(PartnerKeyRow.value, asked))
            query = query.where(or_(_holds(PartnerRow.name, asked), PartnerRow.id.in_(by_key)))
        if trust is not None:
            query = query.where(PartnerRow.trust == trust)
        if after is not None:
            query = query.where(PartnerRow.name > after)
        ids = list(self._connection.scalars(query))
        found = Partners(self._connection).by_ids(ids)
        return [found[partner_id] for partner_id in ids]

    def accounts(self, asked: str, most: int = MOST_FOUND) -> list[CompanyAccount]:
        """Accounts that an operator may mean: with this id or address, or with these words in the name."""
        accounts = Accounts(self._connection)
        if not asked:
            return []
        try:
            return [accounts.find(asked)]
        except NotFound:
            pass
        by_key = select(AccountKeyRow.account_id).where(AccountKeyRow.value == asked)
        query = (
            select(CompanyAccountRow.id)
            .where(or_(_holds(CompanyAccountRow.name, asked), CompanyAccountRow.id.in_(by_key)))
            .order_by(CompanyAccountRow.name, CompanyAccountRow.id)
            .limit(most)
        )
        ids = list(self._connection.scalars(query))
        found = accounts.by_ids(ids)
        return [found[account_id] for account_id in ids]

    def _mails(self, ids: Any) -> list[ReceivedMail]:
        wanted: Sequence[str] = list(self._connection.scalars(ids))
        found = ReceivedMails(self._connection).by_ids(wanted)
        return sorted(found.values(), key=lambda mail: mail.id, reverse=True)


def _holds(column: Any, asked: str) -> ColumnElement[bool]:
    found: ColumnElement[bool] = column.icontains(asked, autoescape=True)
    return found
