"""What should make people look twice before they pay an invoice; a pure function of what is known of its sender."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from ingest.processing.look_alikes import look_alike
from storage.companies.public_suffixes import organizational_domain
from storage.records.partners import ContractingPartner, SenderWarning
from storage.records.reading import BusinessTerms, Message
from storage.records.senders import SenderAuthentication, SenderStatus


class WarningCode(StrEnum):
    """Every warning about a sender; docs/senders.md tells what each means."""

    FIRST_INVOICE = "first-invoice-of-sender"
    NOT_PROVEN = "sender-not-proven"
    VAT_ID_OF_ANOTHER = "vat-id-of-another-sender"
    BANK_ACCOUNT_DIFFERS = "bank-account-differs"
    LOOK_ALIKE = "look-alike-domain"
    REPLY_TO_ELSEWHERE = "reply-to-elsewhere"
    OTHER_AMOUNTS = "same-number-other-amounts"
    EXECUTABLE = "executable-attachment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """An invoice of the same account, seller and number that is on record already."""

    invoice_id: str
    total_with_vat: str | None  # BT-112


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderFacts:
    """What the warnings about one invoice depend on; all of it from before this mail."""

    terms: BusinessTerms
    message: Message
    authentication: SenderAuthentication
    partner: ContractingPartner | None  # that this mail is of
    owner_of_vat_id: ContractingPartner | None  # to whom the seller's VAT identifier belongs
    known_accounts: frozenset[str]  # to which this partner was paid so far
    partner_domains: tuple[str, ...]  # of all partners, as far as they are about as long
    earlier: Earlier | None


def sender_warnings(facts: SenderFacts) -> list[SenderWarning]:
    """All warnings, each with its evidence."""
    return [
        *_first_invoice(facts),
        *_not_proven(facts),
        *_vat_id_of_another(facts),
        *_bank_account(facts),
        *_look_alike(facts),
        *_reply_to(facts),
        *_other_amounts(facts),
        *_executable(facts),
    ]


def _first_invoice(facts: SenderFacts) -> Iterator[SenderWarning]:
    if facts.partner is None or facts.partner.invoices == 0:
        sender = facts.authentication.domain or facts.authentication.from_domain or "an unknown sender"
        yield _warning(WarningCode.FIRST_INVOICE, f"It is the first invoice of {sender}.", {"sender": sender})


def _not_proven(facts: SenderFacts) -> Iterator[SenderWarning]:
    found = facts.authentication
    if found.status is SenderStatus.FAILED:
        yield _warning(
            WarningCode.NOT_PROVEN,
            f"The sender may be forged: {found.reason}.",
            {"from_domain": found.from_domain or ""},
        )


def _vat_id_of_another(facts: SenderFacts) -> Iterator[SenderWarning]:
    """A VAT identifier that is known under one domain, in a mail that is not proven to be of that domain."""
    owner, domain = facts.owner_of_vat_id, facts.authentication.domain
    if owner is None or not owner.domains or domain in owner.domains:
        return
    known = ", ".join(owner.domains)
    sender = domain or facts.authentication.from_domain or "an unknown sender"
    if domain is None and facts.authentication.from_domain is not None:
        from_domain = organizational_domain(facts.authentication.from_domain)
        if from_domain in owner.domains and facts.authentication.status is not SenderStatus.FAILED:
            return  # unproven, but not from elsewhere: many senders prove nothing
    yield _warning(
        WarningCode.VAT_ID_OF_ANOTHER,
        f"The seller's VAT identifier is known from {known}; this mail came from {sender}.",
        {"vat_id": facts.terms.seller.vat_id or "", "known_domains": known, "sender": sender},
    )


def _bank_account(facts: SenderFacts) -> Iterator[SenderWarning]:
    new = [one for one in map(account_form, facts.terms.payee_accounts) if one not in facts.known_accounts]
    if new and facts.known_accounts:
        # Their ends only: a company that knows no more than a VAT identifier must not learn whole accounts so.
        known = ", ".join(f"…{one[-4:]}" for one in sorted(facts.known_accounts)[:3])
        yield _warning(
            WarningCode.BANK_ACCOUNT_DIFFERS,
            f"It asks for payment to {', '.join(new)}; this sender was always paid to {known}."
            " Ask the sender by a telephone number that you know already.",
            {"account": ", ".join(new), "known_accounts": known},
        )


def _look_alike(facts: SenderFacts) -> Iterator[SenderWarning]:
    from_domain = facts.authentication.from_domain
    if from_domain is None:
        return
    domain = organizational_domain(from_domain)
    if domain in facts.partner_domains:
        return
    alike = next((one for one in facts.partner_domains if look_alike(domain, one)), None)
    if alike is not None:
        yield _warning(
            WarningCode.LOOK_ALIKE,
            f"The sender's domain {domain} looks like {alike}, which is a partner's, and is another one.",
            {"domain": domain, "partner_domain": alike},
        )


def _reply_to(facts: SenderFacts) -> Iterator[SenderWarning]:
    from_domain = facts.authentication.from_domain
    if from_domain is None:
        return
    sender = organizational_domain(from_domain)
    for box in facts.message.reply_to:
        domain = box.address.rpartition("@")[2]
        if domain and organizational_domain(domain) != sender:
            yield _warning(
                WarningCode.REPLY_TO_ELSEWHERE,
                f"Answers go to {box.address}, not to {from_domain}.",
                {"reply_to": box.address, "from_domain": from_domain},
            )
            return


def _other_amounts(facts: SenderFacts) -> Iterator[SenderWarning]:
    earlier = facts.earlier
    if earlier is None or _same_amount(earlier.total_with_vat, facts.terms.total_with_vat):
        return
    yield _warning(
        WarningCode.OTHER_AMOUNTS,
        f"An invoice of this seller with the number {facts.terms.invoice_number} is on record with"
        f" {earlier.total_with_vat or 'no total'}; this one says {facts.terms.total_with_vat or 'no total'}.",
        {
            "earlier_invoice": earlier.invoice_id,
            "earlier_total": earlier.total_with_vat or "",
            "total": facts.terms.total_with_vat or "",
        },
    )


_RUNS = re.compile(
    r"\.(?:exe|scr|com|pif|cpl|msi|msp|bat|cmd|ps1|psm1|vbs?|vbe|js|jse|ws[fhc]|hta|jar|lnk|iso|img|vhdx?|dll|reg|"
    r"chm|appx?|msix|docm|dotm|xlsm|xltm|xlam|xlsb|pptm|potm|ppam|sldm)$",
    re.IGNORECASE,
)
_RUNNING_TYPES = frozenset(
    [
        *("application/x-msdownload", "application/x-dosexec", "application/x-msdos-program"),
        *("application/vnd.microsoft.portable-executable", "application/x-sh", "application/java-archive"),
        *(
            "application/vnd.ms-word.document.macroenabled.12",
            "application/vnd.ms-excel.sheet.macroenabled.12",
        ),
        "application/vnd.ms-powerpoint.presentation.macroenabled.12",
    ]
)


def _executable(facts: SenderFacts) -> Iterator[SenderWarning]:
    names = [
        part.name
        for part in facts.message.parts
        if _RUNS.search(part.name) or {part.media_type.lower(), part.declared_type.lower()} & _RUNNING_TYPES
    ]
    if names:
        listed = ", ".join(f'"{name}"' for name in names[:5])
        yield _warning(
            WarningCode.EXECUTABLE,
            f"The mail holds programs or documents with macros: {listed}. Do not open them.",
            {"names": ", ".join(names[:5])},
        )


def account_form(account: str) -> str:
    """A bank account (BT-84) without spaces, in upper case."""
    return "".join(account.split()).upper()


def _same_amount(one: str | None, other: str | None) -> bool:
    try:
        return Decimal(one or "0") == Decimal(other or "0")
    except InvalidOperation:
        return one == other


def _warning(code: WarningCode, text: str, evidence: dict[str, str]) -> SenderWarning:
    return SenderWarning(code=code, text=text, evidence=evidence)
