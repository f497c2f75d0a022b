"""People see in time what will be deleted, and can take it along."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from datetime import timedelta

import pytest

from storage.expiring.retention_records import HoldKind, LegalHold
from storage.ids import new_id
from storage.records.companies import CompanyAccount
from storage.records.filing import Filing
from storage.records.invoices import Environment
from storage.records.mails import Outcome
from tests import making
from tests.portal.browsers import NOW, Browser, Place

DAY = timedelta(days=1)


@pytest.fixture
def company(place: Place) -> CompanyAccount:
    """A company with an empty inbox."""
    return place.company(name="Musterwerk GmbH")


@pytest.fixture
def browser(place: Place, company: CompanyAccount) -> Browser:
    """One in which a member of the company is signed in."""
    return place.signed_in(place.user(company))


def _filed(
    place: Place,
    company: CompanyAccount,
    number: str,
    days: int,
    environment: Environment = Environment.PRODUCTIVE,
) -> str:
    """The id of an invoice that expires in so many days."""
    mail = making.incoming(number.encode())
    invoice = making.invoice(
        mail_id=mail.id,
        account_id=company.id,
        invoice_number=number,
        environment=environment,
        received_at=NOW - DAY,
        expires_at=NOW + days * DAY,
    )
    filing = Filing(
        mail_id=mail.id,
        outcome=Outcome.RECORDED,
        reason=None,
        message=making.message(),
        received_at=NOW - DAY,
        expires_at=invoice.expires_at,
        invoices=(invoice,),
    )
    place.store.add_mails([mail])
    with place.store.transaction() as records:
        records.mails.claim(by="a", now=NOW, lease=DAY, limit=1)
        assert records.mails.file(filing, by="a")
    return invoice.id


def _inbox(company: CompanyAccount, rest: str = "") -> str:
    return f"/companies/{company.id}/invoices{rest}"


def test_the_inbox_tells_of_what_goes_soon_and_shows_it(
    place: Place, company: CompanyAccount, browser: Browser
) -> None:
    """Productive ones of this company that nobody holds, and no others."""
    soon = [_filed(place, company, f"SOON-{days}", days) for days in (3, 14)]
    _filed(place, company, "LATER", 15)
    _filed(place, company, "TRIAL", 3, Environment.TEST)
    _filed(place, place.company(name="Other"), "OTHERS", 3)
    held = _filed(place, company, "HELD", 3)
    hold = LegalHold(
        id=new_id(), kind=HoldKind.INVOICE, subject_id=held, reason="audit", set_by="operator", set_at=NOW
    )
    with place.store.transaction() as records:
        records.holds.set(hold)

    listed = browser.get(_inbox(company)).text
    filtered = browser.get(_inbox(company, "?state=expiring")).text
    table = browser.get(_inbox(company, ".csv?state=expiring")).text

    assert len(soon) == 2
    assert "2 invoices will be deleted within 14 days" in listed
    assert [
        name for name in ("SOON-3", "SOON-14", "LATER", "TRIAL", "OTHERS", "HELD") if name in filtered
    ] == [
        "SOON-3",
        "SOON-14",
    ]
    assert table.count("SOON-") == len(table.splitlines()) - 1 == 2


def test_what_goes_soon_is_taken_along_in_one_file(
    place: Place, company: CompanyAccount, browser: Browser
) -> None:
    """The first to go first; that it was downloaded is on record."""
    invoice_id = _filed(place, company, "SOON", 3)
    _filed(place, company, "LATER", 15)
    browser.get(_inbox(company))

    answer = browser.post(_inbox(company, "/take-along"), {})

    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        folders = {name.partition("/")[0] for name in archive.namelist()}
    with place.store.reading() as records:
        invoice = records.invoices.get(invoice_id)
        events = [one.event for one in records.history.of_invoice(invoice_id, invoice.mail_id)]
    assert len(folders) == 1
    assert "downloaded" in events


def test_without_anything_due_soon_nothing_is_said(
    place: Place, company: CompanyAccount, browser: Browser
) -> None:
    """A warning that is always there is read by nobody."""
    _filed(place, company, "LATER", 15)

    listed = browser.get(_inbox(company)).text
    answer = browser.post(_inbox(company, "/take-along"), {})

    assert "will be deleted within" not in listed
    assert answer.headers["location"] == _inbox(company, "?notice=none_chosen")


def test_how_long_before_is_a_setting(place: Place, company: CompanyAccount) -> None:
    """`retention.warn_days`, the same as that of the mails; 0 is never."""
    user = place.user(company)
    _filed(place, company, "SOON", 20)
    said = {}

    for days in (0, 14, 21):
        place.portal = replace(place.portal, warn_ahead=days * DAY)
        said[days] = "will be deleted within" in place.signed_in(user).get(_inbox(company)).text

    assert said == {0: False, 14: False, 21: True}
