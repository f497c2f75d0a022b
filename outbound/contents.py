"""Gathers what a mail is about: invoices, companies, links; and the documents that go along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from outbound.wording import written_amount, written_code, written_date
from storage.companies.link_tokens import LinkTokens
from storage.errors import NotFound
from storage.records.invoices import Environment, Invoice, InvoiceState
from storage.records.outgoing import MailTemplate, OutboundMail
from storage.records.people import Language
from storage.records.reading import PartRole
from storage.records.registration import LinkState
from storage.store import Store
from storage.transaction import Transaction

MOST_LISTED = 10  # invoices in one mail; the rest is a number
_WITH_DOCUMENTS = {MailTemplate.INVOICE_ATTACHED, MailTemplate.INVITED_INVOICE_ATTACHED}
_ABOUT_INVOICES = _WITH_DOCUMENTS | {MailTemplate.INVOICE, MailTemplate.INVITED_INVOICE}
_ATTACHED_ROLES = {
    PartRole.INVOICE,
    PartRole.REPRESENTATION,
}  # nothing else that strangers attached is passed on


class NothingToSend(Exception):  # noqa: N818  -- says what is the matter
    """What the mail is about is not there any more; the message says what."""


class Extracts(Protocol):
    """Takes a part out of a mail, in a process that may die of it."""

    def extract(self, octets: bytes, sha256: str) -> bytes | None:
        """The leaf part with this SHA-256. Raises RuntimeError."""


@dataclass(frozen=True, slots=True)
class Document:
    """An attachment."""

    name: str
    media_type: str
    octets: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What the template of a mail is given, and what is attached."""

    values: Mapping[str, Any]
    documents: Sequence[Document] = field(default=())


class Gathering:
    """Gathers the contents of mails from the store."""

    def __init__(
        self, store: Store, tokens: LinkTokens, base_url: str, documents: Extracts, max_octets: int
    ) -> None:
        self._store = store
        self._tokens = tokens
        self._base_url = base_url
        self._documents = documents
        self._max_octets = max_octets

    def contents(self, mail: OutboundMail, now: datetime) -> Contents:
        """What `mail` says at `now`. Raises NothingToSend, StorageUnavailable."""
        with self._store.reading() as records:
            try:
                values = self._values(records, mail, now)
                invoices = _invoices(records, mail) if mail.template in _ABOUT_INVOICES else []
            except NotFound as error:
                raise NothingToSend(str(error)) from error
        if not invoices:
            return Contents(values=values)
        attached = self._attached(invoices) if mail.template in _WITH_DOCUMENTS else []
        return Contents(
            values=values | self._about(invoices, mail) | {"attached": bool(attached)}, documents=attached
        )

    def _values(self, records: Transaction, mail: OutboundMail, now: datetime) -> dict[str, Any]:
        context = dict(mail.context)
        values: dict[str, Any] = {
            "person": "",
            "email": "",
            "reason": "",
            "purpose": "",
            **context,
            "recipient": mail.recipient,
            "portal_url": f"{self._base_url}/",
            "sign_in_url": f"{self._base_url}/sign-in",
            "account_url": f"{self._base_url}/account",
            "members_url": f"{self._base_url}/companies/{mail.account_id or ''}/members",
            "webhooks_url": f"{self._base_url}/companies/{mail.account_id or ''}/webhooks",
        }
        if code := context.get("code"):
            values["code_shown"] = written_code(code)
        if mail.account_id:
            values["company"] = records.accounts.get(mail.account_id).name
        for name in ("from", "until"):
            if name in context:
                values[f"{name}_shown"] = written_date(context[name], mail.language)
        if link_id := context.get("link"):
            link = records.links.get(link_id)
            if link.state(now) is not LinkState.LIVE:
                raise NothingToSend(f"the registration link is {link.state(now)}")
            url = self._tokens.url(link)
            if url is None:
                raise NothingToSend("the registration link was made under another key")
            values |= {"link_url": url, "link_until": written_date(link.expires_at, mail.language)}
        return values

    def _about(self, invoices: Sequence[Invoice], mail: OutboundMail) -> dict[str, Any]:
        listed = [self._listed(invoice, mail.language) for invoice in invoices[:MOST_LISTED]]
        unknown = "unbekannt" if mail.language is Language.GERMAN else "an unknown sender"
        url = listed[0]["url"] if len(invoices) == 1 else f"{self._base_url}/"
        return {
            "invoices": listed,
            "count": len(invoices),
            "more": len(invoices) - len(listed),
            "sender": listed[0]["seller"] or unknown,
            "url": url,
        }

    def _listed(self, invoice: Invoice, language: Language) -> dict[str, Any]:
        terms = invoice.reading.terms if invoice.reading else None
        amount = (terms.amount_due or terms.total_with_vat) if terms else None
        return {
            "url": f"{self._base_url}/invoices/{invoice.id}",
            "seller": (terms.seller.name or "") if terms else "",
            "number": invoice.invoice_number or "",
            "date": written_date(invoice.issue_date, language),
            "amount": written_amount(amount, terms.currency if terms else None, language),
            "due": written_date(terms.due_date if terms else None, language),
            "is_test": invoice.environment is Environment.TEST,
            "kept_until": written_date(invoice.expires_at, language),
        }

    def _attached(self, invoices: Sequence[Invoice]) -> list[Document]:
        """The documents of all invoices, each once; none when they are too large or cannot be had."""
        parts = {
            part.sha256: part
            for invoice in invoices
            for part in (invoice.reading.attachments if invoice.reading else ())
            if part.role in _ATTACHED_ROLES
        }
        if sum(part.size for part in parts.values()) > self._max_octets:
            return []
        with self._store.reading() as records:
            octets = records.mails.octets(invoices[0].mail_id)
        found = []
        for part in parts.values():
            try:
                content = self._documents.extract(octets, part.sha256)
            except RuntimeError:
                return []  # the link leads to all of them
            if content is None:
                return []
            found.append(Document(part.name, part.media_type, content))
        return found


def _invoices(records: Transaction, mail: OutboundMail) -> list[Invoice]:
    ids = mail.context.get("invoices", "").split(",")
    found = [records.invoices.get(invoice_id) for invoice_id in ids if invoice_id]
    there = [invoice for invoice in found if invoice.state is InvoiceState.AVAILABLE]
    if not there:
        raise NothingToSend("the invoice was deleted, for its time had come")
    return there
