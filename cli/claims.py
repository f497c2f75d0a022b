"""`invoices account claim|prove|claims`: identifiers that a company claims, and how it proves them."""

from __future__ import annotations

import click

from cli import forms
from cli.account import account
from cli.front import Front, actor, pass_front, utc_now
from config.settings import Settings
from ingest.processing.authentication.lookups import LookupTrouble, texts_at
from storage.companies.account_keys import AccountKey, KeyKind
from storage.companies.claims import Claim
from storage.decisions import claims as decisions
from storage.errors import Conflict
from storage.records.companies import CompanyAccount
from storage.records.people import Language

COLUMNS = {"key": "Key", "state": "State", "by": "Proven by", "dns": "DNS record that would prove it"}


@account.command()
@click.argument("account_", metavar="ACCOUNT")
@click.option("--address", metavar="A", help="A mailbox; a code goes to it.")
@click.option(
    "--domain", metavar="D", help="A mail domain, proven by a DNS record or a code to one of its mailboxes."
)
@click.option("--vat-id", metavar="V", help="A VAT identifier; you have to vouch for it.")
@click.option("--identifier", metavar="SCHEME:VALUE", help="Another identifier; you have to vouch for it.")
@click.option("--mail-to", metavar="MAILBOX", help="With --domain: the mailbox there that gets a code.")
@pass_front
def claim(
    front: Front,
    account_: str,
    address: str | None,
    domain: str | None,
    vat_id: str | None,
    identifier: str | None,
    mail_to: str | None,
) -> None:
    """Claim a key for ACCOUNT, which matches nothing until it is proven.

    Give one key. ACCOUNT is an id, name or address.
    """
    given = [text for text in (address, domain, vat_id, identifier) if text is not None]
    if len(given) != 1:
        raise click.UsageError("give one of --address, --domain, --vat-id and --identifier")
    key = _key(address, domain, vat_id, identifier)
    mailbox = address if address is not None else mail_to
    if mail_to is not None:
        _expect_mailbox_of(mail_to, key)
    now = utc_now()
    with front.store.transaction() as records:
        company = records.accounts.find(account_)
        for owner in records.accounts.owners([key]).values():
            raise Conflict(f'"{given[0]}" belongs to "{records.accounts.get(owner).name}" already')
        letter = _letter(front.settings, mailbox) if mailbox is not None else None
        made = decisions.begin(records, company, key, given[0], letter, actor=actor(), at=now)
    front.say(_what_next(made, company, mailbox), _claim_form(made))


@account.command()
@click.argument("account_", metavar="ACCOUNT")
@click.argument("key")
@click.option("--code", help="The code that came to the mailbox; without it the DNS of the domain is asked.")
@click.option("--vouch", is_flag=True, help="You have seen other proof, and vouch for it.")
@pass_front
def prove(front: Front, account_: str, key: str, code: str | None, vouch: bool) -> None:
    """Prove a claim; from then on KEY finds ACCOUNT, and no other account can have it."""
    now = utc_now()
    with front.store.reading() as records:
        company = records.accounts.find(account_)
        claimed = records.claims.get(company.id, key, now)
        right_code = code is not None and records.claims.is_proven_by(company.id, key, code, now)
    if vouch:
        by = actor()
    elif code is not None:
        if not right_code:
            raise ValueError("that is not the code that was sent; compare it with the mail")
        by = "code"
    else:
        _expect_record(front.settings, claimed)  # before any transaction: the DNS may be slow
        by = "dns"
    with front.store.transaction() as records:
        decisions.prove(records, company, claimed, by=by, actor=actor(), at=now)
        proven = records.accounts.get(company.id)
    front.say(
        f'"{claimed.shown}" is proven; it finds "{company.name}" from now on.', forms.account_form(proven)
    )


@account.command()
@click.argument("account_", metavar="ACCOUNT")
@pass_front
def claims(front: Front, account_: str) -> None:
    """What ACCOUNT is found by and who proved it, and what it claims."""
    with front.store.reading() as records:
        company = records.accounts.find(account_)
        rows = [
            {"key": one.shown, "state": "proven", "by": one.by, "at": forms.instant(one.at), "dns": None}
            for one in records.accounts.proofs(company.id)
        ]
        rows += [_claim_form(one) for one in records.claims.of_account(company.id, utc_now())]
    front.show(rows, COLUMNS, nothing="Nothing finds this account, and it claims nothing.")


def _key(address: str | None, domain: str | None, vat_id: str | None, identifier: str | None) -> AccountKey:
    """The one key that is given. Raises ValueError, also for a domain that cannot be one company's."""
    kinds = {
        KeyKind.ADDRESS: address,
        KeyKind.DOMAIN: domain,
        KeyKind.VAT_ID: vat_id,
        KeyKind.IDENTIFIER: identifier,
    }
    [(kind, text)] = [(kind, text) for kind, text in kinds.items() if text is not None]
    return decisions.claimed_key(kind, text)


def _expect_mailbox_of(mailbox: str, key: AccountKey) -> None:
    if not decisions.is_mailbox_of(mailbox, key):
        raise ValueError(f"{mailbox} is no mailbox of the domain that is claimed")


def _letter(settings: Settings, mailbox: str) -> decisions.Letter:
    if not settings.outbound.smarthost:
        raise Conflict(
            "no code can be sent, since outbound.smarthost is not set; claim without a mailbox and vouch for it, "
            "or prove a domain by its DNS record"
        )
    return decisions.Letter(mailbox, Language(settings.outbound.language))


def _expect_record(settings: Settings, claimed: Claim) -> None:
    """Raises ValueError when the domain does not publish the token, or cannot be asked."""
    if claimed.key.kind is not KeyKind.DOMAIN:
        raise ValueError("only a domain is proven by the DNS; give --code, or --vouch for it")
    name, text = decisions.record_of(claimed)
    try:
        found = texts_at(name, settings.authentication.resolvers)
    except LookupTrouble as error:
        raise ValueError(f"the DNS cannot be asked now ({error}); try again later") from None
    if not decisions.is_published(claimed, found):
        raise ValueError(
            f'there is no TXT record {name} with the text "{text}"; a new one may take an hour to be seen'
        )


def _what_next(claimed: Claim, company: CompanyAccount, mailbox: str | None) -> str:
    ways = []
    if mailbox is not None:
        ways.append(f"with the code that is on its way to {mailbox} (--code)")
    if claimed.key.kind is KeyKind.DOMAIN:
        name, text = decisions.record_of(claimed)
        ways.append(f'by the TXT record {name} with the text "{text}"')
    ways.append("by your own word (--vouch)")
    return (
        f'"{company.name}" claims "{claimed.shown}". Until {claimed.expires_at:%Y-%m-%d} it can be proven with '
        f"`invoices account prove {company.id} {claimed.shown}`: {', or '.join(ways)}."
    )


def _claim_form(claimed: Claim) -> forms.Form:
    name, text = decisions.record_of(claimed)
    return {
        "key": claimed.shown,
        "state": "claimed",
        "by": None,
        "at": forms.instant(claimed.created_at),
        "dns": f'{name} TXT "{text}"' if claimed.key.kind is KeyKind.DOMAIN else None,
        "expires_at": forms.instant(claimed.expires_at),
    }
