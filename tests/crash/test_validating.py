"""The daemon says what an invoice is worth, by itself, after it has filed it."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.build_mails import MAIL_FOLDER
from fixtures.mailbox import Mailbox, patiently
from ingest.processing.validator import LEASE
from storage.store import Store
from tests import making

_TO = ["invoices@company.example"]


def _octets(sample: str) -> bytes:
    return (MAIL_FOLDER / sample / "message.eml").read_bytes()


def _worth(mailbox: Mailbox, mail_id: str) -> str:
    for _ in patiently("the invoice is not validated"):
        [invoice] = [one for one in mailbox.run("list") if one["mail_id"] == mail_id]
        if invoice["validation"] is not None:
            return str(invoice["validation"]["class"])
    raise AssertionError


@pytest.mark.usefixtures("tables")
def test_the_daemon_validates_what_it_has_filed(tmp_path: Path, database_url: str) -> None:
    """From the socket to the class, on both engines; its history tells of it."""
    mailbox = Mailbox(tmp_path, {"DATABASE__URL": database_url})
    with mailbox.serving():
        mail_id = mailbox.send(_octets("xrechnung-ubl"), _TO)
        mailbox.wait_until_filed({mail_id})
        worth = _worth(mailbox, mail_id)

    events = [event["event"] for event in mailbox.run("history", mail_id)]
    assert worth == "valid"
    assert events.count("validated") == 1


def test_switched_off_it_validates_nothing_and_makes_up_for_it_later(tmp_path: Path, sqlite_url: str) -> None:
    """As where the packages are missing: invoices wait, and are validated once somebody can."""
    settings = {"DATABASE__URL": sqlite_url}
    off = Mailbox(tmp_path, {**settings, "VALIDATION__MODE": "off"})
    with off.serving():
        mail_id = off.send(_octets("hybrid-factur-x-minimum"), _TO)
        off.wait_until_filed({mail_id})
        told = off.events("validation-off")
    [before] = off.run("list")
    on = Mailbox(tmp_path, settings)
    with on.serving():
        worth = _worth(on, mail_id)

    assert before["validation"] is None
    assert [one["reason"] for one in told] == ["validation.mode is off"]
    assert worth == "keine E-Rechnung"


def test_a_daemon_killed_while_it_validates_loses_and_doubles_nothing(
    tmp_path: Path, sqlite_url: str
) -> None:
    """The invoice waits until its lease is over, and is then taken again; here its lease is put into the past."""
    mailbox = Mailbox(tmp_path, {"DATABASE__URL": sqlite_url, "VALIDATION__MODE": "off"})
    with mailbox.serving():
        mail_id = mailbox.send(_octets("xrechnung-cii"), _TO)
        mailbox.wait_until_filed({mail_id})
    _claimed_by_somebody_who_died(sqlite_url)

    again = Mailbox(tmp_path, {"DATABASE__URL": sqlite_url})
    with again.serving():
        worth = _worth(again, mail_id)

    events = [event["event"] for event in again.run("history", mail_id)]
    assert worth == "valid"
    assert events.count("validated") == 1


def _claimed_by_somebody_who_died(url: str) -> None:
    store = Store.open(url)
    with store.transaction() as records:
        long_ago = making.NOW - 10 * LEASE
        assert len(records.validations.claim(now=long_ago, lease=LEASE, limit=8)) == 1
    store.close()
