"""What one mail adds to the records, decided without a database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count

import pytest

from ingest.processing.filing import Filer, OnRecord, Rules, same_invoice_digest
from ingest.processing.matching import Candidates
from storage.companies.account_keys import address_key, vat_id_key
from storage.expiring.expiry import RetentionPeriods
from storage.records.companies import AccountStatus, CompanyAccount
from storage.records.filing import Filing
from storage.records.invoices import Environment
from storage.records.mails import MailState, Outcome, ReceivedMail
from storage.records.partners import ContractingPartner, PartnerTrust
from storage.records.reading import MailReading, Party, UnreadDocument
from storage.records.registration import RegistrationLink
from tests import making

ADDRESS = "invoices@company.example"
REGISTERED = making.account(id="registered")
INVITED = making.account(
    id="invited", status=AccountStatus.INVITED, addresses=("Invoices@Company.example",), registered_at=None
)
NOBODY = OnRecord(candidates=Candidates({}, {}), newest_links={}, partner=None)


@pytest.fixture
def rules() -> Rules:
    """90 and 30 days; ids are numbers."""
    numbers: Iterator[int] = count(1)
    return Rules(
        periods=RetentionPeriods(productive_days=90, test_days=30, tombstone_days=365),
        link_life=timedelta(days=30),
        new_id=lambda: f"id-{next(numbers)}",
        token_digest=lambda link_id: f"digest of {link_id}".encode(),
    )


def _mail(*forward_paths: str) -> ReceivedMail:
    return ReceivedMail(
        id="mail",
        received_at=making.NOW,
        state=MailState.CLAIMED,
        outcome=None,
        reason=None,
        envelope=making.envelope(forward_paths=forward_paths or (ADDRESS,)),
        size=1,
        failures=0,
        message_id=None,
        message=None,
        expires_at=None,
        deleted_at=None,
    )


def _known(account: CompanyAccount, **changes: object) -> OnRecord:
    candidates = Candidates({address_key(ADDRESS): account.id}, {account.id: account})
    return replace(NOBODY, candidates=candidates, **changes)  # type: ignore[arg-type]  # fields of OnRecord


def _partner(**changes: object) -> ContractingPartner:
    partner = ContractingPartner(
        id="partner",
        name="Supplier",
        domains=("supplier.example",),
        vat_ids=(),
        trust=PartnerTrust.NEW,
        environment=Environment.PRODUCTIVE,
        first_seen=None,
        last_seen=None,
    )
    return replace(partner, **changes)  # type: ignore[arg-type]  # fields of a partner


def _link(now: datetime, **changes: object) -> dict[str, RegistrationLink]:
    link = making.link("invited", expires_at=now + timedelta(days=1))
    return {ADDRESS: replace(link, **changes)}  # type: ignore[arg-type]  # fields of a link


def _file(rules: Rules, now: datetime, on_record: OnRecord, *to: str, **reading: object) -> Filing:
    return Filer(_mail(*to), on_record, rules, now).file(making.mail_reading(**reading))


def test_a_registered_company_gets_its_invoice_and_no_link(rules: Rules, now: datetime) -> None:
    """The plain case: matched by address, productive, kept for 90 days."""
    filing = _file(rules, now, _known(REGISTERED))

    [invoice] = filing.invoices
    assert (filing.outcome, filing.new_accounts, filing.new_links) == (Outcome.RECORDED, (), ())
    assert (invoice.account_id, invoice.matched_by) == ("registered", "recipient-address")
    assert invoice.expires_at == filing.expires_at == making.NOW + timedelta(days=90)
    assert [event.event for event in filing.events] == ["read", "matched", "recorded"]


def test_an_unknown_recipient_is_invited_once(rules: Rules, now: datetime) -> None:
    """Two invoices to one unknown address, in two spellings, make one account and one link."""
    readings = (making.invoice_reading(), making.invoice_reading())

    filing = _file(rules, now, NOBODY, "new@firm.example", "NEW+x@firm.example", invoices=readings)

    [account], [link] = filing.new_accounts, filing.new_links
    assert (account.name, account.status) == ("new@firm.example", AccountStatus.INVITED)
    assert (link.account_id, link.email) == (account.id, "new@firm.example")
    assert link.expires_at == now + timedelta(days=30)
    assert [invoice.account_id for invoice in filing.invoices] == [account.id, account.id]


@pytest.mark.parametrize(
    ("link", "makes_one"),
    [
        ({}, False),
        ({"expires_at": making.NOW}, True),
        ({"revoked_at": making.NOW}, False),
        ({"redeemed_at": making.NOW}, False),
    ],
)
def test_an_invited_address_gets_a_new_link_only_after_the_last_one_expired(
    rules: Rules, now: datetime, link: dict[str, object], makes_one: bool
) -> None:
    """A living link is enough, and what an operator revoked does not come back by itself."""
    filing = _file(rules, now, _known(INVITED, newest_links=_link(now, **link)))

    assert bool(filing.new_links) is makes_one
    assert filing.invoices[0].account_id == "invited"


@pytest.mark.parametrize(
    ("terms", "message", "to", "partner", "reason"),
    [
        ({}, {}, ADDRESS, Environment.PRODUCTIVE, None),
        (
            {"test_indicator": False},
            {"environment_sign": "production"},
            ADDRESS,
            Environment.PRODUCTIVE,
            None,
        ),
        ({"test_indicator": True}, {}, ADDRESS, Environment.PRODUCTIVE, "test-indicator"),
        ({}, {"environment_sign": "TEST"}, ADDRESS, Environment.PRODUCTIVE, "header"),
        ({}, {}, "invoices+test@company.example", Environment.PRODUCTIVE, "test-address"),
        ({}, {}, "test@company.example", Environment.PRODUCTIVE, None),
        ({}, {}, ADDRESS, Environment.TEST, "partner-being-connected"),
    ],
)
def test_an_invoice_is_a_test_only_by_a_sign(
    rules: Rules,
    now: datetime,
    terms: dict[str, object],
    message: dict[str, object],
    to: str,
    partner: Environment,
    reason: str | None,
) -> None:
    """When in doubt productive: deleting a real invoice too early cannot be mended."""
    candidates = Candidates(
        {address_key(ADDRESS): "registered", address_key("test@company.example"): "registered"},
        {"registered": REGISTERED},
    )
    on_record = OnRecord(candidates=candidates, newest_links={}, partner=_partner(environment=partner))
    reading = making.invoice_reading(terms=making.terms(**terms))

    filing = _file(rules, now, on_record, to, invoices=(reading,), message=making.message(**message))

    [invoice] = filing.invoices
    assert invoice.environment_reason == reason
    assert invoice.environment is (Environment.TEST if reason else Environment.PRODUCTIVE)
    assert invoice.expires_at - invoice.received_at == timedelta(days=30 if reason else 90)


def test_the_mailbox_wins_over_the_document_and_says_so(rules: Rules, now: datetime) -> None:
    """The invoice names another registered company: it stays with the mailbox, which is warned; the other
    company learns nothing."""
    candidates = Candidates(
        {address_key(ADDRESS): "registered", vat_id_key("DE123456788"): "other"},
        {"registered": REGISTERED, "other": making.account(id="other")},
    )
    reading = making.invoice_reading(terms=making.terms(buyer=Party(vat_id="DE123456788")))

    filing = _file(rules, now, replace(NOBODY, candidates=candidates), invoices=(reading,))

    [invoice] = filing.invoices
    assert invoice.account_id == "registered"
    assert invoice.reading is not None
    assert [warning.code for warning in invoice.reading.warnings] == ["buyer-mismatch"]


def test_a_blocked_partners_mail_goes_to_quarantine(rules: Rules, now: datetime) -> None:
    """Nothing of it is filed, and nobody is invited by it."""
    on_record = replace(NOBODY, partner=_partner(trust=PartnerTrust.BLOCKED))

    filing = _file(rules, now, on_record)

    assert (filing.outcome, filing.reason) == (Outcome.QUARANTINED, 'the partner "Supplier" is blocked')
    assert (filing.invoices, filing.new_accounts, filing.new_links) == ((), (), ())


def test_a_mail_whose_second_invoice_has_no_recipient_is_set_aside_whole(rules: Rules, now: datetime) -> None:
    """Half a mail on record would be worse than a question to the operator."""
    known = replace(NOBODY, candidates=Candidates({vat_id_key("DE123456788"): "registered"}, {}))
    readings = (
        making.invoice_reading(terms=making.terms(buyer=Party(vat_id="DE123456788"))),
        making.invoice_reading(),
    )

    filing = Filer(_mail("postmaster"), known, rules, now).file(making.mail_reading(invoices=readings))

    assert filing.outcome is Outcome.QUARANTINED
    assert "postmaster" in (filing.reason or "")
    assert [event.event for event in filing.events] == ["quarantined"]


def test_an_unreadable_document_alone_is_quarantined(rules: Rules, now: datetime) -> None:
    """Somebody may have sent an invoice; only a person can tell."""
    unread = UnreadDocument(part=making.part(name="r.pdf"), reason="the PDF is broken")
    reading = MailReading(message=making.message(), invoices=(), unread=(unread,))

    filing = Filer(_mail(), NOBODY, rules, now).file(reading)

    assert (filing.outcome, filing.reason) == (Outcome.QUARANTINED, '"r.pdf": the PDF is broken')


def test_a_mail_without_an_invoice_is_kept_and_invites_nobody(rules: Rules, now: datetime) -> None:
    """It is listed as no-invoice until it expires like a productive invoice."""
    filing = _file(rules, now, NOBODY, invoices=())

    assert (filing.outcome, filing.reason) == (Outcome.NO_INVOICE, "its only part is no invoice")
    assert (filing.new_accounts, filing.new_links) == ((), ())
    assert filing.expires_at == making.NOW + timedelta(days=90)


def test_the_same_invoice_is_known_by_seller_number_and_date() -> None:
    """The VAT identifier counts without its spaces; with one of the three unknown nothing can be said."""
    plain = making.terms(seller=Party(name="A", vat_id="DE123456788"))
    spaced = making.terms(seller=Party(name="B", vat_id="DE 123 456 788"))
    by_name = making.terms(seller=Party(name="A"))
    undated = making.terms(issue_date=None)

    assert same_invoice_digest(plain) == same_invoice_digest(spaced)
    assert same_invoice_digest(plain) != same_invoice_digest(by_name)
    assert same_invoice_digest(undated) is None
