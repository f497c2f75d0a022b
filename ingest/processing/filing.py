"""Decides what one mail adds to the records; a pure function of what was read and what is on record."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from ingest.processing.environment import environment
from ingest.processing.match_rules import (
    BY_DOCUMENT,
    FORWARD_PATH,
    MatchRule,
    remembered_key,
    without_sub_address,
)
from ingest.processing.matching import Candidates, Contested, Match, Unmatched, match, named_buyers
from ingest.processing.notices import Audience, NoticeRules, Notices, Recorded
from storage.companies.account_keys import KeyKind, address_key, vat_id_key
from storage.expiring.expiry import RetentionPeriods
from storage.outgoing.notice_events import notice_events
from storage.records.companies import (
    AccountStatus,
    CompanyAccount,
    RememberedDecision,
    SecondLook,
    WarningPolicy,
)
from storage.records.filing import Filing
from storage.records.history import HistoryEvent, HistoryEventName
from storage.records.invoices import Assignment, Environment, Invoice, InvoiceState, MatchEvidence
from storage.records.mails import Outcome, ReceivedMail
from storage.records.outgoing import Bounce, OutboundMail, OutboundState
from storage.records.partners import ContractingPartner, PartnerTrust
from storage.records.reading import BusinessTerms, Finding, InvoiceReading, MailReading, Message
from storage.records.registration import LinkState, RegistrationLink

ACTOR = "worker"
QUARANTINE = "quarantine"  # where an operator decides
BUYER_MISMATCH = Finding(
    code="buyer-mismatch",
    text="The invoice names another buyer than the company whose mailbox received it.",
)
NO_RECIPIENT = "the mail names no recipient, and the invoice no registered buyer"


@dataclass(frozen=True, slots=True, kw_only=True)
class OnRecord:
    """What the store knows that matters for one mail."""

    candidates: Candidates
    newest_links: Mapping[str, RegistrationLink]  # by address without case
    partner: ContractingPartner | None
    proposals: tuple[CompanyAccount, ...] = ()  # named like a buyer; for an operator, never a match
    audience: Audience = field(default_factory=Audience)
    own: OutboundMail | None = None  # one of our own mails that came here, or came back with this one


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the operator set, and where new ids and token digests come from."""

    periods: RetentionPeriods
    link_life: timedelta
    new_id: Callable[[], str]
    token_digest: Callable[[str], bytes]  # of a link's id
    notices: NoticeRules | None = None  # None: nobody is told of new invoices by mail


