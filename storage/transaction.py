"""All records, as they are seen and changed within one transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sqlalchemy.engine import Connection

from storage.companies.accounts import Accounts
from storage.companies.claims import Claims
from storage.companies.memberships import Memberships
from storage.companies.partners import Partners
from storage.companies.registration_links import RegistrationLinks
from storage.expiring.expired import Expired
from storage.expiring.expiries import Expiries
from storage.expiring.legal_holds import LegalHolds
from storage.expiring.retention_gate import RetentionGate
from storage.expiring.retention_ledger import RetentionLedger
from storage.expiring.soundness import Soundness
from storage.expiring.would_go import WouldGo
from storage.filed.acts import Acts
from storage.filed.desk import Desk
from storage.filed.history import History
from storage.filed.imports import Imports
from storage.filed.inbox import Inbox
from storage.filed.invoices import Invoices
from storage.filed.second_looks import SecondLooks
from storage.filed.sender_warnings import SenderWarnings
from storage.filed.tally import Tally
from storage.filed.validations import Validations
from storage.outgoing.outbox import Outbox
from storage.outgoing.webhook_deliveries import WebhookDeliveries
from storage.outgoing.webhooks import Webhooks
from storage.people.api_tokens import ApiTokens
from storage.people.codes import Codes
from storage.people.factors import FactorRecords
from storage.people.operators import Operators
from storage.people.sessions import Sessions
from storage.people.throttles import Throttles
from storage.people.users import Users
from storage.queue.received_mail import ReceivedMails
from storage.queue.sender_checks import SenderChecks


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
    tally: Tally
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
        tally=Tally(connection),
        expiries=Expiries(connection),
        factors=FactorRecords(connection),
        webhooks=Webhooks(connection),
        webhook_deliveries=WebhookDeliveries(connection),
        would_go=WouldGo(connection),
        imports=Imports(connection),
    )
