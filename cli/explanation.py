"""Tells in sentences what was decided about a mail or an invoice, from receipt to now, in English or German."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from storage.filed.warning_wording import told
from storage.records.history import HistoryEvent, HistoryEventName
from storage.records.invoices import Invoice, InvoiceState
from storage.records.mails import MailState, ReceivedMail
from storage.records.partners import SenderWarning
from storage.records.people import Language


@cache
def texts() -> dict[str, dict[str, dict[str, str]]]:
    """All sentences: by room, key and language."""
    found: dict[str, dict[str, dict[str, str]]] = tomllib.loads(
        files("cli").joinpath("explanation.toml").read_text(encoding="utf-8")
    )
    return found


class Explanation:
    """The sentences in one language."""

    def __init__(self, language: Language, mail: ReceivedMail, accounts: Mapping[str, str]) -> None:
        self._language = language
        self._mail = mail
        self._accounts = accounts  # names by id

    def events(self, events: Iterable[HistoryEvent]) -> list[str]:
        """A sentence for each event."""
        return [f"{event.at:%Y-%m-%d %H:%M:%S} UTC: {self._event(event)}" for event in events]

    def invoice(self, invoice: Invoice, warnings: Iterable[SenderWarning]) -> list[str]:
        """Whose it is and why, who sent it, what to look at, and where it stands now."""
        if invoice.state is InvoiceState.DELETED:
            return [self._say("state.invoice-deleted", date=f"{invoice.deleted_at:%Y-%m-%d}")]
        listed = ", ".join(f"{one.kind} {one.value} ({one.where})" for one in invoice.evidence)
        return [
            *([self._say("sender.evidence", listed=listed)] if listed else []),
            *self._sender(),
            *(self._say("sender.warning", text=told(one, self._language)) for one in warnings),
            self._say(
                "state.invoice",
                environment=self._say(f"word.{invoice.environment}"),
                date=f"{invoice.expires_at:%Y-%m-%d}",
            ),
        ]

    def mail(self) -> list[str]:
        """Who sent a mail, and where it stands now."""
        mail = self._mail
        match mail.state:
            case MailState.DELETED:
                return [self._say("state.mail-deleted", date=f"{mail.deleted_at:%Y-%m-%d}")]
            case MailState.QUARANTINED:
                return [
                    *self._sender(),
                    self._say("state.mail-quarantined", reason=mail.reason or "", id=mail.id),
                ]
            case MailState.FILED:
                filed = self._say(
                    "state.mail-filed",
                    outcome=str(mail.outcome),
                    in_brackets=f" ({mail.reason})" if mail.reason else "",
                    date=f"{mail.expires_at:%Y-%m-%d}",
                )
                return [*self._sender(), filed]
        return [
            self._say("state.mail-failed" if mail.reason else "state.mail-waits", reason=mail.reason or "")
        ]

    def _sender(self) -> list[str]:
        found = self._mail.authentication
        if found is None:
            return [self._say("sender.unchecked")]
        return [
            self._say(
                f"sender.{found.status}",
                domain=found.domain or "",
                from_domain=found.from_domain or self._say("sender.nobody"),
            )
        ]

    def _event(self, event: HistoryEvent) -> str:
        detail = event.detail
        values: dict[str, Any] = {
            "sender": self._mail.envelope.reverse_path or self._say("word.no-sender"),
            "recipients": ", ".join(self._mail.envelope.forward_paths) or self._say("word.no-recipient"),
            "expires": detail.get("expires_at", "")[:10],
            **detail,
            "actor": event.actor,
            "account": f'"{self._accounts.get(detail.get("account", "")) or self._say("word.gone")}"',
        }
        key = str(event.event)
        match event.event:
            case HistoryEventName.RECEIVED if self._mail.deleted_at:
                key = "received-deleted"
            case HistoryEventName.READ:
                number = detail["invoices"]
                values["counted"] = self._say(
                    "word.one-invoice" if number == "1" else "word.invoices", number=number
                )
            case HistoryEventName.MATCHED:
                values["rule"] = self._say(f"rule.{detail['rule']}")
            case HistoryEventName.RECORDED if "reason" in detail:
                key = "recorded-test"
                values["sign"] = self._say(f"sign.{detail['reason']}")
            case HistoryEventName.VALIDATED:
                key = "validated-by-rules" if "rules" in detail else "validated"
                values["worth"] = self._say(f"worth.{detail['status']}")
        return self._say(f"event.{key}", **values)

    def _say(self, key: str, **values: Any) -> str:
        room, _, name = key.partition(".")
        return texts()[room][name][self._language].format(**values)
