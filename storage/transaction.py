"""All records, as they are seen and changed within one transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sqlalchemy.engine import Connection

from storage.accounts import Accounts
from storage.acts import Acts
from storage.api_tokens import ApiTokens
from storage.claims import Claims
from storage.codes import Codes
from storage.desk import Desk
from storage.expired import Expired
from storage.expiries import Expiries
from storage.factors import FactorRecords
from storage.history import History
from storage.imports import Imports
from storage.inbox import Inbox
from storage.invoices import Invoices
from storage.legal_holds import LegalHolds
from storage.memberships import Memberships
from storage.operators import Operators
from storage.outbox import Outbox
from storage.partners import Partners
from storage.received_mail import ReceivedMails
from storage.registration_links import RegistrationLinks
from storage.retention_gate import RetentionGate
from storage.retention_ledger import RetentionLedger
from storage.second_looks import SecondLooks
from storage.sender_checks import SenderChecks
from storage.sender_warnings import SenderWarnings
from storage.sessions import Sessions
from storage.soundness import Soundness
from storage.throttles import Throttles
from storage.users import Users
from storage.validations import Validations
from storage.webhook_deliveries import WebhookDeliveries
from storage.webhooks import Webhooks
from storage.would_go import WouldGo


@dataclass(frozen=True, slots=True)
class Transaction:
    """All records, seen within one transaction."""

    mails: ReceivedMails
    accounts: Accounts
    partners: Partners
    invoices: Invoices
    inbox: Callable[[str], Inbox]  # of the company account with this id
    api_tokens: ApiTokens
    links: RegistrationLinks
    history: History
    expired: Expired
    users: Users
    memberships: Memberships
    sessions: Sessions
    sender_checks: SenderChecks
    warnings: SenderWarnings
    second_looks: SecondLooks
    codes: Codes
    claims: Claims
    desk: Desk
    operators: Operators
    acts: Acts
    throttles: Throttles
    outbox: Outbox
    holds: LegalHolds
    ledger: RetentionLedger
    gate: RetentionGate
    validations: Validations
    soundness: Soundness
    expiries: Expiries
    factors: FactorRecords
    webhooks: Webhooks
    webhook_deliveries: WebhookDeliveries
    would_go: WouldGo
    imports: Imports


def records_of(connection: Connection) -> Transaction:
    """Everything over this connection, which is in a transaction."""
    return Transaction(
        mails=ReceivedMails(connection),
        accounts=Accounts(connection),
        partners=Partners(connection),
        invoices=Invoices(connection),
        inbox=partial(Inbox, connection),
        api_tokens=ApiTokens(connection),
        links=RegistrationLinks(connection),
        history=History(connection),
        expired=Expired(connection),
        users=Users(connection),
        memberships=Memberships(connection),
        sessions=Sessions(connection),
        sender_checks=SenderChecks(connection),
        warnings=SenderWarnings(connection),
        second_looks=SecondLooks(connection),
        codes=Codes(connection),
        claims=Claims(connection),
        desk=Desk(connection),
        operators=Operators(connection),
        acts=Acts(connection),
        throttles=Throttles(connection),
        outbox=Outbox(connection),
        holds=LegalHolds(connection),
        ledger=RetentionLedger(connection),
        gate=RetentionGate(connection),
        validations=Validations(connection),
        soundness=Soundness(connection),
        expiries=Expiries(connection),
        factors=FactorRecords(connection),
        webhooks=Webhooks(connection),
        webhook_deliveries=WebhookDeliveries(connection),
        would_go=WouldGo(connection),
        imports=Imports(connection),
    )
