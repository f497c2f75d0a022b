"""Keys that a company claims, and then proves: by the DNS, by a code to a mailbox, or by an operator's word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from storage.companies.account_keys import (
    AccountKey,
    KeyKind,
    address_key,
    domain_key,
    identifier_key,
    parse_identifier,
    vat_id_key,
)
from storage.companies.claims import Claim
from storage.companies.freemail import is_freemail
from storage.companies.public_suffixes import is_public_suffix
from storage.errors import NotFound
from storage.ids import new_id
from storage.records.acts import ActName
from storage.records.companies import CompanyAccount
from storage.records.outgoing import MailTemplate, OutboundMail
from storage.records.people import Language
from storage.transaction import Transaction

RECORD = "_invoices-proof"  # the name below a domain whose TXT record proves it
TEXT = "invoices-proof="


@dataclass(frozen=True, slots=True)
class Letter:
    """Where the code of a claim goes."""

    mailbox: str
    language: Language


def claimed_key(kind: KeyKind, text: str) -> AccountKey:
    """What is claimed, in its normal form. Raises ValueError, also for a domain that cannot be one company's."""
    match kind:
        case KeyKind.ADDRESS:
            return address_key(text)
        case KeyKind.VAT_ID:
            return vat_id_key(text)
        case KeyKind.IDENTIFIER:
            return identifier_key(parse_identifier(text))
        case KeyKind.DOMAIN:
            key = domain_key(text)
            if is_freemail(key.value) or is_public_suffix(_a_labels(key.value)):
                raise ValueError(f'"{text}" is no single company\'s; claim the address instead')
            return key
        case _:
            raise ValueError(f"a {kind} cannot be claimed")


def begin(
    records: Transaction,
    company: CompanyAccount,
    key: AccountKey,
    shown: str,
    letter: Letter | None,
    *,
    actor: str,
    at: datetime,
) -> Claim:
    """A claim, instead of an earlier one of this company to the same; `letter`: a code is sent that proves it."""
    made, code = records.claims.begin(company.id, key, shown, at)
    if letter is not None:
        mail = OutboundMail(
            id=new_id(),
            template=MailTemplate.CLAIM,
            language=letter.language,
            recipient=letter.mailbox,
            context={"claim_code": code, "key": shown, "company": company.name},
            created_at=at,
            account_id=company.id,
        )
        records.outbox.add([mail])
    _note(records, ActName.KEY_CLAIMED, company, shown, actor, at)
    return made


def prove(
    records: Transaction, company: CompanyAccount, claimed: Claim, *, by: str, actor: str, at: datetime
) -> None:
    """From now on the key finds this company and no other. Raises Conflict when another one proved it first."""
    records.accounts.extend(company.id, _only(company, claimed))
    records.accounts.note_proof(claimed.key, by=by, at=at)
    records.claims.remove(company.id, claimed.key)
    _note(records, ActName.KEY_PROVEN, company, claimed.shown, actor, at, {"by": by})


def withdraw(
    records: Transaction, company: CompanyAccount, claimed: Claim, *, actor: str, at: datetime
) -> None:
    """The company does not claim it any more."""
    records.claims.remove(company.id, claimed.key)
    _note(records, ActName.CLAIM_WITHDRAWN, company, claimed.shown, actor, at)


def give_up(records: Transaction, company: CompanyAccount, shown: str, *, actor: str, at: datetime) -> None:
    """The company wants to be found by a key no more; another one may then prove it. Raises NotFound."""
    if shown not in [proof.shown for proof in records.accounts.proofs(company.id)]:
        raise NotFound(f'"{shown}" is no key of this company')
    records.accounts.withdraw(company.id, shown)
    _note(records, ActName.KEY_GIVEN_UP, company, shown, actor, at)


def refuse(
    records: Transaction, company: CompanyAccount, claimed: Claim, reason: str, *, actor: str, at: datetime
) -> None:
    """An operator does not believe it; the company reads the reason."""
    records.claims.remove(company.id, claimed.key)
    _note(records, ActName.CLAIM_REFUSED, company, claimed.shown, actor, at, {"reason": reason})


def record_of(claimed: Claim) -> tuple[str, str]:
    """Name and text of the TXT record that proves the claim to a domain."""
    return f"{RECORD}.{_a_labels(claimed.key.value)}", f"{TEXT}{claimed.token}"


def is_published(claimed: Claim, texts: Sequence[bytes]) -> bool:
    """Whether the texts at that name are the proof."""
    return record_of(claimed)[1].encode("ascii") in [one.strip() for one in texts]


def is_mailbox_of(mailbox: str, domain: AccountKey) -> bool:
    """Whether a mailbox is one of a domain that is claimed, itself and not one below it. Raises ValueError."""
    return domain.kind is KeyKind.DOMAIN and address_key(mailbox).value.rpartition("@")[2] == domain.value


def _note(
    records: Transaction,
    name: ActName,
    company: CompanyAccount,
    shown: str,
    actor: str,
    at: datetime,
    more: dict[str, str] | None = None,
) -> None:
    detail = {"name": company.name, "key": shown} | (more or {})
    records.acts.add(name, company.id, actor=actor, at=at, detail=detail)


def _a_labels(domain: str) -> str:
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        return domain


def _only(company: CompanyAccount, claimed: Claim) -> CompanyAccount:
    """The account with nothing but the key of the claim."""
    bare = replace(
        company, addresses=(), vat_ids=(), domains=(), identifiers=(), customer_numbers=(), decisions=()
    )
    match claimed.key.kind:
        case KeyKind.ADDRESS:
            return replace(bare, addresses=(claimed.shown,))
        case KeyKind.VAT_ID:
            return replace(bare, vat_ids=(claimed.shown,))
        case KeyKind.DOMAIN:
            return replace(bare, domains=(claimed.shown,))
        case _:
            return replace(bare, identifiers=(parse_identifier(claimed.shown),))
