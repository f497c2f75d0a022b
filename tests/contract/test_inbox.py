"""The inboxes of companies: what they show, in which order, what is found, and that each is its company's alone."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from retention.worker import drill
from storage.errors import NotFound
from storage.expiring.expiry import RetentionPeriods
from storage.filed.inbox_query import Cursor, InboxOrder, InboxPage, InboxQuery, InboxState
from storage.ids import new_id
from storage.records.companies import CompanyAccount
from storage.records.invoices import Environment, Invoice, InvoiceState
from storage.records.reading import Finding, Party
from storage.records.validation import ValidationClass, ValidationStatus
from storage.store import Store
from tests import making
from tests.making import NOW
from tests.validated import validation

PERIODS = RetentionPeriods(productive_days=90, test_days=30, tombstone_days=365)


class Company:
    """A company on record and its inbox."""

    def __init__(self, store: Store, address: str) -> None:
        self.store = store
        self.account: CompanyAccount = making.account(addresses=(address,))
        with store.transaction() as records:
            records.accounts.add(self.account)

    def gets(self, subject: str | None = None, **changes: Any) -> Invoice:
        """An invoice; `seller`, `total`, `number` and `warnings` are what it says."""
        seller, total = changes.pop("seller", "Supplier"), changes.pop("total", "119.00")
        number, date = changes.pop("number", "R-1"), changes.pop("date", "2026-11-20")
        warnings = changes.pop("warnings", ())
        reading = making.invoice_reading(
            terms=making.terms(
                invoice_number=number,
                issue_date=date,
                currency="EUR",
                total_with_vat=total,
                seller=Party(name=seller, vat_id="DE123456788"),
            ),
            warnings=warnings,
        )
        mail = making.incoming(new_id().encode())
        invoice = making.invoice(
            account_id=self.account.id,
            mail_id=mail.id,
            reading=reading,
            invoice_number=number,
            issue_date=date,
            **changes,
        )
        self.store.add_mails([mail])
        with self.store.transaction() as records:
            records.invoices.add([invoice], {invoice.mail_id: subject})
        return invoice

    def page(self, user_id: str | None = None, **query: Any) -> InboxPage:
        """What the inbox shows."""
        with self.store.reading() as records:
            return records.inbox(self.account.id).page(InboxQuery(**query), user_id)

    def found(self, text: str, **query: Any) -> set[str | None]:
        """The numbers of the invoices that a search finds."""
        return {entry.invoice_number for entry in self.page(text=text, **query).entries}


@pytest.fixture
def company(store: Store) -> Company:
    """A company with an empty inbox."""
    return Company(store, "a@a.example")


def _numbers(page: InboxPage) -> list[str | None]:
    return [entry.invoice_number for entry in page.entries]


def _walked(company: Company, **query: Any) -> Iterator[InboxPage]:
    at = None
    while True:
        page = company.page(at=at, **query)
        yield page
        at = page.next
        if at is None:
            return


def test_an_entry_shows_what_the_invoice_says(company: Company) -> None:
    """So that a list needs no document to be opened."""
    warning = Finding(code="x", text="Something is odd.")
    invoice = company.gets(warnings=(warning,), environment=Environment.TEST)

    [entry] = company.page().entries

    assert (entry.invoice_id, entry.invoice_number, entry.issue_date) == (invoice.id, "R-1", "2026-11-20")
    assert (entry.seller_name, entry.total, entry.currency) == ("Supplier", "119.00", "EUR")
    assert (entry.state, entry.environment) == (InvoiceState.AVAILABLE, Environment.TEST)
    assert (entry.warnings, entry.read, entry.done_at) == (1, False, None)
    assert (entry.received_at, entry.expires_at) == (invoice.received_at, invoice.expires_at)


def test_every_page_of_an_inbox_shows_what_the_last_did_not(company: Company) -> None:
    """In every order, also among equals and unknowns, forward and back."""
    for at in range(11):
        company.gets(
            number=f"R-{at % 4}",
            seller=["Ä", "Zebra", None, "aal"][at % 4],
            total=["5.00", None, "1e3", "x"][at % 4],
            date=["2026-01-01", None][at % 2],
            received_at=NOW + timedelta(minutes=at // 2),
        )

    for order, descending in itertools.product(InboxOrder, (True, False)):
        pages = list(_walked(company, order=order, descending=descending, size=4))
        forward = [entry.invoice_id for page in pages for entry in page.entries]
        back = company.page(at=pages[-1].previous, order=order, descending=descending, size=4)
        first = company.page(at=back.previous, order=order, descending=descending, size=4)

        assert len(forward) == len(set(forward)) == 11
        assert [len(page.entries) for page in pages] == [4, 4, 3]
        assert [page.count for page in pages] == [11, 11, 11]
        assert back.entries == pages[1].entries
        assert first.entries == pages[0].entries
        assert first.previous is None


def test_an_inbox_is_sorted_as_people_do(company: Company) -> None:
    """Names without case and accents, amounts by their value."""
    for seller, total in (("Ökohof", "9.00"), ("alpha", "100.00"), ("Zeta", "20.00"), ("Muster", None)):
        company.gets(seller=seller, total=total)

    by_name = company.page(order=InboxOrder.PARTNER, descending=False)
    by_amount = company.page(order=InboxOrder.AMOUNT)

    assert [entry.seller_name for entry in by_name.entries] == ["alpha", "Muster", "Ökohof", "Zeta"]
    assert [entry.total for entry in by_amount.entries] == ["100.00", "20.00", "9.00", None]


def test_what_is_looked_for_is_found(company: Company) -> None:
    """By number, partner, amount and what else it says; each word may be a beginning, all have to be there."""
    company.gets(number="RE-2026-4711", seller="Müller & Söhne GmbH", total="1190.00", subject="Lizenz Q4")
    company.gets(number="B 17", seller="Musterwerk", total="23.50")

    for text in (
        *("4711", "RE-2026-4711", "re20264711", "re-2026", "müller", "MUELLER", "söhne gmbh", "müll 4711"),
        *("1.190,00", "1190.00", "1190,00", "1190", "4711 1.190,00", "lizenz", "DE123456788 4711"),
    ):
        assert company.found(text) == {"RE-2026-4711"}, text
    assert company.found("mu") == {"RE-2026-4711", "B 17"}
    for text in ("4712", "müller 17", "11,90", "%", "_", "' OR 1=1", "üller"):
        assert company.found(text) in (set(), {"RE-2026-4711", "B 17"} if text in "%_" else set()), text


def test_words_that_many_have_are_found_too(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such a word is not looked up but met on the way; the answer is the same."""
    monkeypatch.setattr("storage.filed.inbox._RARE", 2)
    for number in ("A-1", "A-2", "A-3", "B-4"):
        company.gets(number=number)

    assert company.found("supplier a") == {"A-1", "A-2", "A-3"}
    assert company.found("supplier b 4") == {"B-4"}


