"""The people who run this mailbox: who may see the operator's pages."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, exists, insert, select
from sqlalchemy.engine import Connection

from storage.records.acts import Operator
from storage.tables.people import OperatorRow


class Operators:
    """The table of operators within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def has(self, user_id: str) -> bool:
        """Whether this person is an operator."""
        return self._connection.scalar(select(exists().where(OperatorRow.user_id == user_id))) or False

    def add(self, user_id: str, *, at: datetime, by: str) -> bool:
        """Makes a person an operator; False for one who is already."""
        if self.has(user_id):
            return False
        self._connection.execute(insert(OperatorRow).values(user_id=user_id, since=at, given_by=by))
        return True

    def remove(self, user_id: str) -> bool:
        """Takes the role away; False for one who has none."""
        return bool(
            self._connection.execute(delete(OperatorRow).where(OperatorRow.user_id == user_id)).rowcount
        )

    def all(self) -> list[Operator]:
        """All operators, oldest first."""
        query = select(OperatorRow.__table__).order_by(OperatorRow.since, OperatorRow.user_id)
        return [
            Operator(user_id=row.user_id, since=row.since, given_by=row.given_by)
            for row in self._connection.execute(query)
        ]
