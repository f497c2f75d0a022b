"""All that one mail adds to the records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from storage.records.companies import CompanyAccount, RememberedDecision, SecondLook
from storage.records.history import HistoryEvent
from storage.records.invoices import Invoice
from storage.records.mails import Outcome
from storage.records.outgoing import Bounce, OutboundMail
from storage.records.reading import Message
from storage.records.registration import RegistrationLink


@dataclass(frozen=True, slots=True, kw_only=True)
class Filing:
    """Everything that one mail adds to the records; it is written whole or not at all."""

    mail_id: str
    outcome: Outcome
    reason: str | None
    message: Message | None
    received_at: datetime  # of the mail
    expires_at: datetime  # of the mail
    filed_at: datetime | None = None  # the sender is checked from then on; None: from when it was received
    new_accounts: tuple[CompanyAccount, ...] = ()
    new_links: tuple[RegistrationLink, ...] = ()
    invoices: tuple[Invoice, ...] = ()
    events: tuple[HistoryEvent, ...] = ()
    outbound_mails: tuple[OutboundMail, ...] = ()
    bounce: Bounce | None = None
    partner_id: str | None = None
    decisions: tuple[RememberedDecision, ...] = ()
    second_looks: Mapping[str, SecondLook] = field(
        default_factory=dict
    )  # by invoice, until the sender is checked
