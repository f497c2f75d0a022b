"""What people decided about companies, partners, people and mails of ours: added and read, never changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.engine import Connection

from storage.records.acts import Act, ActName
from storage.tables.people import ActRow

MOST_SHOWN = 200


class Acts:
    """The table of acts within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(
        self,
        name: ActName,
        subject_id: str,
        *,
        actor: str,
        at: datetime,
        detail: Mapping[str, str] | None = None,
    ) -> None:
        """Puts on record that `actor` decided something."""
        values = {"at": at, "actor": actor, "name": name, "subject_id": subject_id}
        self._connection.execute(insert(ActRow).values(**values, detail=dict(detail or {})))

    def newest(self, limit: int = MOST_SHOWN) -> list[Act]:
        """What was decided last, newest first."""
        return self._select(None, limit)

    def of(self, subject_id: str, limit: int = MOST_SHOWN) -> list[Act]:
        """What was decided about one of them, newest first."""
        return self._select(subject_id, limit)

    def _select(self, subject_id: str | None, limit: int) -> list[Act]:
        query = select(ActRow.__table__).order_by(ActRow.id.desc()).limit(limit)
        if subject_id is not None:
            query = query.where(ActRow.subject_id == subject_id)
        return [
            Act(
                at=row.at,
                actor=row.actor,
                name=ActName(row.name),
                subject_id=row.subject_id,
                detail=row.detail,
            )
            for row in self._connection.execute(query)
        ]
