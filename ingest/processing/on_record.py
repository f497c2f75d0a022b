"""Loads what the store knows that matters for one mail, in a fixed number of queries."""

from __future__ import annotations

from collections.abc import Iterator

from ingest.processing.filing import OnRecord
from ingest.processing.matching import Candidates, keys_to_look_up
from storage.account_keys import AccountKey, address_key, domain_key, split_address, vat_id_key
from storage.records import AccountStatus, ContractingPartner, MailReading, PartnerTrust, ReceivedMail
from storage.store import Transaction


def load_on_record(records: Transaction, mail: ReceivedMail, reading: MailReading) -> OnRecord:
    """The accounts that could be meant, their newest links, and the partner that sent the mail."""
    terms = [invoice.terms for invoice in reading.invoices]
    owners = records.accounts.owners(keys_to_look_up(mail.envelope.forward_paths, terms))
    accounts = records.accounts.by_ids(set(owners.values()))
    invited = [
        address_key(account.addresses[0]).value
        for account in accounts.values()
        if account.status is AccountStatus.INVITED and account.addresses
    ]
    return OnRecord(
        candidates=Candidates(owners, accounts),
        newest_links={link.email: link for link in records.links.newest(invited)},
        partner=_partner(records, mail, reading),
    )


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
