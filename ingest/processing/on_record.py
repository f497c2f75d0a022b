"""Loads what the store knows that matters for one mail, in a fixed number of queries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from ingest.processing.filing import OnRecord
from ingest.processing.match_rules import keys_to_look_up
from ingest.processing.matching import Candidates
from ingest.processing.notices import Audience, Recipient
from storage.account_keys import (
    AccountKey,
    KeyKind,
    address_key,
    domain_key,
    name_key,
    split_address,
    vat_id_key,
)
from storage.records.companies import AccountStatus, CompanyAccount, WarningPolicy
from storage.records.mails import ReceivedMail
from storage.records.outgoing import OutboundMail
from storage.records.partners import ContractingPartner, PartnerTrust
from storage.records.reading import MailReading
from storage.records.registration import RegistrationLink
from storage.transaction import Transaction

MOST_PROPOSALS = 5  # for a mail
BOUNCING_FOR = timedelta(days=7)  # so long nothing is sent to an address whose last mail came back
_OURS = "<invoices."  # so the Message-IDs of our mails begin


def load_on_record(
    records: Transaction, mail: ReceivedMail, reading: MailReading, now: datetime, *, with_audience: bool
) -> OnRecord:
    """The accounts that could be meant, their newest links, and the partner that sent the mail.

    `with_audience`: also those who are told of its invoices.
    """
    terms = [invoice.terms for invoice in reading.invoices]
    partner = _partner(records, mail, reading)
    keys = keys_to_look_up(mail.envelope.forward_paths, terms, partner.id if partner else None)
    names = _names(reading)
    owners = records.accounts.owners(keys | names)
    memberships = _memberships(records, keys)
    assigned = {mail.assignment.account_id} if mail.assignment else set()
    of_users = {account_id for found in memberships.values() for account_id in found}
    accounts = records.accounts.by_ids({*owners.values(), *of_users, *assigned})
    invited = [
        address_key(account.addresses[0]).value
        for account in accounts.values()
        if account.status is AccountStatus.INVITED and account.addresses
    ]
    links = {link.email: link for link in records.links.newest(invited)}
    audience = Audience()
    if with_audience and reading.invoices:
        audience = _audience(records, accounts.values(), links.values(), partner, now)
    return OnRecord(
        candidates=Candidates(owners, accounts, memberships),
        newest_links=links,
        partner=partner,
        proposals=tuple(accounts[owners[name]] for name in sorted(names & owners.keys())),
        audience=audience,
        own=_own(records, reading),
    )


def _memberships(records: Transaction, keys: Iterable[AccountKey]) -> dict[AccountKey, tuple[str, ...]]:
    wanted = [key for key in keys if key.kind is KeyKind.USER]
    found = records.memberships.accounts_of_addresses(key.value for key in wanted)
    return {key: found[key.value] for key in wanted if key.value in found}


def _names(reading: MailReading) -> set[AccountKey]:
    """Accounts that are named like a buyer (BT-44) are for an operator to look at; no rule asks for a name."""
    names = (invoice.terms.buyer.name for invoice in reading.invoices[:MOST_PROPOSALS])
    return {key for name in names if name and (key := name_key(name))}


def _audience(
    records: Transaction,
    accounts: Iterable[CompanyAccount],
    links: Iterable[RegistrationLink],
    partner: ContractingPartner | None,
    now: datetime,
) -> Audience:
    accounts = list(accounts)
    ids = [account.id for account in accounts]
    checked_first = {account.id for account in accounts if account.warning_policy is not WarningPolicy.NOTE}
    wanting = [one for one in records.memberships.active(ids) if one.notify]
    users = records.users.by_ids({one.user_id for one in wanting})
    members: dict[str, list[Recipient]] = {}
    for one in wanting:
        user = users[one.user_id]
        if user.confirmed_at is None:
            continue  # invited, and not here yet
        members.setdefault(one.account_id, []).append(Recipient(email=user.email, language=user.language))
    addresses = [user.email for user in users.values()] + [link.email for link in links]
    return Audience(
        members=members,
        held=frozenset(
            checked_first | records.outbox.held_subjects([*ids, *([partner.id] if partner else [])])
        ),
        bouncing=frozenset(records.outbox.bouncing(addresses, now - BOUNCING_FOR)),
    )


def _own(records: Transaction, reading: MailReading) -> OutboundMail | None:
    """The mail of ours that this is, or that it returns."""
    ids = [reading.returned.message_id if reading.returned else None, reading.message.message_id]
    for message_id in ids:
        if message_id and message_id.startswith(_OURS) and (own := records.outbox.by_message_id(message_id)):
            return own
    return None


def _partner(records: Transaction, mail: ReceivedMail, reading: MailReading) -> ContractingPartner | None:
    """The partner of the From field, else of the reverse-path, else of the seller; a blocked one before all."""
    keys = list(dict.fromkeys(_partner_keys(mail, reading)))
    owners = records.partners.owners(keys)
    if not owners:
        return None
    partners = records.partners.by_ids(set(owners.values()))
    found = [partners[owners[key]] for key in keys if key in owners]
    return next((one for one in found if one.trust is PartnerTrust.BLOCKED), found[0])


def _partner_keys(mail: ReceivedMail, reading: MailReading) -> Iterator[AccountKey]:
    for address in [*(box.address for box in reading.message.from_), mail.envelope.reverse_path]:
        labels = split_address(address)[2].split(".")
        for start in range(max(1, len(labels) - 1)):  # the domain and those above it, but no top-level one
            try:
                yield domain_key(".".join(labels[start:]))
            except ValueError:
                continue
    for invoice in reading.invoices:
        try:
            yield vat_id_key(invoice.terms.seller.vat_id or "")
        except ValueError:
            continue
