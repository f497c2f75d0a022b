"""Fills a database with made-up invoices, straight into the tables: ten million of them in minutes, not days.

What the product writes for one mail is the pattern; the database multiplies it. Each made-up invoice is first a row
with what is its own (`made`), from which SQL makes the rows of all tables, in the order in which they lie in them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Any

import psycopg

from bench.bulk import IN_POSTGRESQL, IN_SQLITE, fan_out, on_postgresql, on_sqlite
from bench.pattern import DOCUMENT, SELLER_VAT, SUBJECT, pattern
from storage.filed import tally
from storage.filed.inbox_words import cents, document_words, sort_key, words_of
from storage.records.invoices import Environment, InvoiceState
from storage.records.mails import MailState
from storage.store import Store

PORTION = 50_000
ACCOUNTS = 100


@dataclass(frozen=True, slots=True)
class Made:
    """What is an invoice's own; the rest is as in the pattern."""

    owner: int  # the number of its company account
    number: str  # BT-1
    issued: str  # BT-2
    seller: str  # BT-27
    total: str  # BT-112
    warned: bool = False  # its reader had a doubt


def alike(number: int, companies: int) -> Made:
    """Companies in turns, and invoices that differ in their number only."""
    return Made(number % companies, f"R-{number}", "2026-01-01", "Supplier Ltd", "119.00")


def account_id(number: int) -> str:
    """The id of a made-up company account."""
    return f"00000000-0000-7000-8000-{number:012d}"


def fill(
    url: str,
    invoices: int,
    expired: int,
    *,
    companies: int = ACCOUNTS,
    made: Callable[[int, int], Made] = alike,
    slim: bool = False,
) -> None:
    """`invoices` of which `expired` are due, the oldest ones; each in a small mail of its own.

    The database is empty before. `made` says what is the own of the invoice with a number, among how many companies.
    Each takes 6.8 KB with its mail, its history and its words in SQLite, 4.6 if it is `slim` (see `bench.pattern`).
    """
    Store.open(url).close()
    now = datetime.now(UTC)
    patterns = [pattern(warned=warned, slim=slim) for warned in (False, True)]
    accounts = [(account_id(number), f"Company {number}") for number in range(companies)]

    def portion(first: int) -> list[tuple[Any, ...]]:
        return [
            _row(number, now - _age(number, invoices, expired), made(number, companies), slim=slim)
            for number in range(first, min(invoices, first + PORTION))
        ]

    portions = _ahead(portion, range(0, invoices, PORTION))
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as connection:
            on_sqlite(connection, accounts, now, portions, fan_out(patterns, IN_SQLITE))
    else:
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as server:
            on_postgresql(server, accounts, now, portions, fan_out(patterns, IN_POSTGRESQL))
    _tell(url, invoices, now)


def _tell(url: str, invoices: int, now: datetime) -> None:
    """What the product would have kept of their number."""
    available = tally.invoices(InvoiceState.AVAILABLE, Environment.PRODUCTIVE)
    store = Store.open(url)
    with store.transaction() as records:
        records.gate.count()
        records.tally.correct(
            {tally.mails(MailState.FILED): invoices, available: invoices}, seen=None, at=now
        )
    store.close()


def _ahead(
    portion: Callable[[int], list[tuple[Any, ...]]], firsts: Iterable[int]
) -> Iterator[list[tuple[Any, ...]]]:
    """Each portion, made while the database is busy with the one before."""
    with ThreadPoolExecutor(1) as beside:
        coming: list[Future[list[tuple[Any, ...]]]] = []
        for first in firsts:
            coming.append(beside.submit(portion, first))
            if len(coming) > 1:
                yield coming.pop(0).result()
        for last in coming:
            yield last.result()


def _age(number: int, invoices: int, expired: int) -> timedelta:
    # The due ones came in up to ten days before the 90 that are over, the others since, evenly.
    if number < expired:
        return timedelta(days=100 - 9.9 * number / expired)
    return timedelta(days=89 * (1 - number / invoices))


def _row(number: int, received: datetime, one: Made, *, slim: bool) -> tuple[Any, ...]:
    """In the order of `bench.bulk.COLUMNS`."""
    when = f"{int(received.timestamp() * 1000):012x}"
    at, until = (
        moment.replace(tzinfo=None).isoformat(" ", "microseconds")
        for moment in (received, received + timedelta(days=90))
    )
    begin, digits = f"{when[:8]}-{when[8:]}-7000", f"000-{number:012x}"
    words = [*_words_of_number(one.number), *(() if slim else _words_of_total(one.total))]
    key, of_seller = _seller(one.seller)
    return (
        number,
        int(one.warned),
        *(f"{begin}-a{digits}", f"{begin}-b{digits}", account_id(one.owner)),
        *(at, until, at.replace(" ", "T"), until.replace(" ", "T")),
        *(one.number, one.issued, one.seller, key, one.total, cents(one.total)),
        "".join(f" {word}" for word in dict.fromkeys([*words, *(() if slim else of_seller)])),
    )


def _words_of_number(number: str) -> tuple[str, ...]:
    """Those of a number that ends in a hyphen and digits: as `words_of` finds them, but quicker."""
    before, _, digits = number.rpartition("-")
    pieces, whole = _pieces(before)
    return (*pieces, digits, whole + digits)


@cache
def _pieces(before: str) -> tuple[tuple[str, ...], str]:
    """The words of the beginning of a number, and that beginning as one word."""
    *pieces, whole = words_of(number=before + "-0", total=None, texts=())
    return tuple(pieces[:-1]), whole[:-1]


@lru_cache(1000)
def _words_of_total(total: str) -> tuple[str, ...]:
    return tuple(words_of(number=None, total=total, texts=()))


@cache
def _seller(name: str) -> tuple[str, tuple[str, ...]]:
    """Its name as sorted by, and the words of what else is in the pattern."""
    words = words_of(number=None, total=None, texts=(name, SELLER_VAT, document_words(DOCUMENT), SUBJECT))
    return sort_key(name), tuple(words)
