"""`invoices account`: company accounts."""

from __future__ import annotations

from dataclasses import replace

import click

from cli import forms
from cli.front import Front, Group, pass_front, utc_now
from storage.account_keys import parse_identifier
from storage.errors import NotFound
from storage.ids import new_id
from storage.records import AccountStatus, CompanyAccount

COLUMNS = {
    "name": "Name",
    "status": "Status",
    "addresses": "Addresses",
    "vat_ids": "VAT identifiers",
    "domains": "Domains",
    "identifiers": "Other identifiers",
    "id": "Id",
}


@click.group(cls=Group)
def account() -> None:
    """Company accounts: the companies that receive invoices."""


@account.command()
@click.argument("name")
@click.option("--address", "addresses", multiple=True, metavar="A", help="Mailbox address of the company.")
@click.option("--vat-id", "vat_ids", multiple=True, metavar="V", help="VAT identifier (BT-48), DE123456789.")
@click.option("--domain", "domains", multiple=True, metavar="D", help="Mail domain of the company.")
@click.option(
    "--identifier",
    "identifiers",
    multiple=True,
    metavar="SCHEME:VALUE",
    help="Any other identifier that invoices carry: 0088:4012345000009 is a GLN, 0204:... a Leitweg-ID.",
)
@pass_front
def add(
    front: Front,
    name: str,
    addresses: tuple[str, ...],
    vat_ids: tuple[str, ...],
    domains: tuple[str, ...],
    identifiers: tuple[str, ...],
) -> None:
    """Register the company NAME.

    Invoices find it by any of the keys given. A key belongs to one account only; a company that was invited at one
    of them becomes registered under NAME, and keeps the invoices that came in since.
    """
    if not name.strip():
        raise ValueError("the name of an account cannot be empty")
    now = utc_now()
    company = CompanyAccount(
        id=new_id(),
        name=name.strip(),
        status=AccountStatus.REGISTERED,
        addresses=addresses,
        vat_ids=vat_ids,
        domains=domains,
        identifiers=tuple(parse_identifier(text) for text in identifiers),
        invited_at=None,
        registered_at=now,
    )
    with front.store.transaction() as records:
        try:
            invited = records.accounts.register_invited(company)
        except NotFound:
            records.accounts.add(company)
        else:
            company = replace(company, id=invited)
            for link in records.links.of_account(invited):
                records.links.revoke(link.id, now)
        added = records.accounts.get(company.id)
    front.say(f'Registered "{added.name}" as {added.id}.', forms.account_form(added))


@account.command()
@click.argument("account_", metavar="ACCOUNT")
@click.option("--address", "addresses", multiple=True, metavar="A", help="Mailbox address of the company.")
@click.option("--vat-id", "vat_ids", multiple=True, metavar="V", help="VAT identifier (BT-48), DE123456789.")
@click.option("--domain", "domains", multiple=True, metavar="D", help="Mail domain of the company.")
@click.option(
    "--identifier",
    "identifiers",
    multiple=True,
    metavar="SCHEME:VALUE",
    help="Any other identifier that invoices carry.",
)
@click.option(
    "--customer-number",
    "customer_numbers",
    nargs=2,
    multiple=True,
    metavar="PARTNER NUMBER",
    help="Number that a contracting partner gave the company (BT-46).",
)
@pass_front
def extend(
    front: Front,
    account_: str,
    addresses: tuple[str, ...],
    vat_ids: tuple[str, ...],
    domains: tuple[str, ...],
    identifiers: tuple[str, ...],
    customer_numbers: tuple[tuple[str, str], ...],
) -> None:
    """Give an account further keys; ACCOUNT is its id, name or address.

    You vouch for them: what you enter here counts as proven.
    """
    with front.store.transaction() as records:
        company = records.accounts.find(account_)
        partners = [(records.partners.find(partner).id, number) for partner, number in customer_numbers]
        keys = replace(
            company,
            addresses=addresses,
            vat_ids=vat_ids,
            domains=domains,
            identifiers=tuple(parse_identifier(text) for text in identifiers),
            customer_numbers=tuple(f"{partner_id}:{number}" for partner_id, number in partners),
        )
        records.accounts.extend(company.id, keys)
        extended = records.accounts.get(company.id)
    front.say(f'"{extended.name}" is found by these, too.', forms.account_form(extended))


@account.command()
@click.argument("account_", metavar="ACCOUNT")
@click.argument("key")
@pass_front
def withdraw(front: Front, account_: str, key: str) -> None:
    """Take a key away from an account, written as `account show` shows it; also a remembered decision."""
    with front.store.transaction() as records:
        company = records.accounts.find(account_)
        if not records.accounts.withdraw(company.id, key):
            raise NotFound(f'"{company.name}" has no key "{key}"; `invoices account show` lists them')
        left = records.accounts.get(company.id)
    front.say(f'"{left.name}" is no longer found by "{key}".', forms.account_form(left))


@account.command("list")
@pass_front
def list_(front: Front) -> None:
    """All accounts, registered and invited, by name."""
    with front.store.reading() as records:
        rows = [forms.account_form(company) for company in records.accounts.all()]
    front.show(rows, COLUMNS, nothing="There is no account yet. `invoices account add NAME` makes one.")


@account.command()
@click.argument("account_", metavar="ACCOUNT")
@pass_front
def show(front: Front, account_: str) -> None:
    """One account; ACCOUNT is its id, name or address."""
    with front.store.reading() as records:
        form = forms.account_form(records.accounts.find(account_))
    front.show_one(form)
