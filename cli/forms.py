"""The JSON of CONTRACT: records as other programs see them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from storage.companies.link_tokens import LinkTokens
from storage.records.companies import CompanyAccount, SecondLook
from storage.records.history import HistoryEvent
from storage.records.invoices import Invoice, MatchEvidence
from storage.records.mails import ReceivedMail
from storage.records.outgoing import OutboundMail
from storage.records.partners import ContractingPartner, PartnerTrait, SenderWarning, TraitKind
from storage.records.people import Membership, User
from storage.records.reading import BusinessTerms, Part, Party
from storage.records.registration import RegistrationLink
from storage.records.senders import AuthenticationResult, SenderAuthentication
from storage.transaction import Transaction

Form = dict[str, Any]
VIEWS_DIFFER = "views-differ-"  # what the rules of validation/views.py begin with


def instant(at: datetime | None) -> str | None:
    """ISO 8601 in UTC, to the second, with Z."""
    return at.replace(microsecond=0).isoformat().replace("+00:00", "Z") if at else None


def invoice_forms(records: Transaction, invoices: Iterable[Invoice]) -> list[Form]:
    """Invoices with their accounts and senders."""
    invoices = list(invoices)
    accounts = records.accounts.by_ids({invoice.account_id for invoice in invoices})
    mails = records.mails.by_ids({invoice.mail_id for invoice in invoices})
    warnings = records.warnings.of(invoice.id for invoice in invoices)
    looks = records.second_looks.of(invoice.id for invoice in invoices)
    return [
        invoice_form(
            invoice,
            accounts[invoice.account_id],
            mails[invoice.mail_id],
            warnings.get(invoice.id, []),
            looks.get(invoice.id),
        )
        for invoice in invoices
    ]


def invoice_form(
    invoice: Invoice,
    account: CompanyAccount,
    mail: ReceivedMail,
    sender_warnings: list[SenderWarning],
    look: SecondLook | None,
) -> Form:
    """An invoice with the account and the mail that are its."""
    reading = invoice.reading
    terms = reading.terms if reading else None
    return {
        "id": invoice.id,
        "mail_id": invoice.mail_id,
        "account": account_summary(account),
        "matched_by": invoice.matched_by,
        "match_evidence": [_evidence_form(one) for one in invoice.evidence],
        "environment": invoice.environment,
        "environment_reason": invoice.environment_reason,
        "state": invoice.state,
        "received_at": instant(invoice.received_at),
        "expires_at": instant(invoice.expires_at),
        "deleted_at": instant(invoice.deleted_at),
        "format": terms.format if terms else None,
        "structured": terms.structured if terms else None,
        "profile": terms.profile if terms else None,
        "document": reading.document.name if reading else None,
        "attachments": [part_form(part) for part in reading.attachments] if reading else [],
        "invoice_number": invoice.invoice_number,
        "issue_date": invoice.issue_date,
        **_terms_form(terms),
        "validation": _validation_form(invoice),
        "warnings": _warnings_form(invoice),
        "sources": [asdict(source) for source in reading.sources] if reading else [],
        "sender": _sender_form(mail),
        "sender_warnings": [asdict(warning) for warning in sender_warnings],
        "second_look": look,
        "duplicate_of": invoice.duplicate_of,
    }


def _evidence_form(evidence: MatchEvidence) -> Form:
    return {
        "rule": evidence.rule,
        "kind": evidence.kind,
        "value": evidence.value,
        "where": evidence.where,
        "account": evidence.account_id,
    }


def _validation_form(invoice: Invoice) -> Form | None:
    validation = invoice.validation
    if validation is None:
        return None
    return {
        "status": validation.status,
        "class": validation.class_,
        "validated_at": instant(invoice.validated_at),
        "rule_sets": [asdict(one) for one in validation.rule_sets],
        "findings": [asdict(one) for one in validation.findings],
    }


def _warnings_form(invoice: Invoice) -> list[Form]:
    """Those of the reading, and where what people see is not what machines read."""
    warnings = [asdict(one) for one in invoice.reading.warnings] if invoice.reading else []
    findings = invoice.validation.findings if invoice.validation else ()
    return warnings + [
        {"code": one.rule, "text": one.text} for one in findings if one.rule.startswith(VIEWS_DIFFER)
    ]


def _terms_form(terms: BusinessTerms | None) -> Form:
    return {
        "type_code": terms.type_code if terms else None,
        "currency": terms.currency if terms else None,
        "due_date": terms.due_date if terms else None,
        "buyer_reference": terms.buyer_reference if terms else None,
        "order_reference": terms.order_reference if terms else None,
        "seller": _party_form(terms.seller if terms else Party()),
        "buyer": _party_form(terms.buyer if terms else Party()),
        "total_without_vat": terms.total_without_vat if terms else None,
        "vat_total": terms.vat_total if terms else None,
        "total_with_vat": terms.total_with_vat if terms else None,
        "amount_due": terms.amount_due if terms else None,
        "payee_accounts": list(terms.payee_accounts) if terms else [],
    }


def _party_form(party: Party) -> Form:
    identifiers = [*party.identifiers, *([party.legal_registration] if party.legal_registration else [])]
    return {
        "name": party.name,
        "vat_id": party.vat_id,
        "identifiers": [str(identifier) for identifier in identifiers],
        "electronic_address": str(party.electronic_address) if party.electronic_address else None,
    }


def _sender_form(mail: ReceivedMail) -> Form:
    deleted = mail.deleted_at is not None
    return {
        "reverse_path": None if deleted else mail.envelope.reverse_path,
        "from": mail.message.from_[0].address if mail.message and mail.message.from_ else None,
        "authentication": {
            "reply_to": [box.address for box in mail.message.reply_to] if mail.message else [],
            "peer": mail.envelope.peer,
            "helo": mail.envelope.helo,
            "tls": mail.envelope.tls,
            **_authentication_form(mail.authentication),
        },
    }


def _authentication_form(found: SenderAuthentication | None) -> Form:
    """What each method found, side by side; all null until the sender is checked."""

    def of(method: str) -> list[Form]:
        return [_result_form(one) for one in found.results if one.method == method] if found else []

    return {
        "status": found.status if found else None,
        "domain": found.domain if found else None,
        "from_domain": found.from_domain if found else None,
        "reason": found.reason if found else None,
        "client": found.client if found else None,
        "spf": next(iter(of("spf")), None),
        "dkim": of("dkim"),
        "dmarc": next(iter(of("dmarc")), None),
        "arc": next(iter(of("arc")), None),
        "relay": [_result_form(one) for one in found.relay_results] if found else [],
        "hops": list(found.hops) if found else [],
        "checked_at": instant(found.checked_at) if found else None,
    }


def _result_form(result: AuthenticationResult) -> Form:
    form = {
        "method": result.method,
        "result": result.result,
        "domain": result.domain,
        "detail": result.detail,
    }
    return form | ({"selector": result.selector} if result.selector else {})


def part_form(part: Part) -> Form:
    """A leaf part without its octets."""
    return {
        "name": part.name,
        "media_type": part.media_type,
        "size": part.size,
        "sha256": part.sha256,
        "role": part.role,
    }


def mail_form(mail: ReceivedMail, invoice_ids: list[str]) -> Form:
    """A mail as `mail list` shows it."""
    deleted = mail.deleted_at is not None
    return {
        "mail_id": mail.id,
        "message_id": mail.message_id,
        "received_at": instant(mail.received_at),
        "outcome": mail.outcome,
        "reason": mail.reason,
        "reverse_path": None if deleted else mail.envelope.reverse_path,
        "forward_paths": list(mail.envelope.forward_paths),
        "invoices": invoice_ids,
        "state": mail.state,
    }


def mail_forms(records: Transaction, mails: Iterable[ReceivedMail]) -> list[Form]:
    """Mails with the ids of their invoices."""
    mails = list(mails)
    invoices: dict[str, list[str]] = {mail.id: [] for mail in mails}
    for invoice in records.invoices.of_mails(list(invoices)):
        invoices[invoice.mail_id].append(invoice.id)
    return [mail_form(mail, invoices[mail.id]) for mail in mails]


def full_mail_form(records: Transaction, mail: ReceivedMail) -> Form:
    """A mail as `mail show` shows it."""
    [form] = mail_forms(records, [mail])
    message = mail.message
    return form | {
        "subject": message.subject if message else None,
        "from": [box.address for box in message.from_] if message else [],
        "reply_to": [box.address for box in message.reply_to] if message else [],
        "date": instant(message.date) if message else None,
        "peer": mail.envelope.peer,
        "helo": mail.envelope.helo,
        "tls": mail.envelope.tls,
        "size": mail.size,
        "failures": mail.failures,
        "expires_at": instant(mail.expires_at),
        "deleted_at": instant(mail.deleted_at),
        "authentication": _authentication_form(mail.authentication),
        "defects": list(message.defects) if message else [],
        "parts": [part_form(part) for part in message.parts] if message else [],
    }


def account_summary(account: CompanyAccount) -> Form:
    """The account of an invoice."""
    return {"id": account.id, "name": account.name, "status": account.status}


def account_form(account: CompanyAccount) -> Form:
    """An account with everything by which it is found."""
    return account_summary(account) | {
        "addresses": list(account.addresses),
        "vat_ids": list(account.vat_ids),
        "domains": list(account.domains),
        "identifiers": [str(identifier) for identifier in account.identifiers],
        "customer_numbers": list(account.customer_numbers),
        "decisions": list(account.decisions),
        "warning_policy": account.warning_policy,
        "invited_at": instant(account.invited_at),
        "registered_at": instant(account.registered_at),
    }


def partner_form(partner: ContractingPartner) -> Form:
    """A contracting partner."""
    return {
        "id": partner.id,
        "name": partner.name,
        "domains": list(partner.domains),
        "vat_ids": list(partner.vat_ids),
        "trust": partner.trust,
        "environment": partner.environment,
        "first_seen": instant(partner.first_seen),
        "last_seen": instant(partner.last_seen),
        "origin": partner.origin,
        "invoices": partner.invoices,
    }


def traits_form(traits: Iterable[PartnerTrait]) -> Form:
    """What came with a partner's invoices."""

    def of(kind: TraitKind, *, accepted: bool) -> list[str]:
        return [one.value for one in traits if one.kind is kind and one.accepted is accepted]

    traits = list(traits)
    return {
        "bank_accounts": of(TraitKind.BANK_ACCOUNT, accepted=True),
        "bank_accounts_not_accepted": of(TraitKind.BANK_ACCOUNT, accepted=False),
        "signing_domains": of(TraitKind.SIGNING_DOMAIN, accepted=True),
    }


