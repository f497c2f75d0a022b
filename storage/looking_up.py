"""Asks for each row whether there is another one that belongs to it, and never for all rows beforehand."""

from __future__ import annotations

from sqlalchemy import ColumnElement, TextClause, literal_column, select


def looked_up(*conditions: ColumnElement[bool] | TextClause) -> ColumnElement[bool]:
    """Whether a row meets these conditions, of which one names a column of the query around.

    PostgreSQL would make a join of a plain EXISTS. Of mails whose invoices are deleted it expects next to none, so
    it joins everything that is due to find the few of a batch, and again for the next one. OFFSET keeps it from that.
    """
    none: ColumnElement[int] = literal_column("0")
    return select(literal_column("1")).where(*conditions).offset(none).exists()
