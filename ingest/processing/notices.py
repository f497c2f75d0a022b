"""Decides which mails a filed mail causes: about new invoices, to those who may see them; pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from storage.records.companies import AccountStatus, CompanyAccount
from storage.records.history import HistoryEvent, HistoryEventName
from storage.records.invoices import Invoice
from storage.records.mails import ReceivedMail
from storage.records.outgoing import MailTemplate, OutboundMail, OutboundState
from storage.records.people import Language
from storage.records.reading import MailSign
from storage.records.registration import LinkState, RegistrationLink

ACTOR = "worker"
_REPEATS = {MailSign.AUTO_REPLIED, MailSign.LIST, MailSign.MAILBOX}


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeRules:
    """What the operator set about mails that tell of new invoices."""

    attached: bool  # the documents go along
    language: Language  # for recipients who have chosen none


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """A member of a company who wants to be told."""

    email: str
    language: Language


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """What the store knows about those who may be told of a mail's invoices."""

    members: Mapping[str, Sequence[Recipient]] = field(default_factory=dict)  # by account
    held: frozenset[str] = frozenset()  # accounts and partners on hold
    bouncing: frozenset[str] = frozenset()  # addresses whose last mail came back


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What filing has decided about a mail so far."""

    mail: ReceivedMail
    signs: Sequence[MailSign]
    invoices: Sequence[Invoice]
    accounts: Mapping[str, CompanyAccount]  # of the invoices
    links: Mapping[str, RegistrationLink]  # the newest of each address
    partner_id: str | None


class Notices:
    """Mails and history events about the invoices of one mail, one mail for each account and recipient."""

    def __init__(
        self, rules: NoticeRules, audience: Audience, new_id: Callable[[], str], now: datetime
    ) -> None:
        self._rules = rules
        self._audience = audience
        self._new_id = new_id
        self._now = now

    def about(self, recorded: Recorded) -> tuple[list[OutboundMail], list[HistoryEvent]]:
        """What to send, and what the history says about mails that are held or not sent."""
        mails: list[OutboundMail] = []
        events: list[HistoryEvent] = []
        for account_id, invoices in _by_account(recorded.invoices).items():
            account = recorded.accounts[account_id]
            if why := unanswered(recorded.mail, recorded.signs, account.status):
                events += self._events(HistoryEventName.NOTICE_WITHHELD, {"reason": why}, invoices)
                continue
            for mail in self._to_account(account, invoices, recorded):
                if mail.recipient in self._audience.bouncing:
                    detail = {"to": mail.recipient, "reason": "the last mail to this address came back"}
                    events += self._events(HistoryEventName.NOTICE_WITHHELD, detail, invoices)
                    continue
                mails.append(mail)
                if mail.state is OutboundState.HELD:
                    events += self._events(HistoryEventName.NOTICE_HELD, {"to": mail.recipient}, invoices)
        return mails, events

    def _to_account(
        self, account: CompanyAccount, invoices: Sequence[Invoice], recorded: Recorded
    ) -> Iterator[OutboundMail]:
        held = bool({account.id, recorded.partner_id} & self._audience.held)
        context = {"invoices": ",".join(invoice.id for invoice in invoices)}
        if account.status is AccountStatus.REGISTERED:
            template = MailTemplate.INVOICE_ATTACHED if self._rules.attached else MailTemplate.INVOICE
            for member in self._audience.members.get(account.id, ()):
                yield self._mail(template, member, context, invoices[0], held=held)
            return
        link = next((one for one in recorded.links.values() if one.account_id == account.id), None)
        if link is None or link.state(self._now) is not LinkState.LIVE:
            return
        template = (
            MailTemplate.INVITED_INVOICE_ATTACHED if self._rules.attached else MailTemplate.INVITED_INVOICE
        )
        invited = Recipient(email=link.email, language=self._rules.language)
        yield self._mail(template, invited, context | {"link": link.id}, invoices[0], held=held)

    def _mail(
        self,
        template: MailTemplate,
        recipient: Recipient,
        context: dict[str, str],
        invoice: Invoice,
        *,
        held: bool,
    ) -> OutboundMail:
        return OutboundMail(
            id=self._new_id(),
            template=template,
            language=recipient.language,
            recipient=recipient.email,
            context=context,
            created_at=self._now,
            account_id=invoice.account_id,
            invoice_id=invoice.id,
            mail_id=invoice.mail_id,
            state=OutboundState.HELD if held else OutboundState.QUEUED,
        )

    def _events(
        self, name: HistoryEventName, detail: dict[str, str], invoices: Iterable[Invoice]
    ) -> list[HistoryEvent]:
        return [
            HistoryEvent(
                at=self._now,
                event=name,
                actor=ACTOR,
                detail=detail,
                mail_id=invoice.mail_id,
                invoice_id=invoice.id,
            )
            for invoice in invoices
        ]


def unanswered(mail: ReceivedMail, signs: Sequence[MailSign], status: AccountStatus) -> str | None:
    """Why nobody is told of a mail's invoices, in words; None when they are (RFC 3834 2).

    Members asked to be told, also of what a billing program sends of its own accord. Whoever is invited did not ask,
    so nothing that a program made reaches them by us.
    """
    if not mail.envelope.reverse_path:
        return "the mail has an empty reverse-path"
    found = [sign for sign in signs if sign in _REPEATS or status is AccountStatus.INVITED]
    return f"the mail is {_WORDS[found[0]]}" if found else None


_WORDS = {
    MailSign.AUTO_GENERATED: "made by a program (Auto-Submitted)",
    MailSign.AUTO_REPLIED: "an automatic answer (Auto-Submitted)",
    MailSign.LIST: "for the subscribers of a list or in bulk",
    MailSign.MAILBOX: "sent by a mailbox like this one",
}


def _by_account(invoices: Iterable[Invoice]) -> dict[str, list[Invoice]]:
    found: dict[str, list[Invoice]] = defaultdict(list)
    for invoice in invoices:
        found[invoice.account_id].append(invoice)
    return found
