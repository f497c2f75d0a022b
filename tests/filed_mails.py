"""Puts mails on record as a worker files them, for tests of what comes after."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ingest.receiving.transfer_key import transfer_digest
from storage.ids import new_id
from storage.records.filing import Filing
from storage.records.history import HistoryEvent, HistoryEventName
from storage.records.invoices import Environment
from storage.records.mails import IncomingMail, Outcome
from storage.store import Store
from tests import making

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Filed:
    """A mail on record with one invoice."""

    mail_id: str
    invoice_id: str
    account_id: str
    octets: bytes


def file_invoice(
    url: str,
    *,
    environment: Environment = Environment.PRODUCTIVE,
    at: datetime = making.NOW,
    **account: Any,
) -> Filed:
    """A mail with an invoice as the worker files it `at` that time; whatever is in the store already stays."""
    company = making.account(**account)
    octets = new_id().encode()
    envelope = making.envelope(received_at=at)
    mail = making.incoming(octets, transfer_digest=transfer_digest(octets, envelope), envelope=envelope)
    days = 30 if environment is Environment.TEST else 90
    invoice = making.invoice(
        mail_id=mail.id,
        account_id=company.id,
        environment=environment,
        received_at=at,
        environment_reason="header" if environment is Environment.TEST else None,
        expires_at=at + days * DAY,
    )
    detail = {"environment": str(environment), "expires_at": invoice.expires_at.isoformat()}
    events = [
        _event(HistoryEventName.READ, {"invoices": "1"}, mail.id, None),
        _event(
            HistoryEventName.MATCHED,
            {"rule": "recipient-address", "account": company.id},
            mail.id,
            invoice.id,
        ),
        _event(
            HistoryEventName.RECORDED,
            detail | ({"reason": "header"} if environment is Environment.TEST else {}),
            mail.id,
            invoice.id,
        ),
    ]
    _write(
        url,
        mail,
        Filing(
            mail_id=mail.id,
            outcome=Outcome.RECORDED,
            reason=None,
            message=making.message(),
            received_at=at,
            expires_at=invoice.expires_at,
            new_accounts=(company,),
            invoices=(invoice,),
            events=tuple(events),
        ),
    )
    return Filed(mail.id, invoice.id, company.id, mail.octets)


def file_in_quarantine(url: str) -> str:
    """A mail that was set aside, as the worker files it; its id."""
    mail = making.incoming(new_id().encode())
    filing = Filing(
        mail_id=mail.id,
        outcome=Outcome.QUARANTINED,
        reason='"invoice.xml": it is not XML',
        message=making.message(),
        received_at=making.NOW,
        expires_at=making.NOW + 90 * DAY,
        events=(_event(HistoryEventName.QUARANTINED, {}, mail.id, None),),
    )
    _write(url, mail, filing)
    return mail.id


def _event(
    name: HistoryEventName, detail: dict[str, str], mail_id: str, invoice_id: str | None
) -> HistoryEvent:
    return HistoryEvent(
        at=making.NOW, event=name, actor="worker", detail=detail, mail_id=mail_id, invoice_id=invoice_id
    )


def _write(url: str, mail: IncomingMail, filing: Filing) -> None:
    store = Store.open(url)
    try:
        store.add_mails([mail])
        with store.transaction() as records:
            records.mails.claim(by="a", now=making.NOW, lease=DAY, limit=1)
            assert records.mails.file(filing, by="a")
    finally:
        store.close()
