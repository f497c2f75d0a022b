"""Matching on the invoice corpus: with an account for each buyer of the table, every invoice finds its own or none."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

import pytest

from ingest.processing.match_rules import LEITWEG_ID
from ingest.processing.matching import Candidates, match
from reading.mail import read_mail
from storage.companies.account_keys import AccountKey, identifier_key, vat_id_key
from storage.records.reading import Identifier, MailReading
from tests.corpus.truth import INVOICES, READ_IN_FULL, Row, rows
from tests.wrappings import WRAPPINGS

pytestmark = pytest.mark.corpus

STRANGER = "post@nobody.example"


def _keys(row: Row) -> Iterator[AccountKey]:
    """What the table says of the buyer, as an operator would enter it; what is no identifier is left out."""
    if row["buyer_vat"]:
        yield from _valid(lambda: vat_id_key(row["buyer_vat"]))
    written = [
        (row["buyer_endpoint_scheme"], row["buyer_endpoint"]),
        ("0088", row["buyer_gln"]),
        (LEITWEG_ID, row["buyer_reference"]),
    ]
    for scheme, value in written:
        if scheme and value:
            yield from _valid(lambda: identifier_key(Identifier(scheme=scheme, value=value)))  # noqa: B023


def _valid(make: object) -> Iterator[AccountKey]:
    try:
        yield make()  # type: ignore[operator]  # a function without arguments
    except ValueError:
        return


def _buyer(row: Row) -> str:
    return " ".join(row["buyer_name"].casefold().split()) or f"nameless in {row['path']}"


def _reading(row: Row) -> MailReading:
    path = INVOICES / row["path"]
    return read_mail(next(iter(WRAPPINGS.values()))(path.name, path.read_bytes()))


def test_every_invoice_finds_its_buyer_or_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    """An identifier that two buyers of the table share is nobody's; every other one must lead to its buyer."""
    table = [row for row in rows() if row["format"] in READ_IN_FULL]
    buyers: dict[AccountKey, set[str]] = defaultdict(set)
    for row in table:
        for key in _keys(row):
            buyers[key].add(_buyer(row))
    owners = {key: next(iter(names)) for key, names in buyers.items() if len(names) == 1}
    candidates = Candidates(owners, {})

    found_by: Counter[str] = Counter()
    missed, wrong = [], []
    identified = 0
    for row in table:
        unique = [key for key in _keys(row) if key in owners]
        identified += bool(unique)
        for invoice in _reading(row).invoices:
            found = match(invoice.terms, [STRANGER], candidates)
            accounts = {one.account_id for one in found.matches}
            accounts |= {each.account_id for one in found.contested for each in one.evidence}
            if accounts - {_buyer(row)}:
                wrong.append((row["path"], accounts))
            elif unique and not found.matches:
                missed.append((row["path"], unique))
            found_by.update(one.rule for one in found.matches)
    with capsys.disabled():
        print(f"\n{len(table)} invoices, {identified} with an identifier that is one buyer's alone; found by")
        for rule, count in found_by.most_common():
            print(f"  {rule:26} {count:4}  {count / len(table):6.1%}")

    assert wrong == []
    assert missed == []
