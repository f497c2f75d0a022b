"""After a sender is checked: warns about the invoices of the mail, and lets the partner's record grow."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ingest.processing.filing import same_seller
from ingest.processing.partner_book import PartnerBook
from ingest.processing.sender_warnings import Earlier, SenderFacts, WarningCode, account_form, sender_warnings
from storage.companies.account_keys import AccountKey, domain_key, vat_id_key
from storage.companies.freemail import is_freemail
from storage.companies.public_suffixes import organizational_domain
from storage.ids import new_id
from storage.records.companies import SecondLook
from storage.records.history import HistoryEvent, HistoryEventName
from storage.records.invoices import Environment, Invoice
from storage.records.mails import ReceivedMail
from storage.records.partners import (
    ContractingPartner,
    PartnerOrigin,
    PartnerTrait,
    PartnerTrust,
    SenderWarning,
    TraitKind,
)
from storage.records.reading import BusinessTerms
from storage.records.senders import SenderAuthentication, SenderStatus
from storage.transaction import Transaction

MOST_ACCOUNTS = 10  # of an invoice that are noted


@dataclass(frozen=True, slots=True)
class Checked:
    """A mail on record, and what is known of its sender now."""

    mail: ReceivedMail
    found: SenderAuthentication


def weigh(records: Transaction, batch: Sequence[Checked], now: datetime) -> None:
    """Writes the warnings about each invoice of the mails, and what these add to their partners, mail after mail.

    Keys come from authenticated mail alone, so nobody can become somebody else by a forged From field. A bank
    account other than the first is never accepted by itself, whoever sent it. Raises Conflict when another worker
    has learned the same meanwhile; then the whole transaction has to be tried again.
    """
    weighed = [one for one in batch if one.mail.message is not None]
    invoices: dict[str, list[Invoice]] = defaultdict(list)
    for invoice in records.invoices.of_mails([one.mail.id for one in weighed]):
        if invoice.reading is not None:
            invoices[invoice.mail_id].append(invoice)
    if not invoices:
        return
    everything = [invoice for found in invoices.values() for invoice in found]
    book = PartnerBook(records, _keys(weighed, everything))
    earlier = _Earlier(records, everything)
    looks = records.second_looks.of([invoice.id for invoice in everything])
    warned: list[tuple[Invoice, list[SenderWarning]]] = []
    for one in weighed:
        for invoice in invoices[one.mail.id]:
            warnings = _weigh(book, one, invoice, earlier.of(invoice))
            warned.append((invoice, warnings))
    records.warnings.replace(warned, at=now)
    for invoice, warnings in warned:
        _decide_second_look(records, invoice, looks.get(invoice.id), warnings, now)
    book.write()


def _weigh(book: PartnerBook, one: Checked, invoice: Invoice, earlier: Earlier | None) -> list[SenderWarning]:
    terms, message, found = _terms(invoice), one.mail.message, one.found
    assert message is not None  # noqa: S101  -- weigh() leaves those without out
    owner = book.owner(_vat_key(terms.seller.vat_id))
    partner = _partner(book, found, owner)
    facts = SenderFacts(
        terms=terms,
        message=message,
        authentication=found,
        partner=partner,
        owner_of_vat_id=owner,
        known_accounts=book.known_accounts(partner or owner),
        partner_domains=_near_domains(book, found),
        earlier=earlier,
    )
    warnings = sender_warnings(facts)
    learned = _learn(book, invoice, found, partner, owner)
    if found.checks == 1 and learned is not None:
        book.count(learned.id, one.mail.received_at)
    return warnings


def _keys(batch: Sequence[Checked], invoices: Sequence[Invoice]) -> set[AccountKey]:
    """By which partners are asked for."""
    domains = {domain_key(domain) for one in batch if (domain := _proven_domain(one.found))}
    vat_ids = {key for invoice in invoices if (key := _vat_key(_terms(invoice).seller.vat_id))}
    return domains | vat_ids


def _decide_second_look(
    records: Transaction,
    invoice: Invoice,
    look: SecondLook | None,
    warnings: list[SenderWarning],
    now: datetime,
) -> None:
    """What an account's policy makes of the warnings; that a sender is new to us holds up nobody."""
    if look is None or look in (SecondLook.RELEASED, SecondLook.REJECTED):
        return
    codes = [one.code for one in warnings if one.code != WarningCode.FIRST_INVOICE]
    if codes:
        event = HistoryEvent(
            at=now,
            event=HistoryEventName.SECOND_LOOK,
            actor="worker",
            detail={"codes": ", ".join(codes)},
            mail_id=invoice.mail_id,
            invoice_id=invoice.id,
        )
        records.history.add([event])
        return
    records.second_looks.put(invoice, None)
    records.second_looks.release_notices([invoice], now)


def _terms(invoice: Invoice) -> BusinessTerms:
    assert invoice.reading is not None  # noqa: S101  -- weigh() leaves those without out
    return invoice.reading.terms


