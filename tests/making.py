"""Makes records for tests, each with sensible values that a test may override."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from storage.ids import new_id
from storage.outgoing.webhook_secrets import WebhookSecrets
from storage.records.companies import AccountStatus, CompanyAccount
from storage.records.invoices import Environment, Invoice, InvoiceState
from storage.records.mails import ContentInMemory, Envelope, IncomingMail, MailState, ReceivedMail
from storage.records.outgoing import MailTemplate, OutboundMail
from storage.records.partners import ContractingPartner, PartnerTrust
from storage.records.people import Language, Membership, MembershipState, Role, User
from storage.records.reading import (
    BusinessTerms,
    DocumentFormat,
    InvoiceReading,
    MailReading,
    Message,
    Part,
    PartRole,
    Party,
)
from storage.records.registration import RegistrationLink
from storage.records.webhooks import CHOOSABLE, Webhook

KEY = b"a key of thirty-two octets......"
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def envelope(**changes: Any) -> Envelope:
    """An envelope from a partner to a company."""
    values: dict[str, Any] = {
        "reverse_path": "billing@supplier.example",
        "forward_paths": ("invoices@company.example",),
        "peer": "127.0.0.1",
        "helo": "relay.example",
        "tls": False,
        "received_at": NOW,
    }
    return Envelope(**values | changes)


def incoming(octets: bytes = b"Subject: x\r\n\r\nbody\r\n", **changes: Any) -> IncomingMail:
    """A mail as the listener hands it over; equal octets are an equal transfer."""
    values: dict[str, Any] = {
        "id": new_id(),
        "envelope": envelope(),
        "trace": b"Received: from relay.example\r\n",
        "content": ContentInMemory(octets),
        "transfer_digest": hashlib.sha256(octets).digest(),
    }
    return IncomingMail(**values | changes)


def received_mail(**changes: Any) -> ReceivedMail:
    """A mail that a worker is about to file."""
    values: dict[str, Any] = {
        "id": new_id(),
        "received_at": NOW,
        "state": MailState.CLAIMED,
        "outcome": None,
        "reason": None,
        "envelope": envelope(),
        "size": 1,
        "failures": 0,
        "message_id": None,
        "message": None,
        "expires_at": None,
        "deleted_at": None,
    }
    return ReceivedMail(**values | changes)


def partner(**changes: Any) -> ContractingPartner:
    """A company that sends invoices."""
    values: dict[str, Any] = {
        "id": new_id(),
        "name": "Supplier",
        "domains": (),
        "vat_ids": (),
        "trust": PartnerTrust.NEW,
        "environment": Environment.PRODUCTIVE,
        "first_seen": None,
        "last_seen": None,
    }
    return ContractingPartner(**values | changes)


def account(**changes: Any) -> CompanyAccount:
    """A registered company."""
    values: dict[str, Any] = {
        "id": new_id(),
        "name": "Company Ltd",
        "status": AccountStatus.REGISTERED,
        "addresses": ("invoices@company.example",),
        "vat_ids": (),
        "domains": (),
        "identifiers": (),
        "invited_at": None,
        "registered_at": NOW,
    }
    return CompanyAccount(**values | changes)


def part(**changes: Any) -> Part:
    """An invoice document."""
    values: dict[str, Any] = {
        "path": "2",
        "name": "invoice.xml",
        "media_type": "application/xml",
        "declared_type": "application/xml",
        "size": 3,
        "sha256": hashlib.sha256(b"xml").hexdigest(),
        "role": PartRole.INVOICE,
    }
    return Part(**values | changes)


def terms(**changes: Any) -> BusinessTerms:
    """What an invoice says."""
    values: dict[str, Any] = {
        "format": DocumentFormat.CII,
        "structured": True,
        "invoice_number": "R-1",
        "issue_date": "2026-11-20",
        "seller": Party(name="Supplier", vat_id="DE123456788"),
        "buyer": Party(name="Company Ltd"),
    }
    return BusinessTerms(**values | changes)


def invoice_reading(**changes: Any) -> InvoiceReading:
    """An invoice with one document."""
    values: dict[str, Any] = {"terms": terms(), "document": part(), "attachments": (part(),)}
    return InvoiceReading(**values | changes)


def message(**changes: Any) -> Message:
    """The metadata of a mail with one invoice document."""
    values: dict[str, Any] = {
        "message_id": "<1@supplier.example>",
        "subject": "Invoice",
        "date": NOW,
        "from_": (),
        "reply_to": (),
        "to": (),
        "environment_sign": None,
        "defects": (),
        "parts": (part(),),
    }
    return Message(**values | changes)


def mail_reading(**changes: Any) -> MailReading:
    """A mail with one invoice."""
    values: dict[str, Any] = {"message": message(), "invoices": (invoice_reading(),), "unread": ()}
    return MailReading(**values | changes)


def invoice(**changes: Any) -> Invoice:
    """A productive invoice that is due in 90 days."""
    values: dict[str, Any] = {
        "id": new_id(),
        "position": 0,
        "matched_by": "recipient-address",
        "environment": Environment.PRODUCTIVE,
        "environment_reason": None,
        "state": InvoiceState.AVAILABLE,
        "received_at": NOW,
        "expires_at": NOW + timedelta(days=90),
        "invoice_number": "R-1",
        "issue_date": "2026-11-20",
        "reading": invoice_reading(),
        "same_invoice": b"same",
        "duplicate_of": None,
    }
    return Invoice(**values | changes)


def link(account_id: str, **changes: Any) -> RegistrationLink:
    """A live link."""
    values: dict[str, Any] = {
        "id": new_id(),
        "account_id": account_id,
        "email": "invoices@company.example",
        "token_digest": hashlib.sha256(new_id().encode()).digest(),
        "created_at": NOW,
        "expires_at": NOW + timedelta(days=30),
    }
    return RegistrationLink(**values | changes)


def user(**changes: Any) -> User:
    """A person whose mailbox is proven, without a password."""
    values: dict[str, Any] = {
        "id": new_id(),
        "email": "anna@company.example",
        "name": "Anna Muster",
        "language": Language.GERMAN,
        "password_hash": None,
        "created_at": NOW,
        "confirmed_at": NOW,
    }
    return User(**values | changes)


def membership(account_id: str, user_id: str, **changes: Any) -> Membership:
    """An active administrator."""
    values: dict[str, Any] = {
        "account_id": account_id,
        "user_id": user_id,
        "role": Role.ADMINISTRATOR,
        "state": MembershipState.ACTIVE,
        "created_at": NOW,
        "decided_at": NOW,
    }
    return Membership(**values | changes)


def outbound(**changes: Any) -> OutboundMail:
    """A mail that waits to be sent."""
    values: dict[str, Any] = {
        "id": new_id(),
        "template": MailTemplate.CODE,
        "language": Language.ENGLISH,
        "recipient": "anna@company.example",
        "context": {"code": "12345678"},
        "created_at": NOW,
    }
    return OutboundMail(**values | changes)


def webhook(account_id: str, **changes: Any) -> Webhook:
    """A program that wants to know of everything; its secret is of KEY."""
    secret_id = new_id()
    values: dict[str, Any] = {
        "id": new_id(),
        "account_id": account_id,
        "url": "https://erp.company.example/invoices",
        "events": CHOOSABLE,
        "secret_id": secret_id,
        "secret_digest": WebhookSecrets(KEY).digest(secret_id),
        "created_at": NOW,
        "created_by": "anna",
    }
    return Webhook(**values | changes)
