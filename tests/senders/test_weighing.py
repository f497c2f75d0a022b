"""What a checked sender does to the invoices of the mail and to its partner's record, on both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ingest.processing.look_alikes import look_alike
from ingest.processing.weighing import Checked, weigh
from storage.errors import NotFound
from storage.filed.inbox import Inbox
from storage.filed.inbox_query import InboxQuery
from storage.ids import new_id
from storage.records.companies import SecondLook
from storage.records.filing import Filing
from storage.records.history import HistoryEventName
from storage.records.invoices import Invoice
from storage.records.mails import Outcome, ReceivedMail
from storage.records.partners import ContractingPartner, PartnerOrigin, PartnerTrust
from storage.records.reading import BusinessTerms, Mailbox, Party
from storage.records.senders import AuthenticationResult, SenderAuthentication, SenderStatus
from storage.store import Store
from tests import making
from tests.statements import counted_statements

VAT_ID = "DE123456788"
IBAN, OTHER_IBAN = "DE72000000000000001001", "DE45000000000000002002"


def _authentication(
    domain: str | None, from_domain: str = "supplier.example", **changes: Any
) -> SenderAuthentication:
    values: dict[str, Any] = {
        "status": SenderStatus.AUTHENTICATED if domain else SenderStatus.NOT_AUTHENTICATED,
        "domain": domain,
        "from_domain": from_domain,
        "reason": "a reason",
        "results": (),
        "relay_results": (),
        "client": None,
        "hops": (),
        "checked_at": making.NOW,
    }
    return SenderAuthentication(**values | changes)


def _terms(**changes: Any) -> BusinessTerms:
    values: dict[str, Any] = {
        "seller": Party(name="Supplier GmbH", vat_id=VAT_ID),
        "payee_accounts": (IBAN,),
        "invoice_number": new_id(),
        "total_with_vat": "119.00",
    }
    return making.terms(**values | changes)


class _Mailbox:
    """One account that gets invoices, one after the other."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.account = making.account()
        self.look: SecondLook | None = None  # that a new invoice begins with, as the worker files it
        with store.transaction() as records:
            records.accounts.add(self.account)

    def receive(
        self, authentication: SenderAuthentication, terms: BusinessTerms | None = None, **message: Any
    ) -> list[str]:
        """An invoice comes in; the codes of the warnings about it."""
        [codes] = self.receive_together([(authentication, terms or _terms())], **message)
        return codes

    def receive_together(
        self, mails: list[tuple[SenderAuthentication, BusinessTerms]], **message: Any
    ) -> list[list[str]]:
        """Invoices come in, each with a mail, and are weighed in one batch; the codes of the warnings about each."""
        batch = [Checked(self.filed(terms, **message), authentication) for authentication, terms in mails]
        with self.store.transaction() as records:
            weigh(records, batch, making.NOW)
            invoices = records.invoices.of_mails([one.mail.id for one in batch])
            found = records.warnings.of([invoice.id for invoice in invoices])
        warnings = [found.get(invoice.id, []) for invoice in invoices]
        assert all(one.text.endswith(".") and one.evidence for some in warnings for one in some)
        return [[one.code for one in some] for some in warnings]

    def file(self, number: int) -> list[Checked]:
        """So many mails of two partners in turns, not weighed yet."""
        names = [f"{('one', 'two')[place % 2]}.example" for place in range(number)]
        return [
            Checked(self.filed(_terms(seller=Party(name=name))), _authentication(name, name))
            for name in names
        ]

    def weigh_counted(self, batch: list[Checked]) -> list[str]:
        """Weighs a batch; the statements that it took."""
        with counted_statements(self.store) as asked, self.store.transaction() as records:
            weigh(records, batch, making.NOW)
        return asked

    def filed(self, terms: BusinessTerms, **message: Any) -> ReceivedMail:
        """A mail on record with an invoice."""
        mail = making.incoming(new_id().encode())
        invoice = making.invoice(
            mail_id=mail.id,
            account_id=self.account.id,
            invoice_number=terms.invoice_number,
            reading=making.invoice_reading(terms=terms),
            same_invoice=None,
        )
        filing = Filing(
            mail_id=mail.id,
            outcome=Outcome.RECORDED,
            reason=None,
            message=making.message(**message),
            received_at=making.NOW,
            expires_at=invoice.expires_at,
            invoices=(invoice,),
            second_looks={invoice.id: self.look} if self.look else {},
        )
        self.store.add_mails([mail])
        with self.store.transaction() as records:
            records.mails.claim(by="w", now=making.NOW, lease=timedelta(days=1), limit=1)
            assert records.mails.file(filing, by="w")
            return records.mails.get(mail.id)

    def newest(self) -> Invoice:
        """The last one that came in."""
        with self.store.reading() as records:
            return max(records.invoices.select(), key=lambda invoice: invoice.id)

    def partner(self, text: str) -> ContractingPartner:
        with self.store.reading() as records:
            return records.partners.find(text)


