"""Which mails a filed mail causes: to whom, with what, and when none at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count

import pytest

from ingest.processing.filing import Filer, OnRecord, Rules
from ingest.processing.matching import Candidates
from ingest.processing.notices import Audience, NoticeRules, Recipient
from storage.companies.account_keys import address_key
from storage.expiring.expiry import RetentionPeriods
from storage.records.companies import AccountStatus, CompanyAccount
from storage.records.filing import Filing
from storage.records.history import HistoryEventName
from storage.records.mails import MailState, Outcome, ReceivedMail
from storage.records.outgoing import MailTemplate, OutboundState
from storage.records.people import Language
from storage.records.reading import MailSign, ReturnedMail
from tests import making

ADDRESS = "invoices@company.example"
REGISTERED = making.account(id="registered")
INVITED = making.account(id="invited", status=AccountStatus.INVITED, registered_at=None)
NOBODY = OnRecord(candidates=Candidates({}, {}), newest_links={}, partner=None)
ANNA = Recipient(email="anna@company.example", language=Language.ENGLISH)
BEN = Recipient(email="ben@company.example", language=Language.GERMAN)
TOLD = Audience(members={"registered": [ANNA, BEN]})


@pytest.fixture
def rules() -> Rules:
    """Recipients are told with a link; ids are numbers."""
    numbers: Iterator[int] = count(1)
    return Rules(
        periods=RetentionPeriods(productive_days=90, test_days=30, tombstone_days=365),
        link_life=timedelta(days=30),
        new_id=lambda: f"id-{next(numbers)}",
        token_digest=lambda link_id: f"digest of {link_id}".encode(),
        notices=NoticeRules(attached=False, language=Language.GERMAN),
    )


def _mail(reverse_path: str) -> ReceivedMail:
    return ReceivedMail(
        id="mail",
        received_at=making.NOW,
        state=MailState.CLAIMED,
        outcome=None,
        reason=None,
        envelope=making.envelope(reverse_path=reverse_path, forward_paths=(ADDRESS,)),
        size=1,
        failures=0,
        message_id=None,
        message=None,
        expires_at=None,
        deleted_at=None,
    )


def _known(account: CompanyAccount, audience: Audience = TOLD) -> OnRecord:
    candidates = Candidates({address_key(ADDRESS): account.id}, {account.id: account})
    return replace(NOBODY, candidates=candidates, audience=audience)


def _file(
    rules: Rules,
    now: datetime,
    on_record: OnRecord,
    *,
    reverse_path: str = "billing@supplier.example",
    **reading: object,
) -> Filing:
    return Filer(_mail(reverse_path), on_record, rules, now).file(making.mail_reading(**reading))


def test_each_member_is_told_in_the_language_chosen(rules: Rules, now: datetime) -> None:
    """One mail for each, about all invoices of the received one."""
    two = (making.invoice_reading(), making.invoice_reading(terms=making.terms(invoice_number="R-2")))
    filing = _file(rules, now, _known(REGISTERED), invoices=two)

    ids = ",".join(invoice.id for invoice in filing.invoices)
    assert [(mail.recipient, mail.language, mail.template) for mail in filing.outbound_mails] == [
        (ANNA.email, Language.ENGLISH, MailTemplate.INVOICE),
        (BEN.email, Language.GERMAN, MailTemplate.INVOICE),
    ]
    assert all(mail.context == {"invoices": ids} for mail in filing.outbound_mails)


def test_an_invited_company_gets_its_registration_link(rules: Rules, now: datetime) -> None:
    """With each invoice, as long as the link can be redeemed; with the documents where the operator wants it."""
    attached = replace(rules, notices=NoticeRules(attached=True, language=Language.ENGLISH))
    [mail] = _file(attached, now, NOBODY).outbound_mails

    [link] = _file(rules, now, NOBODY).new_links
    assert (mail.recipient, mail.template) == (ADDRESS, MailTemplate.INVITED_INVOICE_ATTACHED)
    assert mail.language is Language.ENGLISH
    assert mail.context["link"]
    live = replace(_known(INVITED), newest_links={ADDRESS: replace(link, account_id="invited")})
    [again] = _file(rules, now, live).outbound_mails
    assert again.context["link"] == link.id


def test_a_revoked_link_is_not_sent(rules: Rules, now: datetime) -> None:
    """Whoever revoked it does not want this address to be asked again."""
    revoked = making.link("invited", revoked_at=now)

    filing = _file(rules, now, replace(_known(INVITED), newest_links={ADDRESS: revoked}))

    assert filing.outbound_mails == ()


def test_nobody_is_told_where_the_operator_wants_no_mails(rules: Rules, now: datetime) -> None:
    """outbound.mode = "none" is the default."""
    assert _file(replace(rules, notices=None), now, _known(REGISTERED)).outbound_mails == ()


@pytest.mark.parametrize(
    ("reverse_path", "signs", "reason"),
    [
        ("", (), "the mail has an empty reverse-path"),
        ("a@b.example", (MailSign.AUTO_REPLIED,), "the mail is an automatic answer (Auto-Submitted)"),
        ("a@b.example", (MailSign.LIST,), "the mail is for the subscribers of a list or in bulk"),
        ("a@b.example", (MailSign.MAILBOX,), "the mail is sent by a mailbox like this one"),
    ],
)
@pytest.mark.parametrize("on_record", [NOBODY, _known(REGISTERED)], ids=["invited", "registered"])
def test_a_mail_that_nobody_may_answer_causes_none(
    rules: Rules,
    now: datetime,
    on_record: OnRecord,
    reverse_path: str,
    signs: tuple[MailSign, ...],
    reason: str,
) -> None:
    """RFC 3834 2: so two programs do not write to each other for ever. The invoice is on record all the same."""
    filing = _file(rules, now, on_record, reverse_path=reverse_path, signs=signs)

    [withheld] = [one for one in filing.events if one.event is HistoryEventName.NOTICE_WITHHELD]
    assert (filing.outcome, filing.outbound_mails) == (Outcome.RECORDED, ())
    assert withheld.detail == {"reason": reason}


def test_a_billing_programs_mail_is_told_to_members_and_not_to_the_invited(
    rules: Rules, now: datetime
) -> None:
    """Members asked to be told; an address that was never asked gets nothing that a program set off."""
    signs = (MailSign.AUTO_GENERATED,)

    assert len(_file(rules, now, _known(REGISTERED), signs=signs).outbound_mails) == 2
    assert _file(rules, now, NOBODY, signs=signs).outbound_mails == ()


def test_mails_of_an_account_on_hold_wait_for_an_operator(rules: Rules, now: datetime) -> None:
    """While a company is being connected, what would be sent can be looked at first."""
    held = replace(TOLD, held=frozenset({"registered"}))

    filing = _file(rules, now, _known(REGISTERED, held))

    assert {mail.state for mail in filing.outbound_mails} == {OutboundState.HELD}
    assert [one.detail for one in filing.events if one.event is HistoryEventName.NOTICE_HELD] == [
        {"to": ANNA.email},
        {"to": BEN.email},
    ]


def test_an_address_whose_last_mail_came_back_is_left_alone(rules: Rules, now: datetime) -> None:
    """The history says why; the others are told."""
    audience = replace(TOLD, bouncing=frozenset({ANNA.email}))

    filing = _file(rules, now, _known(REGISTERED, audience))

    [withheld] = [one for one in filing.events if one.event is HistoryEventName.NOTICE_WITHHELD]
    assert [mail.recipient for mail in filing.outbound_mails] == [BEN.email]
    assert withheld.detail["to"] == ANNA.email


def test_a_mail_of_ours_that_comes_back_is_no_new_invoice(rules: Rules, now: datetime) -> None:
    """Though its attachment is one: else a notification with the document would be filed, and told of again."""
    own = making.outbound(
        state=OutboundState.SENT, message_id="<invoices.1@host>", context={"invoices": "i1,i2"}, mail_id="m"
    )

    filing = _file(rules, now, replace(_known(REGISTERED), own=own))

    assert (filing.outcome, filing.invoices, filing.outbound_mails) == (Outcome.NO_INVOICE, (), ())
    assert filing.bounce is not None
    assert filing.bounce.message_id == "<invoices.1@host>"
    assert [one.invoice_id for one in filing.events if one.event is HistoryEventName.NOTICE_BOUNCED] == [
        "i1",
        "i2",
    ]


@pytest.mark.parametrize(("failed", "noted"), [(True, True), (False, False)])
def test_a_returned_mail_is_noted_where_it_was_not_delivered(
    rules: Rules, now: datetime, failed: bool, noted: bool
) -> None:
    """A notification that it only takes longer changes nothing (RFC 3464 2.3.3)."""
    own = making.outbound(state=OutboundState.SENT, message_id="<invoices.1@host>")
    returned = ReturnedMail(
        message_id="<invoices.1@host>", status="5.1.1", diagnostic="smtp; 550 no such user", failed=failed
    )

    filing = _file(rules, now, replace(_known(REGISTERED), own=own), returned=returned, invoices=())

    assert (filing.bounce is not None) is noted
    assert filing.reason == (
        "it is about a mail of this mailbox to anna@company.example: 5.1.1 smtp; 550 no such user"
    )
