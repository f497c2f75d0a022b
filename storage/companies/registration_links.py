"""Registration links: of each only the digest of its token is kept, and one of each address is live."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.engine import Connection

from storage.database.many_rows import insert_rows
from storage.errors import Conflict, NotFound
from storage.records.registration import LinkState, RegistrationLink
from storage.tables.base import table_of
from storage.tables.people import RegistrationLinkRow


class RegistrationLinks:
    """The table of registration links within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, links: Sequence[RegistrationLink]) -> None:
        """Adds links, each the newest of its address from now on.

        Raises Conflict when the address has a live link at the new one's `created_at`.
        """
        if not links:
            return
        # One order for everybody: two workers that write the same addresses must not wait for each other.
        ordered = sorted(links, key=lambda link: (link.email.lower(), link.created_at))
        newest = {link.email: link for link in self.newest([link.email for link in ordered])}
        for link in ordered:
            before = newest.get(link.email.lower())
            if before is not None and before.state(link.created_at) is LinkState.LIVE:
                raise Conflict(f"{link.email} has a live registration link already: {before.id}")
            newest[link.email.lower()] = link
        self._connection.execute(
            update(RegistrationLinkRow)
            .where(RegistrationLinkRow.email.in_(list(newest)), RegistrationLinkRow.newest)
            .values(newest=False)
        )
        rows = [
            {
                "id": link.id,
                "account_id": link.account_id,
                "email": link.email.lower(),
                "token_digest": link.token_digest,
                "newest": link is newest[link.email.lower()],
                "created_at": link.created_at,
                "expires_at": link.expires_at,
            }
            for link in ordered
        ]
        insert_rows(self._connection, table_of(RegistrationLinkRow), rows)

    def live(self, email: str, now: datetime) -> RegistrationLink | None:
        """The link of an address that can be redeemed at `now`."""
        row = self._connection.execute(
            select(RegistrationLinkRow.__table__).where(
                RegistrationLinkRow.email == email.lower(),
                RegistrationLinkRow.newest,
                RegistrationLinkRow.expires_at > now,
                RegistrationLinkRow.redeemed_at.is_(None),
                RegistrationLinkRow.revoked_at.is_(None),
            )
        ).one_or_none()
        return _record(row) if row else None

    def newest(self, emails: Sequence[str]) -> list[RegistrationLink]:
        """The newest link of each address, whatever its state."""
        if not emails:
            return []
        query = select(RegistrationLinkRow.__table__).where(
            RegistrationLinkRow.email.in_([email.lower() for email in emails]), RegistrationLinkRow.newest
        )
        return [_record(row) for row in self._connection.execute(query)]

    def get(self, link_id: str) -> RegistrationLink:
        """One link. Raises NotFound."""
        row = self._connection.execute(
            select(RegistrationLinkRow.__table__).where(RegistrationLinkRow.id == link_id)
        ).one_or_none()
        if row is None:
            raise NotFound(f"there is no registration link {link_id}")
        return _record(row)

    def by_digest(self, token_digest: bytes) -> RegistrationLink:
        """The link with this token. Raises NotFound."""
        row = self._connection.execute(
            select(RegistrationLinkRow.__table__).where(RegistrationLinkRow.token_digest == token_digest)
        ).one_or_none()
        if row is None:
            raise NotFound("there is no such registration link")
        return _record(row)

    def all(self) -> list[RegistrationLink]:
        """All links, newest first."""
        query = select(RegistrationLinkRow.__table__).order_by(RegistrationLinkRow.id.desc())
        return [_record(row) for row in self._connection.execute(query)]

    def of_account(self, account_id: str) -> list[RegistrationLink]:
        """The links of an account, newest first."""
        query = select(RegistrationLinkRow.__table__).where(RegistrationLinkRow.account_id == account_id)
        rows = self._connection.execute(query.order_by(RegistrationLinkRow.id.desc()))
        return [_record(row) for row in rows]

    def redeem(self, token_digest: bytes, at: datetime) -> RegistrationLink | None:
        """Uses a link up, once: of any number at the same moment one gets it, the others None."""
        row = self._connection.execute(
            update(RegistrationLinkRow)
            .where(
                RegistrationLinkRow.token_digest == token_digest,
                RegistrationLinkRow.redeemed_at.is_(None),
                RegistrationLinkRow.revoked_at.is_(None),
                RegistrationLinkRow.expires_at > at,
            )
            .values(redeemed_at=at)
            .returning(RegistrationLinkRow.__table__)
        ).one_or_none()
        return _record(row) if row else None

    def revoke(self, link_id: str, at: datetime) -> None:
        """Takes a link back for good; a redeemed one stays redeemed. Raises NotFound."""
        self.get(link_id)
        self._connection.execute(
            update(RegistrationLinkRow)
            .where(RegistrationLinkRow.id == link_id)
            .where(RegistrationLinkRow.redeemed_at.is_(None), RegistrationLinkRow.revoked_at.is_(None))
            .values(revoked_at=at)
        )


def _record(row: Row[Any]) -> RegistrationLink:
    return RegistrationLink(
        id=row.id,
        account_id=row.account_id,
        email=row.email,
        token_digest=row.token_digest,
        created_at=row.created_at,
        expires_at=row.expires_at,
        redeemed_at=row.redeemed_at,
        revoked_at=row.revoked_at,
    )