PROVEN = _authentication("supplier.example")
CLAIMED = _authentication(None)
STRANGER = _authentication("evil.example", "evil.example")


@pytest.fixture
def mailbox(store: Store) -> _Mailbox:
    """An account without any invoice yet."""
    return _Mailbox(store)


def test_a_partner_is_put_on_record_by_its_first_invoice(mailbox: _Mailbox) -> None:
    """With its domain, VAT identifier, bank account and signer; the second invoice finds it and warns of nothing."""
    signer = AuthenticationResult(method="dkim", result="pass", domain="mailer.example", detail="")
    proven = _authentication("supplier.example", results=(signer,))

    warned = [mailbox.receive(proven), mailbox.receive(proven)]

    partner = mailbox.partner("supplier.example")
    with mailbox.store.reading() as records:
        traits = [(one.kind, one.value, one.accepted) for one in records.partners.traits(partner.id)]
    assert warned == [["first-invoice-of-sender"], []]
    assert (partner.name, partner.domains, partner.vat_ids) == (
        "Supplier GmbH",
        ("supplier.example",),
        (VAT_ID,),
    )
    assert (partner.origin, partner.trust, partner.invoices) == (PartnerOrigin.AUTOMATIC, PartnerTrust.NEW, 2)
    assert traits == [("bank-account", IBAN, True), ("signing-domain", "mailer.example", True)]


def test_another_bank_account_is_warned_about_until_an_operator_accepts_it(mailbox: _Mailbox) -> None:
    """Also from the partner's own, proven mailbox: that is how such fraud begins. Spaces make no difference."""
    mailbox.receive(PROVEN)
    changed = [mailbox.receive(PROVEN, _terms(payee_accounts=(OTHER_IBAN,))) for _ in range(2)]
    same = mailbox.receive(PROVEN, _terms(payee_accounts=("DE72 0000 0000 0000 0010 01",)))

    with mailbox.store.transaction() as records:
        records.partners.accept_traits(records.partners.find("supplier.example").id)
    accepted = mailbox.receive(PROVEN, _terms(payee_accounts=(OTHER_IBAN,)))

    assert changed == [["bank-account-differs"]] * 2
    assert (same, accepted) == ([], [])


def test_a_stranger_with_a_partners_vat_identifier_changes_nothing_of_it(mailbox: _Mailbox) -> None:
    """Neither a domain nor a bank account of the forger's reaches the record, proven sender or not."""
    mailbox.receive(PROVEN)
    forged = _terms(payee_accounts=(OTHER_IBAN,))

    by_other_domain = mailbox.receive(STRANGER, forged)
    by_forged_from = mailbox.receive(_authentication(None, status=SenderStatus.FAILED), forged)

    partner = mailbox.partner("supplier.example")
    with mailbox.store.reading() as records:
        accounts = [one.value for one in records.partners.traits(partner.id)]
    assert by_other_domain == ["first-invoice-of-sender", "vat-id-of-another-sender", "bank-account-differs"]
    assert by_forged_from == [
        *("first-invoice-of-sender", "sender-not-proven", "vat-id-of-another-sender"),
        "bank-account-differs",
    ]
    assert (partner.domains, partner.invoices, accounts) == (("supplier.example",), 1, [IBAN])
    assert mailbox.partner("evil.example").vat_ids == ()


def test_a_sender_that_proves_nothing_is_known_by_its_vat_identifier(mailbox: _Mailbox) -> None:
    """Many small companies prove nothing; a change of the account must be seen all the same, and is not learned."""
    first, second = mailbox.receive(CLAIMED), mailbox.receive(CLAIMED)
    changed = [mailbox.receive(CLAIMED, _terms(payee_accounts=(OTHER_IBAN,))) for _ in range(2)]

    partner = mailbox.partner("Supplier GmbH")
    assert (first, second) == (["first-invoice-of-sender"], [])
    assert changed == [["bank-account-differs"]] * 2
    assert (partner.domains, partner.vat_ids) == ((), (VAT_ID,))


