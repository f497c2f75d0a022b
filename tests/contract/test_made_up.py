"""What benchmarks measure is made up; it has to look as if the product had written it, or they measure nothing."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from typing import Any

import psycopg

from bench.bulk import IN_SQLITE, fan_out
from bench.pattern import TABLES, pattern
from bench.synthetic import Made, account_id, fill
from retention.worker import drill
from storage.filed.inbox_query import InboxQuery
from storage.filed.inbox_words import words_of
from storage.store import Store
from tests.commands import Commands
from tests.contract.test_retention import PERIODS


def _made(number: int, companies: int) -> Made:
    return Made(
        number % companies, f"RE-7-{number}", "2026-02-03", "Müller & Söhne", f"{number}.50", number == 4
    )


def _schema(url: str) -> list[tuple[Any, ...]]:
    """Every index, constraint and trigger."""
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        found = connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY 1, 2").fetchall()
        connection.close()
        return found
    with psycopg.connect(url.replace("+psycopg", "")) as server:
        return [
            *server.execute(
                "SELECT indexname, split_part(indexdef, ' WHERE ', 1) FROM pg_indexes "
                "WHERE schemaname = 'public' ORDER BY 1"
            ),
            *server.execute("SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint ORDER BY 1, 2"),
            *server.execute("SELECT tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2"),
        ]


def test_made_up_invoices_are_read_as_any_others(commands: Commands) -> None:
    """The commands and the inbox show each with its own number, amount and history, and find it by its words."""
    fill(commands.url, 9, 3, companies=2, made=_made)

    shown = {one["invoice_number"]: one for one in commands.lines("list")}
    assert sorted(shown) == [f"RE-7-{number}" for number in range(9)]
    fourth = commands.one("show", shown["RE-7-4"]["id"])
    assert fourth["account"]["name"] == "Company 0"
    assert (fourth["total_with_vat"], fourth["seller"]["name"]) == ("4.50", "Müller & Söhne")
    assert [warning["code"] for warning in fourth["warnings"]] == ["totals-differ"]
    assert fourth["validation"]["status"] == "valid"
    events = commands.lines("history", fourth["id"])
    assert [one["event"] for one in events] == [
        *("received", "read", "matched", "recorded", "validated"),
        "viewed",
    ]
    assert events[0]["detail"] == {"size": "300", "peer": "127.0.0.1"}
    assert events[3]["detail"]["expires_at"][:19] == fourth["expires_at"][:19]
    store = Store.open(commands.url)
    with store.reading() as records:
        for asked in ("re74", "4,50", "soehne muell", "invoice 4"):
            page = records.inbox(account_id(0)).page(InboxQuery(text=asked))
            assert "RE-7-4" in [entry.invoice_number for entry in page.entries], asked
    store.close()


def test_made_up_words_are_those_the_product_finds() -> None:
    """Their makers take a shorter way to the same words."""
    one = pattern()
    [entry] = one.rows["inbox_entry"]

    assert entry["words"].split() == words_of(
        number="R-PATTERN",
        total=entry["total"],
        texts=("Pattern Seller", "DE123456788", "invoice", "Invoice"),
    )
    assert sorted(row["word"] for row in one.rows["inbox_word"]) == sorted(entry["words"].split())


def test_a_filled_database_lacks_no_index_and_no_trigger(commands: Commands, another: Any) -> None:
    """They are dropped while it is filled; a benchmark without one of them would measure something else."""
    untouched = another()
    Store.open(untouched).close()
    fill(commands.url, 5, 1, companies=1)

    assert _schema(commands.url) == _schema(untouched)


def test_slim_ones_are_the_same_invoices_in_less_room(commands: Commands) -> None:
    """What is left out is read as empty; retention deletes what is due of them."""
    fill(commands.url, 6, 2, companies=2, slim=True)
    store = Store.open(commands.url)

    swept = drill(store, PERIODS, datetime.now(UTC))
    store.close()

    assert (swept.productive, swept.test, swept.mails) == (2, 0, 2)
    available = [one for one in commands.lines("list") if one["state"] == "available"]
    assert sorted(one["invoice_number"] for one in available) == ["R-2", "R-3", "R-4", "R-5"]
    assert [one["event"] for one in commands.lines("history", available[0]["id"])] == ["received", "recorded"]


def test_every_table_that_a_mail_adds_to_is_made_up() -> None:
    """A new one would be forgotten else."""
    made = {
        table for table in TABLES if any(f"INTO {table} " in one for one in fan_out([pattern()], IN_SQLITE))
    }

    assert made == set(TABLES)
