"""The rows that the product writes for one mail with an invoice, as a pattern for many that are made up."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.made_up_mail import made_up_mail
from ingest.processing.filing import Filer, Rules
from ingest.processing.on_record import load_on_record
from ingest.processing.validator import record_validation
from storage.expiring.expiry import RetentionPeriods
from storage.ids import new_id
from storage.records.companies import AccountStatus, CompanyAccount
from storage.records.mails import IncomingMail
from storage.records.reading import (
    BusinessTerms,
    DocumentFormat,
    Finding,
    InvoiceReading,
    Mailbox,
    MailReading,
    Message,
    Part,
    PartRole,
    Party,
)
from storage.records.validation import Validation, ValidationClass, ValidationStatus
from storage.store import Store

TABLES = ("received_mail", "mail_octets", "invoice", "history_event", "inbox_entry", "inbox_word")
OCTETS = 300  # of each mail
SELLER = "Pattern Seller"
DOCUMENT = "invoice.xml"
SUBJECT = "Invoice"
SELLER_VAT = "DE123456788"
Row = dict[str, Any]

_RECEIVED = datetime(2001, 2, 3, 4, 5, 6, 70809, UTC)
_PERIODS = RetentionPeriods(productive_days=90, test_days=30, tombstone_days=365)
_NUMBER = "R-PATTERN"
_ISSUED = "1999-12-31"
_TOTAL = "98765432.10"
_SLIM_EVENTS = ("received", "recorded")
_LEASE = timedelta(minutes=1)
_VALID = Validation(status=ValidationStatus.VALID, class_=ValidationClass.VALID, findings=(), rule_sets=())
_DOCUMENT = Part(
    path="2",
    name=DOCUMENT,
    media_type="application/xml",
    declared_type="application/xml",
    size=200,
    sha256="0" * 64,
    role=PartRole.INVOICE,
)


@dataclass(frozen=True)
class Pattern:
    """Rows by table, and which of the values in them are another's in another mail."""

    rows: dict[str, list[Row]]
    exact: dict[Any, str]  # a whole value, and the name of what takes its place
    within: dict[str, str]  # the same for a piece of a text


def pattern(*, warned: bool = False, slim: bool = False) -> Pattern:
    """What the product wrote for a mail in an SQLite database of its own.

    `warned`: the reader had a doubt. `slim`: without what only takes room, so that more fit a disk: empty terms of
    the invoice, which are read the same without, and the events between receiving and recording.
    """
    with tempfile.TemporaryDirectory(prefix="bench-pattern-") as folder:
        file = Path(folder, "invoices.db")
        mail, account_id = _written(f"sqlite:///{file}", warned=warned)
        with closing(sqlite3.connect(file)) as connection:
            connection.row_factory = sqlite3.Row
            rows = {table: [dict(row) for row in _all(connection, table)] for table in TABLES}
    invoice, entry = rows["invoice"][0], rows["inbox_entry"][0]
    for event in rows["history_event"]:
        del event["id"]
    if slim:
        rows["invoice"] = [_slim(row) for row in rows["invoice"]]
        rows["history_event"] = [row for row in rows["history_event"] if row["event"] in _SLIM_EVENTS]
    exact = {
        invoice["received_at"]: "received_at",
        invoice["expires_at"]: "expires_at",
        mail.transfer_digest: "transfer_digest",
        invoice["same_invoice"]: "same_invoice",
        mail.octets: "octets",
        entry["total_key"]: "total_key",
        entry["seller_key"]: "seller_key",
        entry["words"]: "words",
    }
    within = {
        mail.id: "mail_id",
        str(invoice["id"]): "invoice_id",
        account_id: "account_id",
        _without_zone(_RECEIVED): "received_iso",
        _without_zone(_RECEIVED + timedelta(days=90)): "expires_iso",
        _NUMBER: "invoice_number",
        _ISSUED: "issue_date",
        _TOTAL: "total",
        SELLER: "seller",
    }
    assert None not in exact, "a value that varies is missing from what the product wrote"
    return Pattern(rows, exact, within)


def _slim(invoice: Row) -> Row:
    return invoice | {"content": json.dumps(_without_empty(json.loads(invoice["content"])))}


def _without_empty(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_empty(one) for one in value]
    if isinstance(value, dict):
        return {name: _without_empty(one) for name, one in value.items() if one not in (None, [], "")}
    return value


def _without_zone(at: datetime) -> str:
    return at.replace(tzinfo=None).isoformat()


def _all(connection: sqlite3.Connection, table: str) -> list[sqlite3.Row]:
    return connection.execute(f"SELECT * FROM {table}").fetchall()


def _written(url: str, *, warned: bool) -> tuple[IncomingMail, str]:
    """Takes the mail in, files it, checks its sender and validates its invoice, as the programs do."""
    account = CompanyAccount(
        id=new_id(),
        name="Company Ltd",
        status=AccountStatus.REGISTERED,
        addresses=("invoices@company.example",),
        vat_ids=(),
        domains=(),
        identifiers=(),
        invited_at=None,
        registered_at=_RECEIVED,
    )
    mail, reading = made_up_mail(_RECEIVED, os.urandom(OCTETS)), _reading(warned=warned)
    rules = Rules(
        periods=_PERIODS,
        link_life=timedelta(days=30),
        new_id=new_id,
        token_digest=lambda link_id: hashlib.sha256(link_id.encode()).digest(),
    )
    store = Store.open(url)
    try:
        with store.transaction() as records:
            records.accounts.add(account)
        store.add_mails([mail])
        with store.transaction() as records:
            records.mails.claim(by="pattern", now=_RECEIVED, lease=_LEASE, limit=1)
            received = records.mails.get(mail.id)
            known = load_on_record(records, received, reading, _RECEIVED, with_audience=False)
            filing = Filer(received, known, rules, _RECEIVED).file(reading)
            assert records.mails.file(filing, by="pattern")
            records.sender_checks.give_up([mail.id])
            record_validation(records, filing.invoices[0].id, mail.id, _VALID, at=_RECEIVED, by="validation")
    finally:
        store.close()
    return mail, account.id


def _reading(*, warned: bool) -> MailReading:
    terms = BusinessTerms(
        format=DocumentFormat.CII,
        structured=True,
        invoice_number=_NUMBER,
        issue_date=_ISSUED,
        type_code="380",
        currency="EUR",
        seller=Party(name=SELLER, vat_id=SELLER_VAT),
        buyer=Party(name="Company Ltd"),
        total_with_vat=_TOTAL,
    )
    doubt = Finding(code="totals-differ", text="The document and the envelope name different totals.")
    invoice = InvoiceReading(
        terms=terms, document=_DOCUMENT, attachments=(_DOCUMENT,), warnings=(doubt,) if warned else ()
    )
    message = Message(
        message_id=f"<{_NUMBER}@supplier.example>",
        subject=SUBJECT,
        date=_RECEIVED,
        from_=(Mailbox(name="Billing", address="billing@supplier.example"),),
        reply_to=(),
        to=(Mailbox(name="", address="invoices@company.example"),),
        environment_sign=None,
        defects=(),
        parts=(_DOCUMENT,),
    )
    return MailReading(message=message, invoices=(invoice,), unread=())