def test_a_domain_is_added_only_to_a_record_that_nobody_judged(mailbox: _Mailbox) -> None:
    """A partner that the operator knows must not get a stranger's domain because he knew its VAT identifier."""
    mailbox.receive(CLAIMED)
    grown = mailbox.receive(PROVEN)
    with mailbox.store.transaction() as records:
        records.partners.add(
            making.partner(name="Known", vat_ids=("DE987654326",), trust=PartnerTrust.KNOWN), at=making.NOW
        )

    mailbox.receive(STRANGER, _terms(seller=Party(name="X", vat_id="DE987654326"), payee_accounts=()))

    assert grown == []
    assert mailbox.partner("Supplier GmbH").domains == ("supplier.example",)
    assert mailbox.partner("Known").domains == ()
    with pytest.raises(NotFound):
        mailbox.partner("evil.example")


def test_a_proven_address_at_a_provider_for_everybody_is_no_company(mailbox: _Mailbox) -> None:
    """Two sellers at one provider are two partners."""
    freemail = _authentication("gmail.com", "gmail.com")
    mailbox.receive(freemail)
    mailbox.receive(freemail, _terms(seller=Party(name="Other", vat_id="DE987654326")))

    assert mailbox.partner("Supplier GmbH").domains == mailbox.partner("Other").domains == ()
    with pytest.raises(NotFound):
        mailbox.partner("gmail.com")


@pytest.mark.parametrize(
    "domain", ["suppiier.example", "supplier-.example", "supp1ier.example", "suppleir.example"]
)
def test_a_domain_that_looks_like_a_partners_is_told(mailbox: _Mailbox, domain: str) -> None:
    """Proven or not: the forger owns it, so it proves perfectly."""
    mailbox.receive(PROVEN)

    found = mailbox.receive(_authentication(domain, domain), _terms(seller=Party(name="Supplier GmbH")))

    assert found == ["first-invoice-of-sender", "look-alike-domain"]


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("supplier.example", "supplier.example", False),
        ("suppliеr.example", "supplier.example", True),
        ("suppliеr.example".encode("idna").decode(), "supplier.example", True),
        ("rnaier.example", "maier.example", True),
        ("maler.example", "maier.example", True),
        ("supplier.exampl", "supplier.example", True),
        ("abc.example", "abd.example", False),
        ("müller.example", "muller.example", True),
        ("supplier.example", "customer.example", False),
        ("suppliers.example", "supplierxy.example", False),
        ("a" * 60 + ".example", "supplier.example", False),
    ],
)
def test_what_people_take_for_each_other(one: str, other: str, alike: bool) -> None:
    """Signs of other scripts, pairs such as rn and m, one slip; but not every short name is every other."""
    assert look_alike(one, other) is alike
    assert look_alike(other, one) is alike


def test_answers_that_go_elsewhere_are_told(mailbox: _Mailbox) -> None:
    """Another mailbox of the same company is nothing to tell."""
    mailbox.receive(PROVEN)

    def with_reply_to(address: str) -> list[str]:
        return mailbox.receive(PROVEN, reply_to=(Mailbox(name="", address=address),))

    assert with_reply_to("billing@mail.supplier.example") == []
    assert with_reply_to("billing@evil.example") == ["reply-to-elsewhere"]


def test_the_same_number_with_another_amount_is_told(mailbox: _Mailbox) -> None:
    """Of the same seller only: all of them count from one. Written otherwise, an amount is the same."""
    first = _terms(invoice_number="R-1")
    other_seller = _terms(
        invoice_number="R-1", seller=Party(name="B", vat_id="DE987654326"), total_with_vat="1"
    )
    mailbox.receive(PROVEN, first)

    again = mailbox.receive(PROVEN, _terms(invoice_number="R-1", total_with_vat="119.0"))
    more = mailbox.receive(PROVEN, _terms(invoice_number="R-1", total_with_vat="191.00"))

    assert (again, more) == ([], ["same-number-other-amounts"])
    assert "same-number-other-amounts" not in mailbox.receive(STRANGER, other_seller)


