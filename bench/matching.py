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
from pathlib import Path

from sqlalchemy import text

from bench.database import ENGINES, database, server
from ingest.processing.matching import match
from ingest.processing.on_record import load_on_record
from storage.records import Identifier, MailReading, Party
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


def _mails(accounts: int) -> Iterator[tuple[tuple[str, ...], MailReading, str]]:
    """Recipients, reading, and the account that must be found, by each of the ways in turn."""
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
        yield (to,), reading, f"account-{digits}"


def measured(url: str, accounts: int) -> tuple[list[float], list[float]]:
    """Milliseconds for each of some mails, from the look-up to the decision, elapsed and of our own processor time."""
    store = Store.open(url)
    try:
        _fill(store, accounts)
        spent, worked = [], []
        for forward_paths, reading, expected in _mails(accounts):
            mail = making.received_mail(envelope=making.envelope(forward_paths=forward_paths))
            began, worked_before = time.perf_counter(), time.thread_time()
            with store.reading() as records:
                on_record = load_on_record(records, mail, reading, making.NOW, with_audience=False)
            found = match(reading.invoices[0].terms, forward_paths, on_record.candidates)
            spent.append((time.perf_counter() - began) * 1000)
            worked.append((time.thread_time() - worked_before) * 1000)
            assert [one.account_id for one in found.matches] == [expected], (forward_paths, found)
        return spent, worked
    finally:
        store.close()


def main() -> int:
    """Prints a table; 1 when an aim is missed."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--accounts", type=int, default=MANY)
    many = arguments.parse_args().accounts
    missed = False
    for engine in ENGINES:
        with server(engine) as address:
            medians = [_median(engine, address, number) for number in (FEW, many)]
        ratio = medians[1] / medians[0]
        print(f"{engine:11} {ratio:.2f} times as long with many accounts", flush=True)
        missed = missed or medians[1] >= MOST_MILLISECONDS or ratio > MOST_TIMES
    return int(missed)


def _median(engine: str, address: str | None, accounts: int) -> float:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, database(address, Path(folder)) as url:
        spent, worked = measured(url, accounts)
    median, p99 = statistics.median(spent), statistics.quantiles(spent, n=100)[98]
    print(
        f"{engine:11} {accounts:9,} accounts, {len(_KEYS) * accounts:9,} identifiers: "
        f"median {median:5.2f} ms, p99 {p99:6.2f} ms, processor {statistics.median(worked):.2f} ms",
        flush=True,
    )
    return median


if __name__ == "__main__":
    sys.exit(main())