def test_filters_show_what_they_say(company: Company) -> None:
    """Each alone; several narrow each other down."""
    company.gets(number="test", environment=Environment.TEST)
    company.gets(number="large", total="5000.00", seller="Large AG")
    company.gets(number="old", received_at=NOW - timedelta(days=9))
    company.gets(number="odd", warnings=(Finding(code="x", text="Odd."),))
    company.gets(number="unknown", total=None)

    def shown(**query: Any) -> set[str | None]:
        return set(_numbers(company.page(**query)))

    assert shown(environment=Environment.TEST) == {"test"}
    assert shown(partner="LARGE ag") == {"large"}
    assert shown(amount_from=500000) == {"large"}
    assert shown(amount_to=11900) == {"test", "old", "odd"}
    assert shown(received_before=NOW) == {"old"}
    assert shown(received_from=NOW) == {"test", "large", "odd", "unknown"}
    assert shown(state=InboxState.WARNINGS) == {"odd"}
    assert shown(state=InboxState.WARNINGS, environment=Environment.TEST) == set()


def test_what_validation_found_wrong_is_found(company: Company, store: Store) -> None:
    """Until it is examined again and sound; warnings are something else, and another company has none of it."""
    bad, good = company.gets(number="bad"), company.gets(number="good")
    company.gets(number="not yet")
    sound = validation(status=ValidationStatus.VALID, class_=ValidationClass.VALID, findings=())
    with store.transaction() as records:
        assert records.validations.record(bad.id, validation(), at=NOW)
        assert records.validations.record(good.id, sound, at=NOW)

    assert _numbers(company.page(state=InboxState.ERRORS)) == ["bad"]
    assert Company(store, "another@mailbox.example").page(state=InboxState.ERRORS).entries == ()
    with store.transaction() as records:
        assert records.validations.record(bad.id, sound, at=NOW, again=True)
    assert _numbers(company.page(state=InboxState.ERRORS)) == []


def test_where_the_supplier_is_unknown_the_sender_is_shown(company: Company, store: Store) -> None:
    """Who reads mail knows it by that; a deleted invoice is known by nobody's address."""
    invoice = company.gets(number="1", seller=None)
    company.gets(number="2")

    senders = {entry.invoice_number: entry.sender for entry in company.page().entries}
    drill(store, PERIODS, invoice.expires_at)

    assert senders == {"1": "billing@supplier.example", "2": None}
    assert {entry.sender for entry in company.page().entries} == {None}


