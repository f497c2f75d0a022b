"""Dates of invoices in ISO 8601."""

from __future__ import annotations

import re
from datetime import date

_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:Z|[T ].*|[+-]\d{2}:?\d{2})?")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:\d{4,6}.*)?")  # UNTDID 2379, formats 102, 203, 204


def iso_date(text: str | None) -> str | None:
    """YYYY-MM-DD for a date of UBL (xsd:date) or CII (UNTDID 2379); None for anything else."""
    found = text and (_ISO.fullmatch(text) or _COMPACT.fullmatch(text))
    if not found:
        return None
    try:
        return date(*map(int, found.groups())).isoformat()
    except ValueError:
        return None
