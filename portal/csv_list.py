"""An inbox as a table for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import replace

from portal import wording
from storage.filed.inbox_query import InboxEntry, InboxQuery
from storage.records.people import Language
from storage.store import Store

MOST_ROWS = 100_000
AT_ONCE = 500
COLUMNS = (
    *("received", "partner", "number", "issued", "total", "currency"),
    *("environment", "state", "deletion", "warnings", "id"),
)


def csv_rows(
    store: Store, account_id: str, user_id: str, query: InboxQuery, language: Language
) -> Iterator[bytes]:
    """The entries that `query` means, from its first page on, each as a line; a transaction for every few."""
    yield "\N{BYTE ORDER MARK}".encode()  # else spreadsheets take it for Latin-1
    yield _line([wording.say(language, f"csv.{column}") for column in COLUMNS], language)
    at = None
    for _ in range(MOST_ROWS // AT_ONCE):
        with store.reading() as records:
            page = records.inbox(account_id).page(replace(query, at=at, size=AT_ONCE), user_id)
        yield b"".join(_line(_cells(entry, language), language) for entry in page.entries)
        at = page.next
        if at is None:
            return


def _cells(entry: InboxEntry, language: Language) -> list[str]:
    return [
        f"{entry.received_at.astimezone(wording.ZONE):%Y-%m-%d %H:%M}",
        entry.seller_name or "",
        entry.invoice_number or "",
        entry.issue_date or "",
        (entry.total or "").replace(".", ",") if language is Language.GERMAN else entry.total or "",
        entry.currency or "",
        wording.say(language, f"environment.{entry.environment}"),
        wording.say(language, f"state.{state_of(entry)}"),
        f"{entry.expires_at.astimezone(wording.ZONE):%Y-%m-%d}",
        str(entry.warnings),
        entry.invoice_id,
    ]


def state_of(entry: InboxEntry) -> str:
    """The one word that says how an entry stands: deleted, done, new or read."""
    if entry.state == "deleted":
        return "deleted"
    if entry.done_at is not None:
        return "done"
    return "read" if entry.read else "new"


def _line(cells: list[str], language: Language) -> bytes:
    line = io.StringIO()
    writer = csv.writer(line, delimiter=";" if language is Language.GERMAN else ",", lineterminator="\r\n")
    writer.writerow([harmless(cell) for cell in cells])
    return line.getvalue().encode("utf-8", "replace")


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula; suppliers choose what it says.

    An amount keeps its minus.
    """
    looks_like_number = cell[:1] == "-" and cell[1:].replace(".", "").replace(",", "").isdigit()
    if cell.lstrip()[:1] in ("=", "+", "-", "@") and not looks_like_number:
        return f"'{cell}"
    return f"'{cell}" if cell[:1] in ("\t", "\r", "\n") else cell
