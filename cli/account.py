"""`invoices account`: company accounts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import click

from cli import forms
from cli.front import Front, Group, actor, pass_front, utc_now
from ingest.filing_settings import link_tokens
from storage.companies.account_keys import parse_identifier
from storage.decisions import companies as decisions
from storage.decisions.invitations import Invitation, invite
from storage.errors import Conflict, NotFound
from storage.ids import new_id
from storage.records.companies import AccountStatus, CompanyAccount, WarningPolicy
from storage.records.people import Language, Role

COLUMNS = {
    "name": "Name",
    "status": "Status",
    "addresses": "Addresses",
    "vat_ids": "VAT identifiers",
    "domains": "Domains",
    "identifiers": "Other identifiers",
    "id": "Id",
}

MEMBER_COLUMNS = {
    "email": "Address",
    "name": "Name",
    "role": "Role",
    "state": "State",
    "confirmed": "Confirmed",
    "decided_by": "Decided by",
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


@account.command()
@click.argument("account_", metavar="ACCOUNT")
@click.argument("policy_", metavar="POLICY", type=click.Choice([str(one) for one in WarningPolicy]))
@pass_front
def policy(front: Front, account_: str, policy_: str) -> None:
    """What warnings about a sender do to invoices of ACCOUNT: note, hold or quarantine.

    `hold` marks such an invoice, and no mail about it is sent, until `invoices release`; `quarantine` also keeps it
    out of the company's sight. Until a sender is checked, both hold for all new invoices of the account.
    """
    with front.store.transaction() as records:
        company = records.accounts.find(account_)
        decisions.set_warning_policy(records, company.id, WarningPolicy(policy_), actor=actor(), at=utc_now())
        changed = records.accounts.get(company.id)
    front.say(f'Warnings: {policy_}, for new invoices of "{changed.name}".', forms.account_form(changed))


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


@account.command()
@click.argument("account_", metavar="ACCOUNT")
@pass_front
def members(front: Front, account_: str) -> None:
    """The people of an account, whatever their state, oldest first."""
    with front.store.reading() as records:
        company = records.accounts.find(account_)
        people = records.memberships.of_account(company.id)
        users = records.users.by_ids(one.user_id for one in people)
    rows = [forms.member_form(one, users[one.user_id]) for one in people]
    front.show(rows, MEMBER_COLUMNS, nothing=f'Nobody belongs to "{company.name}" yet.')


@account.command()
@click.argument("account_", metavar="ACCOUNT")
@click.argument("email")
@click.option(
    "--language",
    type=click.Choice([str(one) for one in Language]),
    help="Of the mail; else outbound.language. For a new person only.",
)
@pass_front
def appoint(front: Front, account_: str, email: str, language: str | None) -> None:
    """Make EMAIL the administrator of an account that has none, and send the person a link.

    It is on record who appointed whom, and when (`invoices account members`). An account that has an administrator
    is left to that person.
    """
    settings, tokens, now = front.settings, link_tokens(front.settings), utc_now()
    with front.store.transaction() as records:
        company = records.accounts.find(account_)
        if company.status is not AccountStatus.REGISTERED:
            raise Conflict(
                f'"{company.name}" is not registered yet; `invoices link create {email} --account {company.id}` '
                "invites the first person"
            )
        records.memberships.hold_still(company.id)
        if administrators := records.memberships.administrators(company.id):
            [known] = records.users.by_ids([administrators[0].user_id]).values()
            raise Conflict(f'"{company.name}" has an administrator already: {known.email}')
        invitation = Invitation(
            account=company,
            email=email,
            language=Language(language or settings.outbound.language),
            role=Role.ADMINISTRATOR,
            by=actor(),
            person=settings.outbound.sender_name or settings.outbound.mail_from,
        )
        invited = invite(records, invitation, tokens, timedelta(days=settings.registration.link_days), now)
        if settings.outbound.smarthost:
            records.outbox.add([invited.mail])
    url = tokens.url(invited.link) if invited.link else None
    form = forms.member_form(invited.membership, invited.user) | {
        "url": url,
        "sent": bool(settings.outbound.smarthost),
    }
    said = f'{email} is the administrator of "{company.name}" now.'
    front.say(f"{said}\n{url}" if url else said, form)
