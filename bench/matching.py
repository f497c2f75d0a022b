"""How long it takes to find out whose an invoice is, with a thousand accounts and with a million.

    python -m bench.matching                     both databases, 1,000 and 1,000,000 accounts of five identifiers each
    python -m bench.matching --accounts 100000   a smaller many

Fails when the median with many accounts is 5 ms or more, or more than 1.5 times that with few.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import text

from bench.database import ENGINES, database, server
from ingest.processing.matching import match
from ingest.processing.on_record import load_on_record
from storage.records.reading import Identifier, MailReading, Party
from storage.store import Store
from tests import making

FEW = 1_000
MANY = 1_000_000
MAILS = 2_000
MOST_MILLISECONDS = 5.0
MOST_TIMES = 1.5

_NUMBERS = {
    "sqlite": "WITH RECURSIVE numbers(n) AS (SELECT {start} UNION ALL SELECT n + 1 FROM numbers WHERE n < {last}) ",
    "postgresql": "WITH numbers AS (SELECT generate_series({start}, {last}) AS n) ",
}
_DIGITS = {"sqlite": "printf('%09d', n)", "postgresql": "lpad(n::text, 9, '0')"}
_KEYS = {  # kind: the value of account n
    "address": "'invoices@c' || {digits} || '.example'",
    "domain": "'c' || {digits} || '.example'",
    "identifier": "'0204:' || {digits}",
    "vat-id": "'DE' || {digits}",
    "name": "'company ' || {digits}",
}


def _fill(store: Store, accounts: int) -> None:
    """Accounts from 0, in few statements: by the commands it would take hours."""
    dialect = store._engine.dialect.name
    numbers = _NUMBERS[dialect].format(start=0, last=accounts - 1)
    digits = _DIGITS[dialect]
    with store._writing() as connection:
        connection.execute(
            text(
                "INSERT INTO company_account (id, name, status, created_at, registered_at) "
                f"{numbers} SELECT 'account-' || {digits}, 'Company ' || {digits}, 'registered', "
                "'2026-11-24 09:00:00', '2026-11-24 09:00:00' FROM numbers"
            )
        )
        for kind, written in _KEYS.items():
            value = written.format(digits=digits)
            connection.execute(
                text(
                    "INSERT INTO account_key (kind, value, account_id, shown) "
                    f"{numbers} SELECT '{kind}', {value}, 'account-' || {digits}, {value} FROM numbers"
                )
            )
        connection.execute(text("ANALYZE"))


@dataclass(frozen=True, slots=True)
class BenchMail:
    """A mail and the account that must be found."""

    forward_paths: tuple[str, ...]
    reading: MailReading
    account_id: str


def _mails(accounts: int) -> Iterator[BenchMail]:
    """Mails that find their account by each of the ways in turn."""
    chance = random.Random(17)
    for number in range(MAILS):
        digits = f"{chance.randrange(accounts):09}"
        to, buyer, reference = "post@elsewhere.example", Party(name="B"), None
        match number % 5:
            case 0:
                to = f"Invoices+x@C{digits}.example"
            case 1:
                buyer = Party(vat_id=f"DE {digits[:3]} {digits[3:]}")
            case 2:
                reference = digits
            case 3:
                to = f"somebody@c{digits}.example"
            case 4:
                buyer = Party(electronic_address=Identifier(scheme="9930", value=f"DE{digits}"))
        terms = making.terms(buyer=buyer, buyer_reference=reference)
        reading = making.mail_reading(invoices=(making.invoice_reading(terms=terms),))
        yield BenchMail((to,), reading, f"account-{digits}")


@dataclass(slots=True)
class Spent:
    """Milliseconds for each mail, from the look-up to the decision."""

    elapsed: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)  # of our own; a database server's is not in it


def measured(stores: dict[int, Store]) -> dict[int, Spent]:
    """What a mail takes with each number of accounts, in turns, so that what else runs here slows all of them down."""
    spent = {accounts: Spent() for accounts in stores}
    for turn in zip(*(_mails(accounts) for accounts in stores), strict=True):
        for (accounts, store), one in zip(stores.items(), turn, strict=True):
            _match_one(store, one, spent[accounts])
    return spent


def _match_one(store: Store, one: BenchMail, spent: Spent) -> None:
    mail = making.received_mail(envelope=making.envelope(forward_paths=one.forward_paths))
    began, worked = time.perf_counter(), time.thread_time()
    with store.reading() as records:
        on_record = load_on_record(records, mail, one.reading, making.NOW, with_audience=False)
    found = match(one.reading.invoices[0].terms, one.forward_paths, on_record.candidates)
    spent.elapsed.append((time.perf_counter() - began) * 1000)
    spent.processor.append((time.thread_time() - worked) * 1000)
    assert [each.account_id for each in found.matches] == [one.account_id], (one, found)


def main() -> int:
    """Prints a table; 1 when an aim is missed."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--accounts", type=int, default=MANY)
    many = arguments.parse_args().accounts
    missed = [_is_missed(engine, many) for engine in ENGINES]
    return int(any(missed))


def _is_missed(engine: str, many: int) -> bool:
    with ExitStack() as stack:
        address = stack.enter_context(server(engine))
        stores = {}
        for accounts in (FEW, many):
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))
            url = stack.enter_context(database(address, Path(folder)))
            stores[accounts] = Store.open(url)
            stack.callback(stores[accounts].close)
            _fill(stores[accounts], accounts)
        spent = measured(stores)
    medians = [statistics.median(one.elapsed) for one in spent.values()]
    for accounts, one in spent.items():
        print(
            f"{engine:11} {accounts:9,} accounts, {len(_KEYS) * accounts:9,} identifiers: "
            f"median {statistics.median(one.elapsed):5.2f} ms, "
            f"fastest tenth {statistics.quantiles(one.elapsed, n=10)[0]:5.2f} ms, "
            f"processor {statistics.median(one.processor):4.2f} ms"
        )
    print(f"{engine:11} {medians[1] / medians[0]:.2f} times as long with many accounts", flush=True)
    return medians[1] >= MOST_MILLISECONDS or medians[1] / medians[0] > MOST_TIMES


if __name__ == "__main__":
    sys.exit(main())
