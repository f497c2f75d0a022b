"""How many there are of what grows without end, kept so that nobody has to count it."""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.base import Base


class TallyRow(Base):
    """By how many a kind of records grew or shrank in one transaction; the sum of a kind is how many there are.

    Each transaction adds rows of its own, so that none waits for another; retention folds them into one.
    """

    __tablename__ = "tally"

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True
    )
    kind: Mapped[str] = mapped_column(
        String(40)
    )  # what it is and its state, as storage/filed/tally.py has them
    number: Mapped[int] = mapped_column(BigInteger)