@pytest.mark.parametrize("name", ["invoice.pdf.exe", "Rechnung.DOCM", "x.js", "a.lnk"])
def test_programs_and_macros_are_told(mailbox: _Mailbox, name: str) -> None:
    """By name and by content; a PDF is none."""
    mailbox.receive(PROVEN)

    assert mailbox.receive(PROVEN, parts=(making.part(name=name),)) == ["executable-attachment"]
    assert mailbox.receive(PROVEN, parts=(making.part(name="a.pdf"),)) == []


@pytest.mark.parametrize(
    ("held", "in_sight"),
    [(None, True), (SecondLook.WAITING, True), (SecondLook.WITHHELD, False)],
    ids=["note", "hold", "quarantine"],
)
def test_what_a_warning_does_is_the_accounts_policy(
    mailbox: _Mailbox, held: SecondLook | None, in_sight: bool
) -> None:
    """An invoice without a warning goes on by itself; one with a warning waits until somebody has looked."""
    mailbox.receive(PROVEN)
    mailbox.look = held

    mailbox.receive(PROVEN)
    quiet = mailbox.newest()
    warned = mailbox.receive(PROVEN, _terms(payee_accounts=(OTHER_IBAN,)))
    newest = mailbox.newest()

    with mailbox.store.transaction() as records:
        looks = records.second_looks.of([quiet.id, newest.id])
        inbox = Inbox(records.invoices._connection, mailbox.account.id)
        seen = {entry.invoice_id for entry in inbox.page(InboxQuery()).entries}
        events = [event.event for event in records.history.of_invoice(newest.id, newest.mail_id)]
        if not in_sight:
            with pytest.raises(NotFound):
                inbox.invoice(newest.id)
        records.second_looks.put(newest, SecondLook.RELEASED)
        assert inbox.invoice(newest.id).id == newest.id
    assert warned == ["bank-account-differs"]
    assert looks == ({newest.id: held} if held else {})
    assert quiet.id in seen
    assert (newest.id in seen) is in_sight
    assert (HistoryEventName.SECOND_LOOK in events) is (held is not None)


def test_a_sender_that_is_checked_again_is_counted_once(mailbox: _Mailbox) -> None:
    """The warnings of the first, undecided check make room for those that hold now."""
    mailbox.receive(PROVEN)
    trouble = _authentication(None, status=SenderStatus.TEMPERROR)
    mailbox.receive(trouble)
    with mailbox.store.transaction() as records:
        [mail_id, *_] = [invoice.mail_id for invoice in records.invoices.select()]
        again = Checked(records.mails.get(mail_id), _authentication("supplier.example", checks=2))
        weigh(records, [again], making.NOW)

    assert mailbox.partner("supplier.example").invoices == 2


def test_weighing_a_batch_takes_as_many_statements_as_a_few_mails(mailbox: _Mailbox) -> None:
    """It is the larger part of what a mail costs beside filing, and no other worker may wait for its partners long."""
    for name in ("one.example", "two.example"):
        mailbox.receive(_authentication(name, name), _terms(seller=Party(name=name)))
    few, many = mailbox.file(4), mailbox.file(32)

    of_few, of_many = mailbox.weigh_counted(few), mailbox.weigh_counted(many)

    assert len(of_many) == len(of_few)
    assert len(of_many) / 32 < 0.6
    assert mailbox.partner("one.example").invoices == 1 + 2 + 16
    assert sum(one.startswith("UPDATE contracting_partner ") for one in of_many) == 1


def test_mails_of_one_batch_learn_from_each_other(mailbox: _Mailbox) -> None:
    """The second invoice of a new partner is not its first, and another bank account is warned of."""
    account = _terms(payee_accounts=(OTHER_IBAN,))

    warned = mailbox.receive_together([(PROVEN, _terms()), (PROVEN, _terms()), (PROVEN, account)])

    with mailbox.store.reading() as records:
        [partner] = records.partners.all()
        accounts = [(one.value, one.accepted) for one in records.partners.traits(partner.id)]
    assert warned == [["first-invoice-of-sender"], [], ["bank-account-differs"]]
    assert partner.invoices == 3
    assert sorted(accounts) == sorted([(IBAN, True), (OTHER_IBAN, False)])