def link_form(link: RegistrationLink, account: CompanyAccount, tokens: LinkTokens, now: datetime) -> Form:
    """A registration link; its url is null when the key it was made from is another."""
    return {
        "id": link.id,
        "url": tokens.url(link),
        "email": link.email,
        "account": account_summary(account),
        "state": link.state(now),
        "created_at": instant(link.created_at),
        "expires_at": instant(link.expires_at),
    }


def event_form(event: HistoryEvent) -> Form:
    """A history event."""
    return {"at": instant(event.at), "event": event.event, "actor": event.actor, "detail": event.detail}


def outbound_form(mail: OutboundMail) -> Form:
    """A mail that we send, without what its text says."""
    return {
        "id": mail.id,
        "template": mail.template,
        "language": mail.language,
        "recipient": mail.recipient,
        "state": mail.state,
        "attempts": mail.attempts,
        "created_at": instant(mail.created_at),
        "not_before": instant(mail.not_before),
        "sent_at": instant(mail.sent_at),
        "message_id": mail.message_id,
        "last_reply": mail.last_reply,
        "account": mail.account_id,
        "mail_id": mail.mail_id,
        "invoices": [one for one in mail.context.get("invoices", "").split(",") if one],
    }


def member_form(membership: Membership, user: User) -> Form:
    """A person's standing with a company."""
    return {
        "account": membership.account_id,
        "email": user.email,
        "name": user.name,
        "role": membership.role,
        "state": membership.state,
        "confirmed": user.confirmed_at is not None,
        "created_at": instant(membership.created_at),
        "decided_at": instant(membership.decided_at),
        "decided_by": membership.decided_by,
    }