class Filer:
    """Decides about one mail; makes ids, reads nothing, writes nothing."""

    def __init__(self, mail: ReceivedMail, on_record: OnRecord, rules: Rules, now: datetime) -> None:
        self._mail = mail
        self._on_record = on_record
        self._rules = rules
        self._now = now
        self._invited: dict[str, CompanyAccount] = {}  # by address without case
        self._links: list[RegistrationLink] = []
        self._invoices: list[Invoice] = []
        self._events: list[HistoryEvent] = []
        self._decisions: dict[str, RememberedDecision] = {}  # by key

    def file(self, reading: MailReading) -> Filing:
        """The complete list of records to write for a mail that could be read."""
        if self._on_record.own is not None:
            return self._own_mail(reading, self._on_record.own)
        partner = self._on_record.partner
        if partner is not None and partner.trust is PartnerTrust.BLOCKED and self._mail.assignment is None:
            return self.quarantine(f'the partner "{partner.name}" is blocked', reading)
        if not reading.invoices and reading.unread:
            unread = [f'"{one.part.name}": {one.reason}' for one in reading.unread]
            return self.quarantine("; ".join(unread), reading)
        if not reading.invoices:
            return self._without_invoice(reading)

        self._note(HistoryEventName.READ, {"invoices": str(len(reading.invoices))})
        for position, invoice in enumerate(reading.invoices):
            matches, unmatched, contested = self._accounts_for(invoice.terms)
            if contested:
                return self.quarantine(self._contested(contested[0]), reading)
            if not matches:
                reasons = [recipient.reason for recipient in unmatched if recipient.reason]
                reason = "; ".join(reasons) or NO_RECIPIENT
                return self.quarantine(reason + self._proposed(), reading)
            for found in matches:
                self._record(reading.message, position, invoice, found)
        return self._with_notices(self._filing(Outcome.RECORDED, None, reading.message), reading)

    def quarantine(self, reason: str, reading: MailReading | None = None) -> Filing:
        """A mail set aside for an operator, with the reason in words."""
        self._invited, self._links, self._invoices, self._events, self._decisions = {}, [], [], [], {}
        self._note(HistoryEventName.QUARANTINED, {})
        return self._filing(Outcome.QUARANTINED, reason, reading.message if reading else None)

    def _own_mail(self, reading: MailReading, own: OutboundMail) -> Filing:
        """A mail that we sent ourselves, or a notification about one: the invoices in it are on record."""
        self._note(HistoryEventName.NO_INVOICE, {"parts": str(len(reading.message.parts))})
        returned = reading.returned
        if returned is None:
            reply = "it came back to this mailbox"
            reason = f"this mailbox sent it itself, to {own.recipient}, which leads back here"
        else:
            reply = " ".join(filter(None, (returned.status, returned.diagnostic))) or "no reason is given"
            reason = f"it is about a mail of this mailbox to {own.recipient}: {reply}"
        came_back = (returned is None or returned.failed) and own.state is OutboundState.SENT
        if came_back:
            self._events += notice_events(HistoryEventName.NOTICE_BOUNCED, own, ACTOR, self._now, reply)
        filing = self._filing(Outcome.NO_INVOICE, reason, reading.message)
        bounce = Bounce(message_id=own.message_id or "", reply=reply)
        return replace(filing, bounce=bounce) if came_back else filing

    def _with_notices(self, filing: Filing, reading: MailReading) -> Filing:
        if self._rules.notices is None:
            return filing
        on_record = self._on_record
        notices = Notices(self._rules.notices, on_record.audience, self._rules.new_id, self._now)
        invited = {account.id: account for account in self._invited.values()}
        recorded = Recorded(
            mail=self._mail,
            signs=reading.signs,
            invoices=filing.invoices,
            accounts={**on_record.candidates.accounts, **invited},
            links={**on_record.newest_links, **{link.email: link for link in self._links}},
            partner_id=filing.partner_id,
        )
        mails, events = notices.about(recorded)
        return replace(filing, outbound_mails=tuple(mails), events=(*filing.events, *events))

    def _without_invoice(self, reading: MailReading) -> Filing:
        parts = len(reading.message.parts)
        reason = f"none of its {parts} parts is an invoice" if parts > 1 else "its only part is no invoice"
        if not any(part.size for part in reading.message.parts):
            reason = "the mail is empty"
        if reading.linked_host is not None:
            reason = (
                f"it holds no invoice, only a link to one at {reading.linked_host}, which is not followed"
            )
        self._note(HistoryEventName.NO_INVOICE, {"parts": str(parts)})
        return self._filing(Outcome.NO_INVOICE, reason, reading.message)

    def _filing(self, outcome: Outcome, reason: str | None, message: Message | None) -> Filing:
        without_invoice = self._rules.periods.expires_at(self._mail.received_at, Environment.PRODUCTIVE)
        return Filing(
            mail_id=self._mail.id,
            outcome=outcome,
            reason=reason,
            message=message,
            received_at=self._mail.received_at,
            filed_at=self._now,
            expires_at=max((invoice.expires_at for invoice in self._invoices), default=without_invoice),
            new_accounts=tuple(self._invited.values()),
            new_links=tuple(self._links),
            invoices=tuple(self._invoices),
            events=tuple(self._events),
            partner_id=self._on_record.partner.id if self._on_record.partner else None,
            decisions=tuple(self._decisions.values()),
            second_looks=self._second_looks(),
        )

    def _second_looks(self) -> dict[str, SecondLook]:
        """Until the sender is checked, an account that wants suspicious invoices held has all of them held."""
        looks = {WarningPolicy.HOLD: SecondLook.WAITING, WarningPolicy.QUARANTINE: SecondLook.WITHHELD}
        accounts = self._on_record.candidates.accounts
        return {
            invoice.id: looks[account.warning_policy]
            for invoice in self._invoices
            if (account := accounts.get(invoice.account_id)) and account.warning_policy in looks
        }

    def _accounts_for(
        self, terms: BusinessTerms
    ) -> tuple[list[Match], tuple[Unmatched, ...], tuple[Contested, ...]]:
        if self._mail.assignment is not None:
            return [self._assigned(terms, self._mail.assignment)], (), ()
        partner_id = self._on_record.partner.id if self._on_record.partner else None
        found = match(terms, self._mail.envelope.forward_paths, self._on_record.candidates, partner_id)
        matches = [*found.matches]
        matches += [self._invite(recipient) for recipient in found.unmatched if recipient.reason is None]
        first_of_each = {one.account_id: one for one in reversed(matches)}
        return list(first_of_each.values())[::-1], found.unmatched, found.contested

    def _assigned(self, terms: BusinessTerms, assignment: Assignment) -> Match:
        """What an operator decided; it holds for later mails where the operator wanted that."""
        forward_path = next(iter(self._mail.envelope.forward_paths), "")
        key = remembered_key(terms, forward_path)
        if assignment.remember and key is not None and key.value not in self._decisions:
            self._decisions[key.value] = RememberedDecision(key=key.value, account_id=assignment.account_id)
            self._note(HistoryEventName.REMEMBERED, {"account": assignment.account_id})
        evidence = MatchEvidence(
            rule=MatchRule.OPERATOR_DECISION,
            kind=KeyKind.DECISION,
            value=assignment.actor,
            where=QUARANTINE,
            account_id=assignment.account_id,
        )
        return Match(assignment.account_id, (evidence,), forward_path)

    def _contested(self, contested: Contested) -> str:
        """Both accounts by name, and what each of them is found by."""
        claims = []
        for account_id in dict.fromkeys(one.account_id for one in contested.evidence):
            account = self._on_record.candidates.accounts.get(account_id)
            found_by = ", ".join(
                f"{one.kind} {one.value} ({one.where})"
                for one in contested.evidence
                if one.account_id == account_id
            )
            claims.append(f'"{account.name if account else account_id}" by {found_by}')
        return f"it could be the invoice of {' and '.join(claims)}; say whose it is"

    def _proposed(self) -> str:
        """For an operator only: an account of this name is no match."""
        names = " or ".join(f'"{one.name}"' for one in self._on_record.proposals)
        return f"; going by the name alone it could be that of {names}" if names else ""

    def _invite(self, recipient: Unmatched) -> Match:
        address = without_sub_address(recipient.forward_path)
        key = address_key(address)
        if key.value not in self._invited:
            self._invited[key.value] = CompanyAccount(
                id=self._rules.new_id(),
                name=address,
                status=AccountStatus.INVITED,
                addresses=(address,),
                vat_ids=(),
                domains=(),
                identifiers=(),
                invited_at=self._mail.received_at,
                registered_at=None,
            )
        account_id = self._invited[key.value].id
        evidence = MatchEvidence(
            rule=MatchRule.INVITATION,
            kind=key.kind,
            value=key.value,
            where=FORWARD_PATH,
            account_id=account_id,
        )
        return Match(account_id, (evidence,), recipient.forward_path)

    def _record(self, message: Message, position: int, reading: InvoiceReading, found: Match) -> None:
        terms = reading.terms
        kind, sign = environment(terms, message, found.forward_path, self._on_record.partner)
        invoice = Invoice(
            id=self._rules.new_id(),
            mail_id=self._mail.id,
            position=position,
            account_id=found.account_id,
            matched_by=found.rule,
            environment=kind,
            environment_reason=sign,
            state=InvoiceState.AVAILABLE,
            received_at=self._mail.received_at,
            expires_at=self._rules.periods.expires_at(self._mail.received_at, kind),
            invoice_number=terms.invoice_number,
            issue_date=terms.issue_date,
            reading=replace(reading, warnings=(*reading.warnings, *self._mismatch(terms, found))),
            same_invoice=same_invoice_digest(terms),
            duplicate_of=None,
            evidence=found.evidence,
        )
        self._invoices.append(invoice)
        if found.rule is MatchRule.INVITATION:
            self._note(HistoryEventName.ACCOUNT_INVITED, {"account": found.account_id}, invoice)
        detail = {"rule": str(found.rule), "account": found.account_id, "where": found.evidence[0].where}
        self._note(HistoryEventName.MATCHED, detail, invoice)
        self._link(found, invoice)
        detail = {"environment": str(kind), "expires_at": invoice.expires_at.isoformat()}
        self._note(HistoryEventName.RECORDED, detail | ({"reason": str(sign)} if sign else {}), invoice)

    def _mismatch(self, terms: BusinessTerms, found: Match) -> list[Finding]:
        partner_id = self._on_record.partner.id if self._on_record.partner else None
        others = named_buyers(terms, self._on_record.candidates, partner_id) - {found.account_id}
        if found.rule in BY_DOCUMENT or not others:
            return []
        return [BUYER_MISMATCH]

    def _link(self, found: Match, invoice: Invoice) -> None:
        """One live link for each invited address: none while another lives, none once one was revoked."""
        account = self._on_record.candidates.accounts.get(found.account_id)
        if account is not None and account.status is not AccountStatus.INVITED:
            return
        email = (
            address_key(account.addresses[0]).value
            if account and account.addresses
            else found.evidence[0].value
        )
        newest = self._on_record.newest_links.get(email)
        if newest is not None and newest.state(self._now) is not LinkState.EXPIRED:
            return
        if any(link.email == email for link in self._links):
            return
        link_id = self._rules.new_id()
        link = RegistrationLink(
            id=link_id,
            account_id=found.account_id,
            email=email,
            token_digest=self._rules.token_digest(link_id),
            created_at=self._now,
            expires_at=self._now + self._rules.link_life,
        )
        self._links.append(link)
        detail = {"link": link_id, "expires_at": link.expires_at.isoformat()}
        self._note(HistoryEventName.LINK_CREATED, detail, invoice)

    def _note(self, name: HistoryEventName, detail: dict[str, str], invoice: Invoice | None = None) -> None:
        self._events.append(
            HistoryEvent(
                at=self._now,
                event=name,
                actor=ACTOR,
                detail=detail,
                mail_id=self._mail.id,
                invoice_id=invoice.id if invoice else None,
            )
        )


def same_invoice_digest(terms: BusinessTerms) -> bytes | None:
    """SHA-256 of seller (BT-31, else BT-27), number (BT-1) and date (BT-2); None when one is unknown."""
    seller = same_seller(terms)
    if not (seller and terms.invoice_number and terms.issue_date):
        return None
    return hashlib.sha256(json.dumps([seller, terms.invoice_number, terms.issue_date]).encode()).digest()


def same_seller(terms: BusinessTerms) -> str | None:
    """What is the same in two invoices of one seller: the VAT identifier (BT-31), else the name (BT-27)."""
    if terms.seller.vat_id:
        try:
            return vat_id_key(terms.seller.vat_id).value
        except ValueError:
            return terms.seller.vat_id
    return terms.seller.name.casefold() if terms.seller.name else None
