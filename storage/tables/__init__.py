"""All table and column names, a module for each topic; the migrations create what stands here."""

from __future__ import annotations

from storage.tables import (
    base,
    companies,
    history,
    invoices,
    mails,
    outgoing,
    partners,
    people,
    programs,
    retention,
    tally,
)
from storage.tables.base import Base

__all__ = [
    "Base",
    "base",
    "companies",
    "history",
    "invoices",
    "mails",
    "outgoing",
    "partners",
    "people",
    "programs",
    "retention",
    "tally",
]