def _partner(
    book: PartnerBook, found: SenderAuthentication, owner: ContractingPartner | None
) -> ContractingPartner | None:
    """Whose mail it is: by the proven domain; else the owner of the VAT identifier, if nothing speaks against it."""
    domain = _proven_domain(found)
    by_domain = book.owner(domain_key(domain)) if domain else None
    if by_domain is not None or owner is None:
        return by_domain
    if not owner.domains:
        return owner
    claimed = organizational_domain(found.from_domain) if found.from_domain else None
    return owner if claimed in owner.domains and found.status is not SenderStatus.FAILED else None


def _proven_domain(found: SenderAuthentication) -> str | None:
    """That of a company: a proven address at a provider for everybody says nothing about one."""
    return found.domain if found.domain and not is_freemail(found.domain) else None


def _near_domains(book: PartnerBook, found: SenderAuthentication) -> tuple[str, ...]:
    if found.from_domain is None:
        return ()
    return tuple(book.domains_about_as_long(organizational_domain(found.from_domain)))


class _Earlier:
    """What the accounts of some invoices have on record with the same numbers."""

    def __init__(self, records: Transaction, invoices: Sequence[Invoice]) -> None:
        numbers = {(one.account_id, one.invoice_number) for one in invoices if one.invoice_number}
        self._found = records.invoices.with_numbers(numbers)

    def of(self, invoice: Invoice) -> Earlier | None:
        """The latest one of the same account with the same number, if it is of the same seller."""
        seller = same_seller(_terms(invoice))
        if seller is None or not invoice.invoice_number:
            return None
        for other in self._found.get((invoice.account_id, invoice.invoice_number), ()):
            if other.reading is None or other.id >= invoice.id or other.mail_id == invoice.mail_id:
                continue
            if same_seller(other.reading.terms) == seller:
                return Earlier(invoice_id=other.id, total_with_vat=other.reading.terms.total_with_vat)
        return None


def _learn(
    book: PartnerBook,
    invoice: Invoice,
    found: SenderAuthentication,
    partner: ContractingPartner | None,
    owner: ContractingPartner | None,
) -> ContractingPartner | None:
    """The partner that this invoice is noted with, made if there is none; None where it must not be noted."""
    domain = _proven_domain(found)
    seller = _terms(invoice).seller
    vat_key = _vat_key(seller.vat_id) if owner is None else None  # else it stays its owner's
    if partner is None:
        if domain is None and vat_key is None:
            return None  # a stranger who names the VAT identifier of a partner, or none
        partner = _new_partner(book, invoice, domain, vat_key)
    elif domain is not None:
        if domain not in partner.domains and _may_grow(partner):
            book.add_key(partner.id, domain_key(domain))
        if vat_key is not None and not partner.vat_ids:
            book.add_key(partner.id, vat_key)
    _note_traits(book, partner, invoice, found)
    return partner


def _note_traits(
    book: PartnerBook, partner: ContractingPartner, invoice: Invoice, found: SenderAuthentication
) -> None:
    """The first bank account is accepted by itself; of any other an operator has to say so."""
    at = invoice.received_at
    known = book.known_accounts(partner)
    for account in _terms(invoice).payee_accounts[:MOST_ACCOUNTS]:
        _note(book, partner, TraitKind.BANK_ACCOUNT, account_form(account), at, accepted=not known)
    for one in found.results:
        if one.method == "dkim" and one.result == "pass" and one.domain:
            _note(book, partner, TraitKind.SIGNING_DOMAIN, one.domain, at, accepted=True)


def _may_grow(partner: ContractingPartner) -> bool:
    """A record that the operator made or judged does not get a domain by itself."""
    return (
        partner.origin is PartnerOrigin.AUTOMATIC
        and partner.trust is PartnerTrust.NEW
        and not partner.domains
    )


def _new_partner(
    book: PartnerBook, invoice: Invoice, domain: str | None, vat_key: AccountKey | None
) -> ContractingPartner:
    seller = _terms(invoice).seller
    name = seller.name or domain or seller.vat_id or "unknown"
    partner = ContractingPartner(
        id=new_id(),
        name=name,
        domains=(domain,) if domain else (),
        vat_ids=(vat_key.value,) if vat_key else (),
        trust=PartnerTrust.NEW,
        environment=Environment.PRODUCTIVE,
        first_seen=None,
        last_seen=None,
        origin=PartnerOrigin.AUTOMATIC,
    )
    if book.is_named(name):
        partner = replace(partner, name=f"{name} ({domain or seller.vat_id}, {partner.id[-8:]})")
    book.add(partner, invoice.received_at)
    return partner


def _note(
    book: PartnerBook,
    partner: ContractingPartner,
    kind: TraitKind,
    value: str,
    at: datetime,
    *,
    accepted: bool,
) -> None:
    trait = PartnerTrait(kind=kind, value=value, accepted=accepted, first_seen=at, last_seen=at)
    book.note(partner.id, trait)


def _vat_key(vat_id: str | None) -> AccountKey | None:
    try:
        return vat_id_key(vat_id or "")
    except ValueError:
        return None
