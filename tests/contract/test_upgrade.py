"""A database of an earlier release is brought to today's schema with everything that is in it."""

from __future__ import annotations

import json
import os
from datetime import datetime

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

from storage import codec, schema
from storage.filed.inbox_query import InboxQuery
from storage.store import Store
from tests import making

OCTETS = os.urandom(700_000)


def _made_by_the_first_release(database_url: str) -> None:
    """The schema 0001 with one mail in it, written without any code of today."""
    config = Config()
    config.set_main_option("script_location", "storage:migrations")
    engine = create_engine(database_url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO received_mail (id, received_at, state, forward_paths, tls, size, transfer_digest)"
                " VALUES ('old', :at, 'received', '[\"a@x.example\"]', :no, :size, :digest)"
            ),
            {"at": datetime(2026, 11, 1), "no": False, "size": len(OCTETS), "digest": b"d" * 32},  # noqa: DTZ001
        )
        connection.execute(text("INSERT INTO mail_octets VALUES ('old', :octets)"), {"octets": OCTETS})
    engine.dispose()


def test_mails_of_the_first_release_are_there_after_the_upgrade(database_url: str) -> None:
    """Octets were one value a mail then, and are chunks now."""
    _made_by_the_first_release(database_url)

    before, after = Store.migrate(database_url)

    store = Store.open(database_url)
    with store.reading() as records:
        assert records.mails.octets("old") == OCTETS
        assert records.mails.get("old").size == len(OCTETS)
    store.close()
    assert (before, after) == ("0001", schema.NEWEST)


def test_companies_of_an_earlier_release_are_found_by_their_names(database_url: str) -> None:
    """Of two with one name the older is found; nobody who registers later founds a third."""
    _made_by_the_first_release(database_url)
    engine = create_engine(database_url)
    with engine.begin() as connection:
        for account_id, name in (("a1", "Muster GmbH"), ("a2", "MUSTER G.m.b.H.")):
            connection.execute(
                text(
                    "INSERT INTO company_account (id, name, status, created_at)"
                    " VALUES (:id, :name, 'registered', :at)"
                ),
                {"id": account_id, "name": name, "at": datetime(2026, 11, 1)},  # noqa: DTZ001
            )
    engine.dispose()

    Store.migrate(database_url)

    store = Store.open(database_url)
    with store.reading() as records:
        found = records.accounts.by_name("muster gesellschaft mit beschränkter haftung")
    store.close()
    assert found is not None
    assert found.id == "a1"


def test_invoices_on_record_are_in_the_inboxes_after_the_upgrade(database_url: str) -> None:
    """With what they say and the words they are found by, as if they came in today."""
    config = Config()
    config.set_main_option("script_location", "storage:migrations")
    engine = create_engine(database_url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0005")
    content = codec.invoice_to_json(
        making.invoice_reading(terms=making.terms(total_with_vat="119.00", currency="EUR"))
    )
    at = datetime(2026, 11, 1, 8, 30)  # noqa: DTZ001
    with engine.begin() as connection:
        for statement in (
            (
                "INSERT INTO received_mail (id, received_at, state, tls, size, transfer_digest)"
                " VALUES ('mail', :at, 'filed', :no, 1, :digest)"
            ),
            (
                "INSERT INTO company_account (id, name, status, created_at)"
                " VALUES ('company', 'Company', 'registered', :at)"
            ),
            (
                "INSERT INTO invoice (id, mail_id, position, account_id, environment, state, received_at,"
                " expires_at, invoice_number, issue_date, content) VALUES ('invoice', 'mail', 0, 'company',"
                " 'productive', 'available', :at, :at, 'R-1', '2026-11-20', :content)"
            ),
        ):
            connection.execute(
                text(statement),
                {"at": at, "no": False, "digest": b"d" * 32, "content": json.dumps(content)},
            )
    engine.dispose()

    Store.migrate(database_url)

    store = Store.open(database_url)
    with store.reading() as records:
        [entry] = records.inbox("company").page(InboxQuery(text="supplier r-1 119,00")).entries
    store.close()
    assert (entry.invoice_id, entry.seller_name, entry.total) == ("invoice", "Supplier", "119.00")
    assert entry.received_at.replace(tzinfo=None) == at