def test_what_was_done_is_the_companys_and_what_was_read_is_the_persons(
    company: Company, store: Store
) -> None:
    """Two people share the work, and each knows what is new to them."""
    first, second = company.gets(number="1"), company.gets(number="2")
    with store.transaction() as records:
        inbox = records.inbox(company.account.id)
        inbox.set_read([first.id], "erika", NOW)
        inbox.set_done([second.id], at=NOW, by="max")
        inbox.set_note(second.id, "paid twice?")

    assert _numbers(company.page("erika", state=InboxState.UNREAD)) == ["2"]
    assert set(_numbers(company.page("max", state=InboxState.UNREAD))) == {"1", "2"}
    assert _numbers(company.page(state=InboxState.DONE)) == ["2"]
    assert _numbers(company.page(state=InboxState.OPEN)) == ["1"]
    with store.transaction() as records:
        inbox = records.inbox(company.account.id)
        handling = inbox.handling(second.id)
        assert (handling.done_by, handling.note) == ("max", "paid twice?")
        inbox.set_done([second.id], at=None, by="max")
        inbox.set_unread([first.id], "erika")
        assert inbox.handling(second.id).done_at is None
    assert len(company.page("erika", state=InboxState.UNREAD).entries) == 2


def test_a_deleted_invoice_is_known_by_its_number_only(company: Company, store: Store) -> None:
    """Nothing that it said is left, neither in the list nor in what is searched."""
    invoice = company.gets(number="RE-4711", seller="Geheim GmbH", total="1234.56", subject="Vertraulich")
    with store.transaction() as records:
        records.inbox(company.account.id).set_note(invoice.id, "confidential")

    drill(store, PERIODS, invoice.expires_at)

    [entry] = company.page(state=InboxState.DELETED).entries
    assert (entry.invoice_number, entry.seller_name, entry.total) == ("RE-4711", None, None)
    assert company.found("4711") == {"RE-4711"}
    for text in ("geheim", "1234,56", "vertraulich"):
        assert company.found(text) == set()
    with store.reading() as records:
        assert records.inbox(company.account.id).handling(invoice.id).note is None
    drill(store, PERIODS, invoice.expires_at + timedelta(days=366))
    assert company.page().entries == ()


def test_a_company_sees_nothing_of_another(company: Company, store: Store) -> None:
    """Whatever it asks for by whichever id."""
    other = Company(store, "b@b.example")
    invoice = other.gets(number="secret")
    with store.transaction() as records:
        inbox = records.inbox(company.account.id)
        for attempt in (
            lambda: inbox.invoice(invoice.id),
            lambda: inbox.handling(invoice.id),
            lambda: inbox.set_done([invoice.id], at=NOW, by="me"),
            lambda: inbox.set_note(invoice.id, "mine"),
            lambda: inbox.acknowledge(invoice.id, NOW),
            lambda: inbox.set_read([invoice.id], "me", NOW),
            lambda: inbox.set_unread([invoice.id], "me"),
        ):
            with pytest.raises(NotFound):
                attempt()

    assert company.page().entries == ()
    assert company.found("secret") == set()
    with store.reading() as records:
        assert records.inbox(company.account.id).partners() == []
        assert records.inbox(other.account.id).partners() == ["Supplier"]
        assert records.inbox(other.account.id).handling(invoice.id).note is None


@pytest.mark.parametrize(
    "text", ["", "x", "bm9w", "WzEsMiwzXQ", "W10", "bnVsbA", "WyJhIiwiYiIsMV0", "WyJcdTAwMDAiLCJhIiwwXQ"]
)
def test_a_place_that_is_none_is_no_place(text: str) -> None:
    """It comes from a link, which anybody may write."""
    assert Cursor.read(text, InboxOrder.AMOUNT) is None


def test_a_place_is_read_as_it_was_written() -> None:
    """Also back, and with a key that is not ASCII."""
    place = Cursor(key="Ökohof", invoice_id="1", back=True)

    assert Cursor.read(place.written(), InboxOrder.PARTNER) == place
    assert Cursor.read(replace(place, key=5).written(), InboxOrder.AMOUNT) == replace(place, key=5)
    assert Cursor.read(place.written(), InboxOrder.RECEIVED) is None


def test_a_token_opens_its_company_until_it_is_revoked(company: Company, store: Store) -> None:
    """Its secret is shown once and not kept; another company cannot end it."""
    with store.transaction() as records:
        token, secret = records.api_tokens.issue(company.account.id, "ERP", at=NOW, by="erika")
        records.api_tokens.used(token.id, NOW)

    with store.transaction() as records:
        found = records.api_tokens.live(secret)
        assert found is not None
        assert (found.account_id, found.last_used_at) == (company.account.id, NOW)
        assert records.api_tokens.live(secret[:-1]) is None
        with pytest.raises(NotFound):
            records.api_tokens.revoke("another", token.id, NOW)
        records.api_tokens.revoke(company.account.id, token.id, NOW)
        assert records.api_tokens.live(secret) is None
        assert records.api_tokens.of_account(company.account.id) == []
