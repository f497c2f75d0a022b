"""`invoices account claim|prove|claims`: identifiers that a company claims, and how it proves them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import click

from cli import forms
from cli.account import account
from cli.front import Front, actor, pass_front, utc_now
from config.settings import Settings
from ingest.processing.authentication.dmarc import is_public_suffix
from ingest.processing.authentication.lookups import Lookups, LookupTrouble
from storage.account_keys import (
    AccountKey,
    KeyKind,
    address_key,
    domain_key,
    identifier_key,
    parse_identifier,
    vat_id_key,
)
from storage.claims import Claim
from storage.errors import Conflict
from storage.freemail import is_freemail
from storage.ids import new_id
from storage.records.companies import CompanyAccount
from storage.records.outgoing import MailTemplate, OutboundMail
from storage.records.people import Language

RECORD = "_invoices-proof"  # the name below a domain whose TXT record proves it
TEXT = "invoices-proof="
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
        made, code = records.claims.begin(company.id, key, given[0], now)
        if mailbox is not None:
            records.outbox.add([_letter(front.settings, company, made, mailbox, code, now)])
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
        records.accounts.extend(company.id, _only(company, claimed))
        records.accounts.note_proof(claimed.key, by=by, at=now)
        records.claims.remove(company.id, claimed.key)
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
    if address is not None:
        return address_key(address)
    if vat_id is not None:
        return vat_id_key(vat_id)
    if identifier is not None:
        return identifier_key(parse_identifier(identifier))
    key = domain_key(domain or "")
    if is_freemail(key.value) or is_public_suffix(_a_labels(key.value)):
        raise ValueError(f'"{domain}" is no single company\'s; claim the address instead')
    return key


def _expect_mailbox_of(mailbox: str, key: AccountKey) -> None:
    if key.kind is not KeyKind.DOMAIN or address_key(mailbox).value.rpartition("@")[2] != key.value:
        raise ValueError(f"{mailbox} is no mailbox of the domain that is claimed")


def _letter(
    settings: Settings, company: CompanyAccount, claimed: Claim, mailbox: str, code: str, now: datetime
) -> OutboundMail:
    if not settings.outbound.smarthost:
        raise Conflict(
            "no code can be sent, since outbound.smarthost is not set; claim without a mailbox and vouch for it, "
            "or prove a domain by its DNS record"
        )
    return OutboundMail(
        id=new_id(),
        template=MailTemplate.CLAIM,
        language=Language(settings.outbound.language),
        recipient=mailbox,
        context={"claim_code": code, "key": claimed.shown, "company": company.name},
        created_at=now,
        account_id=company.id,
    )


def _expect_record(settings: Settings, claimed: Claim) -> None:
    """Raises ValueError when the domain does not publish the token, or cannot be asked."""
    if claimed.key.kind is not KeyKind.DOMAIN:
        raise ValueError("only a domain is proven by the DNS; give --code, or --vouch for it")
    lookups = Lookups(settings.authentication.resolvers)
    lookups.begin()
    name, text = _record(claimed)
    try:
        found = lookups.texts(name)
    except LookupTrouble as error:
        raise ValueError(f"the DNS cannot be asked now ({error}); try again later") from None
    if text.encode("ascii") not in [one.strip() for one in found]:
        raise ValueError(
            f'there is no TXT record {name} with the text "{text}"; a new one may take an hour to be seen'
        )


def _record(claimed: Claim) -> tuple[str, str]:
    return f"{RECORD}.{_a_labels(claimed.key.value)}", f"{TEXT}{claimed.token}"


def _a_labels(domain: str) -> str:
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        return domain


def _only(company: CompanyAccount, claimed: Claim) -> CompanyAccount:
    """The account with nothing but the key of the claim."""
    bare = replace(
        company, addresses=(), vat_ids=(), domains=(), identifiers=(), customer_numbers=(), decisions=()
    )
    match claimed.key.kind:
        case KeyKind.ADDRESS:
            return replace(bare, addresses=(claimed.shown,))
        case KeyKind.VAT_ID:
            return replace(bare, vat_ids=(claimed.shown,))
        case KeyKind.DOMAIN:
            return replace(bare, domains=(claimed.shown,))
        case _:
            return replace(bare, identifiers=(parse_identifier(claimed.shown),))


def _what_next(claimed: Claim, company: CompanyAccount, mailbox: str | None) -> str:
    ways = []
    if mailbox is not None:
        ways.append(f"with the code that is on its way to {mailbox} (--code)")
    if claimed.key.kind is KeyKind.DOMAIN:
        name, text = _record(claimed)
        ways.append(f'by the TXT record {name} with the text "{text}"')
    ways.append("by your own word (--vouch)")
    return (
        f'"{company.name}" claims "{claimed.shown}". Until {claimed.expires_at:%Y-%m-%d} it can be proven with '
        f"`invoices account prove {company.id} {claimed.shown}`: {', or '.join(ways)}."
    )


def _claim_form(claimed: Claim) -> forms.Form:
    name, text = _record(claimed)
    return {
        "key": claimed.shown,
        "state": "claimed",
        "by": None,
        "at": forms.instant(claimed.created_at),
        "dns": f'{name} TXT "{text}"' if claimed.key.kind is KeyKind.DOMAIN else None,
        "expires_at": forms.instant(claimed.expires_at),
    }
