"""Loads what the store knows that matters for a group of mails, in a fixed number of queries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from ingest.processing.filing import OnRecord
from ingest.processing.match_rules import keys_to_look_up
from ingest.processing.matching import Candidates
from ingest.processing.notices import Audience, Recipient
from storage.companies.account_keys import (
    AccountKey,
    KeyKind,
    address_key,
    domain_key,
    name_key,
    split_address,
    vat_id_key,
)
from storage.companies.accounts import keys_of
from storage.records.companies import AccountStatus, CompanyAccount, WarningPolicy
from storage.records.filing import Filing
from storage.records.mails import ReceivedMail
from storage.records.outgoing import OutboundState
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
    """What matters for one mail; see GroupOnRecord."""
    return GroupOnRecord(records, [(mail, reading)], now, with_audience=with_audience).of(mail, reading)


class GroupOnRecord:
    """The accounts that could be meant, their newest links, and the partners that sent the mails.

    What is decided about one of the mails is on record for the next: `add` says what that is.
    """

    def __init__(
        self,
        records: Transaction,
        mails: Sequence[tuple[ReceivedMail, MailReading]],
        now: datetime,
        *,
        with_audience: bool,
    ) -> None:
        """`with_audience`: also those who are told of the invoices."""
        self._asked = _with_partners(records, mails)
        keys = {key for asked in self._asked.values() for key in asked.keys}
        names = {name for asked in self._asked.values() for name in asked.names}
        self._owners = records.accounts.owners(keys | names)
        self._memberships = _memberships(records, keys)
        of_users = {account_id for found in self._memberships.values() for account_id in found}
        assigned = {mail.assignment.account_id for mail, _ in mails if mail.assignment}
        self._accounts = records.accounts.by_ids({*self._owners.values(), *of_users, *assigned})
        self._links = {link.email: link for link in records.links.newest(_invited(self._accounts.values()))}
        self._audience = Audience()
        if with_audience and any(reading.invoices for _, reading in mails):
            partner_ids = {asked.partner.id for asked in self._asked.values() if asked.partner}
            self._audience = _audience(
                records, self._accounts.values(), self._links.values(), partner_ids, now
            )
        self._own = records.outbox.by_message_ids(_own_ids(reading for _, reading in mails))

    def of(self, mail: ReceivedMail, reading: MailReading) -> OnRecord:
        """What matters for one of the mails, and nothing that only matters for others."""
        asked = self._asked[mail.id]
        wanted = asked.keys | asked.names
        owners = {key: self._owners[key] for key in wanted if key in self._owners}
        memberships = {key: self._memberships[key] for key in asked.keys if key in self._memberships}
        ids = {*owners.values(), *(one for found in memberships.values() for one in found)}
        ids |= {mail.assignment.account_id} if mail.assignment else set()
        accounts = {one: self._accounts[one] for one in sorted(ids) if one in self._accounts}
        emails = _invited(accounts.values())
        return OnRecord(
            candidates=Candidates(owners, accounts, memberships),
            newest_links={email: self._links[email] for email in emails if email in self._links},
            partner=asked.partner,
            proposals=tuple(accounts[owners[name]] for name in sorted(asked.names & owners.keys())),
            audience=self._audience,
            own=next((self._own[one] for one in _own_ids([reading]) if one in self._own), None),
        )

    def add(self, filing: Filing) -> None:
        """Takes note of what a filing adds that the mails after it have to find on record."""
        for account in filing.new_accounts:
            self._accounts[account.id] = account
            self._owners |= dict.fromkeys(keys_of(account), account.id)
        for decision in filing.decisions:
            self._owners[AccountKey(KeyKind.DECISION, decision.key)] = decision.account_id
        self._links |= {link.email: link for link in filing.new_links}
        if filing.bounce is not None:
            own = self._own[filing.bounce.message_id]
            self._own[filing.bounce.message_id] = replace(own, state=OutboundState.BOUNCED)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a mail asks the store for."""

    partner: ContractingPartner | None
    keys: set[AccountKey]
    names: set[AccountKey]


def _with_partners(
    records: Transaction, mails: Sequence[tuple[ReceivedMail, MailReading]]
) -> dict[str, _Asked]:
    """The partner of each mail, by its id, and the keys that follow from it."""
    keys = {mail.id: tuple(dict.fromkeys(_partner_keys(mail, reading))) for mail, reading in mails}
    owners = records.partners.owners({key for found in keys.values() for key in found})
    partners = records.partners.by_ids(set(owners.values()))
    asked = {}
    for mail, reading in mails:
        partner = _partner([partners[owners[key]] for key in keys[mail.id] if key in owners])
        terms = [invoice.terms for invoice in reading.invoices]
        partner_id = partner.id if partner else None
        asked[mail.id] = _Asked(
            partner, keys_to_look_up(mail.envelope.forward_paths, terms, partner_id), _names(reading)
        )
    return asked


def _partner(found: Sequence[ContractingPartner]) -> ContractingPartner | None:
    """The partner of the From field, else of the reverse-path, else of the seller; a blocked one before all."""
    blocked = (one for one in found if one.trust is PartnerTrust.BLOCKED)
    return next(blocked, found[0] if found else None)


def _invited(accounts: Iterable[CompanyAccount]) -> list[str]:
    """The addresses to which links were sent."""
    return [
        address_key(account.addresses[0]).value
        for account in accounts
        if account.status is AccountStatus.INVITED and account.addresses
    ]


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
    partner_ids: Iterable[str],
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
        held=frozenset(checked_first | records.outbox.held_subjects([*ids, *partner_ids])),
        bouncing=frozenset(records.outbox.bouncing(addresses, now - BOUNCING_FOR)),
    )


def _own_ids(readings: Iterable[MailReading]) -> list[str]:
    """By which a mail would be one of ours, or return one."""
    ids = [
        message_id
        for reading in readings
        for message_id in (
            reading.returned.message_id if reading.returned else None,
            reading.message.message_id,
        )
    ]
    return [message_id for message_id in ids if message_id and message_id.startswith(_OURS)]


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
