"""Tells in sentences what was decided about a mail or an invoice, from receipt to now."""

from __future__ import annotations

from collections.abc import Mapping

from ingest.processing.environment import TestSign
from ingest.processing.match_rules import MatchRule
from storage.records import (
    HistoryEvent,
    HistoryEventName,
    Invoice,
    InvoiceState,
    MailState,
    ReceivedMail,
    ValidationStatus,
)

_RULES = {
    MatchRule.RECIPIENT_ADDRESS: "it was sent to an address of that account",
    MatchRule.USER_ADDRESS: "it was sent to somebody who is registered there",
    MatchRule.OPERATOR_DECISION: "an operator decided so",
    MatchRule.CUSTOMER_NUMBER: "the invoice names the number that its sender gave that account (BT-46)",
    MatchRule.BUYER_ELECTRONIC_ADDRESS: "the invoice names an electronic address of that account (BT-49)",
    MatchRule.BUYER_LEGAL_REGISTRATION: "the invoice names that account's legal registration (BT-47)",
    MatchRule.BUYER_REFERENCE: "the invoice names a buyer reference of that account (BT-10)",
    MatchRule.BUYER_VAT_IDENTIFIER: "the invoice names that account's VAT identifier as the buyer's (BT-48)",
    MatchRule.BUYER_IDENTIFIER: "the invoice names an identifier of that account as the buyer's",
    MatchRule.REGISTERED_DOMAIN: "it was sent to a domain of that account",
    MatchRule.INVITATION: "no account was found for the recipient, so the address got an invited account",
}
_SIGNS = {
    TestSign.TEST_INDICATOR: "the document itself says so (TestIndicator)",
    TestSign.HEADER: "the mail says so (X-Invoice-Environment: test)",
    TestSign.TEST_ADDRESS: "it was sent to a +test address",
    TestSign.PARTNER_BEING_CONNECTED: "its partner is being connected",
}


def explain(events: list[HistoryEvent], mail: ReceivedMail, accounts: Mapping[str, str]) -> list[str]:
    """A sentence for each event; `accounts` are names by id."""
    return [f"{event.at:%Y-%m-%d %H:%M:%S} UTC: {_sentence(event, mail, accounts)}" for event in events]


def explain_state(invoice: Invoice) -> str:
    """Where an invoice stands now."""
    if invoice.state is InvoiceState.DELETED:
        return f"Its content was deleted on {invoice.deleted_at:%Y-%m-%d}; this tombstone is what is left."
    return f"It is {invoice.environment} and will be deleted on {invoice.expires_at:%Y-%m-%d}. This is no archive."


def explain_mail_state(mail: ReceivedMail) -> str:
    """Where a mail stands now."""
    if mail.state is MailState.DELETED:
        return f"Its content was deleted on {mail.deleted_at:%Y-%m-%d}."
    if mail.state is MailState.QUARANTINED:
        return f"It is in quarantine: {mail.reason}. Retry it with `invoices quarantine retry {mail.id}`."
    if mail.state is MailState.FILED:
        reason = f" ({mail.reason})" if mail.reason else ""
        return f"It ended as {mail.outcome}{reason} and is kept until {mail.expires_at:%Y-%m-%d}."
    return "It waits for a worker." + (f" The last try failed: {mail.reason}." if mail.reason else "")


def _sentence(event: HistoryEvent, mail: ReceivedMail, accounts: Mapping[str, str]) -> str:
    detail = event.detail
    account = f'"{accounts.get(detail.get("account", ""), "an account that is gone")}"'
    sender = mail.envelope.reverse_path or "nobody (an empty reverse-path)"
    recipients = ", ".join(mail.envelope.forward_paths) or "nobody"
    expires = detail.get("expires_at", "")[:10]
    match event.event:
        case HistoryEventName.RECEIVED if mail.deleted_at:
            return f"a mail of {detail['size']} octets was received from {detail['peer']}."
        case HistoryEventName.RECEIVED:
            size, peer = detail["size"], detail["peer"]
            return f"a mail of {size} octets came in from {peer}, sent by {sender} to {recipients}."
        case HistoryEventName.RECEIVED_AGAIN:
            return f"the same mail was transferred once more from {detail['peer']}; nothing was stored twice."
        case HistoryEventName.READ:
            return f"it was read and holds {_invoices(detail['invoices'])}."
        case HistoryEventName.ACCOUNT_INVITED:
            return f"an invited account {account} was made."
        case HistoryEventName.MATCHED:
            return f"the invoice was filed under {account}, because {_RULES[MatchRule(detail['rule'])]}."
        case HistoryEventName.ASSIGNED:
            return f"{event.actor} decided that it belongs to {account}."
        case HistoryEventName.LINK_CREATED:
            return f"a registration link was made; it can be used until {expires}."
        case HistoryEventName.RECORDED if "reason" in detail:
            sign = _SIGNS[TestSign(detail["reason"])]
            return f"it was recorded as a test, because {sign}; it is kept until {expires}."
        case HistoryEventName.RECORDED:
            return f"it was recorded as productive, for no sign said test; it is kept until {expires}."
        case HistoryEventName.VALIDATED:
            return _worth(detail)
        case other:
            return _PLAIN[other].format(**{**detail, "actor": event.actor})


def _invoices(number: str) -> str:
    return "one invoice" if number == "1" else f"{number} invoices"


def _worth(detail: Mapping[str, str]) -> str:
    rules = f" by {detail['rules']}" if "rules" in detail else ""
    return f"it was examined{rules}: {_WORTH[ValidationStatus(detail['status'])]} ({detail['class']})."


_WORTH = {
    ValidationStatus.VALID: "it is a valid e-invoice",
    ValidationStatus.INVALID: "it is an e-invoice with errors, which `invoices show` names",
    ValidationStatus.NOT_AN_E_INVOICE: "it is an invoice, but no e-invoice of EN 16931",
    ValidationStatus.NOT_VALIDATED: "what it is worth could not be found out",
}
_PLAIN = {
    HistoryEventName.READING_FAILED: "it could not be read ({reason}) and was put back to be tried again.",
    HistoryEventName.NO_INVOICE: "it was read, and none of its parts is an invoice.",
    HistoryEventName.QUARANTINED: "it was set aside in quarantine.",
    HistoryEventName.RETRIED: "{actor} had it tried again.",
    HistoryEventName.DISCARDED: "{actor} gave it up.",
    HistoryEventName.REMEMBERED: "that was remembered for later invoices of the same seller to this recipient.",
    HistoryEventName.VIEWED: "{actor} looked at it.",
    HistoryEventName.DOWNLOADED: "{actor} downloaded it.",
    HistoryEventName.EXPIRED: "its time had come.",
    HistoryEventName.DELETED: "its content was deleted.",
    HistoryEventName.MAIL_DELETED: "the mail's octets and sender metadata were deleted.",
    HistoryEventName.HELD: "{actor} holds it beyond its time ({reason}).",
    HistoryEventName.HOLD_RELEASED: "{actor} ended the hold ({reason}).",
    HistoryEventName.RESCHEDULED: "{actor} had its expiry moved from {from:.10} to {expires_at:.10}.",
    HistoryEventName.NOTIFIED: "a mail about it was sent to {to}.",
    HistoryEventName.NOTICE_HELD: "a mail about it to {to} was held; `invoices outbound release` lets it go.",
    HistoryEventName.NOTICE_WITHHELD: "no mail about it was sent: {reason}.",
    HistoryEventName.NOTICE_FAILED: "a mail about it to {to} could not be sent: {reply}",
    HistoryEventName.NOTICE_BOUNCED: "a mail about it to {to} came back: {reply}",
}
