"""`invoices link`: registration links."""

from __future__ import annotations

from datetime import datetime, timedelta

import click

from cli import forms
from cli.front import Front, Group, pass_front, utc_now
from ingest.filing_settings import link_tokens
from storage.companies.account_keys import address_key
from storage.errors import Conflict
from storage.ids import new_id
from storage.records.companies import AccountStatus, CompanyAccount
from storage.records.outgoing import MailTemplate, OutboundMail
from storage.records.people import Language
from storage.records.registration import LinkState, RegistrationLink
from storage.transaction import Transaction

COLUMNS = {"email": "Address", "state": "State", "expires_at": "Expires", "url": "Link", "id": "Id"}


@click.group(cls=Group)
def link() -> None:
    """Registration links: how an invited company comes to its account."""


@link.command("list")
@pass_front
def list_(front: Front) -> None:
    """All links, newest first; the address of one shows where its key is at hand."""
    tokens, now = link_tokens(front.settings), utc_now()
    with front.store.reading() as records:
        links = records.links.all()
        accounts = records.accounts.by_ids({one.account_id for one in links})
    rows = [forms.link_form(one, accounts[one.account_id], tokens, now) for one in links]
    front.show(rows, COLUMNS, nothing="There is no registration link yet.")


@link.command()
@click.argument("email")
@click.option(
    "--account", "account_", metavar="ACCOUNT", help="The account to join: its id, name or address."
)
@pass_front
def create(front: Front, email: str, account_: str | None) -> None:
    """Invite EMAIL with a new link.

    Without --account the link is for the account that has this address; where there is none, the address gets an
    invited account of its own. An address has one live link at a time.
    """
    address_key(email)
    tokens, now = link_tokens(front.settings), utc_now()
    with front.store.transaction() as records:
        account = records.accounts.find(account_) if account_ else _account_of(records, email)
        link_id = new_id()
        new = RegistrationLink(
            id=link_id,
            account_id=account.id,
            email=address_key(email).value,
            token_digest=tokens.digest(link_id),
            created_at=now,
            expires_at=now + timedelta(days=front.settings.registration.link_days),
        )
        records.links.add([new])
    form = forms.link_form(new, account, tokens, now)
    front.say(f"{form['url']}\nfor {form['email']}, until {form['expires_at']}", form)


@link.command()
@click.argument("link_id", metavar="ID")
@pass_front
def revoke(front: Front, link_id: str) -> None:
    """Take a link back for good. No new one is made for its address by later invoices."""
    tokens, now = link_tokens(front.settings), utc_now()
    with front.store.transaction() as records:
        records.links.revoke(link_id, now)
        one = records.links.get(link_id)
        account = records.accounts.get(one.account_id)
    if one.state(now) is LinkState.REDEEMED:
        raise Conflict(f"the link {link_id} was redeemed already; it opens nothing any more")
    front.say(f"The link for {one.email} is revoked.", forms.link_form(one, account, tokens, now))


@link.command()
@click.argument("link_id", metavar="ID")
@pass_front
def resend(front: Front, link_id: str) -> None:
    """Send a live link to its address again.

    Without a mail server to send it through (outbound.smarthost) it names the link, for you to pass on, and fails.
    """
    settings, tokens, now = front.settings, link_tokens(front.settings), utc_now()
    with front.store.transaction() as records:
        one = records.links.get(link_id)
        account = records.accounts.get(one.account_id)
        state = one.state(now)
        if state is not LinkState.LIVE:
            raise Conflict(
                f"the link for {one.email} is {state}; `invoices link create {one.email}` makes a new one"
            )
        if not settings.outbound.smarthost:
            raise Conflict(
                f"nothing was sent, since outbound.smarthost is not set; the link for {one.email}: {tokens.url(one)}"
            )
        records.outbox.add([_again(one, Language(settings.outbound.language), now)])
    front.say(f"The link for {one.email} is on its way.", forms.link_form(one, account, tokens, now))


def _again(link: RegistrationLink, language: Language, now: datetime) -> OutboundMail:
    return OutboundMail(
        id=new_id(),
        template=MailTemplate.LINK,
        language=language,
        recipient=link.email,
        context={"link": link.id},
        created_at=now,
        account_id=link.account_id,
    )


def _account_of(records: Transaction, email: str) -> CompanyAccount:
    owners = records.accounts.owners([address_key(email)])
    if owners:
        return records.accounts.get(*owners.values())
    invited = CompanyAccount(
        id=new_id(),
        name=email,
        status=AccountStatus.INVITED,
        addresses=(email,),
        vat_ids=(),
        domains=(),
        identifiers=(),
        invited_at=utc_now(),
        registered_at=None,
    )
    records.accounts.add(invited)
    return invited
