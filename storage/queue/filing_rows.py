"""Writes what filings add to all tables but that of the mails: as many statements for a group as for one mail."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.engine import Connection

from storage.companies.accounts import Accounts
from storage.companies.registration_links import RegistrationLinks
from storage.filed.history import History
from storage.filed.invoices import Invoices
from storage.filed.second_looks import SecondLooks
from storage.outgoing.outbox import Outbox
from storage.records.filing import Filing


def write_added(connection: Connection, filings: Sequence[Filing]) -> None:
    """What each filing adds, in their order. Raises Conflict."""
    accounts = Accounts(connection)
    accounts.add_all([account for filing in filings for account in filing.new_accounts])
    for filing in filings:
        for decision in filing.decisions:
            accounts.remember(decision)
    RegistrationLinks(connection).add([link for filing in filings for link in filing.new_links])
    subjects = {filing.mail_id: filing.message.subject for filing in filings if filing.message}
    Invoices(connection).add([invoice for filing in filings for invoice in filing.invoices], subjects)
    looks = [
        (invoice, look)
        for filing in filings
        for invoice in filing.invoices
        if (look := filing.second_looks.get(invoice.id))
    ]
    SecondLooks(connection).put_all(looks)
    History(connection).add([event for filing in filings for event in filing.events])
    outbox = Outbox(connection)
    outbox.add([mail for filing in filings for mail in filing.outbound_mails])
    for filing in filings:
        if filing.bounce is not None:
            outbox.bounced(filing.bounce.message_id, filing.bounce.reply)
