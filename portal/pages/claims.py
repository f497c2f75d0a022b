"""What a company is found by: its administrators claim addresses, domains and identifiers, and prove them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import Response

from portal import limits
from portal.act_sentences import act_sentence
from portal.entering import address_fault, line
from portal.history_sentences import actor
from portal.rendering import page, redirect
from portal.seats import Seat, administrator_seat
from storage.companies.account_keys import AccountKey, KeyKind, address_key
from storage.companies.claims import Claim
from storage.decisions import claims as decisions
from storage.errors import Conflict, NotFound
from storage.records.acts import ActName
from storage.records.companies import CompanyAccount
from storage.transaction import Transaction

router = APIRouter(prefix="/companies/{account_id}/claims")

MOST_CLAIMS = 20  # of a company, at a time
MOST_SHOWN = 20  # acts
LONGEST_KEY = 254  # characters
# Mailboxes of whoever runs a domain (RFC 2142). Any other one may be an employee's, who must not take the whole domain.
ROLES = ("postmaster", "hostmaster", "webmaster", "administrator", "admin")
ABOUT_KEYS = {
    ActName.KEY_CLAIMED,
    ActName.KEY_PROVEN,
    ActName.CLAIM_WITHDRAWN,
    ActName.CLAIM_REFUSED,
    ActName.KEY_GIVEN_UP,
}
At = Annotated[Seat, Depends(administrator_seat)]
Field = Annotated[str, Form()]


class Kind(StrEnum):
    """What can be claimed, as the form names it."""

    ADDRESS = "address"
    DOMAIN = "domain"
    VAT_ID = "vat-id"
    LEITWEG_ID = "leitweg-id"
    GLN = "gln"
    OTHER = "other"


_KINDS = {Kind.ADDRESS: KeyKind.ADDRESS, Kind.DOMAIN: KeyKind.DOMAIN, Kind.VAT_ID: KeyKind.VAT_ID}
_SCHEMES = {Kind.LEITWEG_ID: "0204:", Kind.GLN: "0088:"}  # ISO 6523


@router.get("")
def show(request: Request, at: At) -> Response:
    """The page."""
    return _claims_page(request, at)


@router.post("")
def claim(request: Request, at: At, kind: Annotated[Kind, Form()], value: Field = "") -> Response:
    """Claims a key. A code goes to an address at once; a domain shows its record; the rest waits for the operator."""
    entered = line(value)[:LONGEST_KEY]
    try:
        key, shown = _key(kind, entered)
    except ValueError:
        return _claims_page(request, at, fault=f"claims.fault_{kind}", kind=kind, value=entered, status=400)
    letter = None
    if kind is Kind.ADDRESS and at.portal.sends_mail:
        limits.expect(at.portal, ("code", key.value, limits.CODES))
        letter = decisions.Letter(shown, at.who.language)
    limits.expect(at.portal, ("claim", at.company.id, limits.CLAIMS))
    with at.portal.store.transaction() as records:
        if records.accounts.owners([key]).get(key) == at.company.id:
            return redirect(request, at.path("/claims"), notice="claim_own")
        if len(records.claims.of_account(at.company.id, at.portal.now())) >= MOST_CLAIMS:
            return redirect(request, at.path("/claims"), notice="claims_many")
        decisions.begin(records, at.company, key, shown, letter, actor=at.actor, at=at.portal.now())
    return redirect(request, at.path("/claims"), notice="claim_made")


@router.post("/mail")
def send_code(request: Request, at: At, key: Field = "", role: Field = "") -> Response:
    """Sends a code to a mailbox of whoever runs a domain; of an address, to it once more."""
    now = at.portal.now()
    with at.portal.store.reading() as records:
        claimed = records.claims.get(at.company.id, key, now)
    mailbox = claimed.shown
    if claimed.key.kind is KeyKind.DOMAIN:
        mailbox = f"{role if role in ROLES else ROLES[0]}@{claimed.key.value}"
    elif claimed.key.kind is not KeyKind.ADDRESS:
        raise NotFound("a code goes to a mailbox only")
    if not at.portal.sends_mail:
        raise NotFound("this mailbox sends no mails")
    limits.expect(at.portal, ("code", address_key(mailbox).value, limits.CODES))
    with at.portal.store.transaction() as records:
        letter = decisions.Letter(mailbox, at.who.language)
        decisions.begin(records, at.company, claimed.key, claimed.shown, letter, actor=at.actor, at=now)
    return redirect(request, at.path("/claims"), notice="claim_code_sent")


@router.post("/code")
def prove_by_code(request: Request, at: At, key: Field = "", code: Field = "") -> Response:
    """Proves a claim by the code that came to its mailbox."""
    limits.expect(at.portal, ("claim-code", at.company.id, limits.CLAIMS))
    now = at.portal.now()
    with at.portal.store.reading() as records:
        claimed = records.claims.get(at.company.id, key, now)
        right = records.claims.is_proven_by(at.company.id, key, code, now)
    return _proven(request, at, claimed, "code") if right else _told(request, at, "claim_code_wrong")


@router.post("/dns")
def prove_by_dns(request: Request, at: At, key: Field = "") -> Response:
    """Proves a claim to a domain by what its DNS publishes."""
    limits.expect(at.portal, ("claim-dns", at.company.id, limits.CLAIMS))
    with at.portal.store.reading() as records:
        claimed = records.claims.get(at.company.id, key, at.portal.now())
    if claimed.key.kind is not KeyKind.DOMAIN:
        raise NotFound("only a domain is proven by the DNS")
    name, _ = decisions.record_of(claimed)
    try:
        texts = at.portal.texts_at(name)  # outside of any transaction: the DNS may be slow
    except ConnectionError:
        return _told(request, at, "claim_dns_away")
    published = decisions.is_published(claimed, texts)
    return _proven(request, at, claimed, "dns") if published else _told(request, at, "claim_dns_missing")


@router.post("/withdraw")
def withdraw(request: Request, at: At, key: Field = "") -> Response:
    """Takes a claim back."""
    with at.portal.store.transaction() as records:
        claimed = records.claims.get(at.company.id, key, at.portal.now())
        decisions.withdraw(records, at.company, claimed, actor=at.actor, at=at.portal.now())
    return _told(request, at, "claim_withdrawn")


@router.post("/give-up")
def give_up(request: Request, at: At, key: Field = "") -> Response:
    """Ends being found by a key that was proven; what it has brought so far stays."""
    with at.portal.store.transaction() as records:
        decisions.give_up(records, at.company, key, actor=at.actor, at=at.portal.now())
    return _told(request, at, "claim_given_up")


def claim_values(company: CompanyAccount, claimed: Claim) -> dict[str, Any]:
    """A claim as pages show it."""
    of_domain = claimed.key.kind is KeyKind.DOMAIN
    name, text = decisions.record_of(claimed) if of_domain else ("", "")
    return {
        "company": company,
        "kind": str(claimed.key.kind),
        "key": claimed.key.value,
        "shown": claimed.shown,
        "record": name,
        "text": text,
        "created_at": claimed.created_at,
        "expires_at": claimed.expires_at,
    }


def _key(kind: Kind, entered: str) -> tuple[AccountKey, str]:
    """The key and how it is shown. Raises ValueError."""
    if kind is Kind.ADDRESS and address_fault(entered):
        raise ValueError(f'"{entered}" is no address')
    shown = f"{_SCHEMES.get(kind, '')}{entered}"
    return decisions.claimed_key(_KINDS.get(kind, KeyKind.IDENTIFIER), shown), shown


def _proven(request: Request, at: Seat, claimed: Claim, by: str) -> Response:
    """It is the company's, unless another one was first: then nobody is told which."""
    try:
        with at.portal.store.transaction() as records:
            _expect_live(records, at, claimed)
            decisions.prove(records, at.company, claimed, by=by, actor=at.actor, at=at.portal.now())
    except (Conflict, NotFound):
        return _told(request, at, "claim_taken")
    return _told(request, at, "claim_proven")


def _expect_live(records: Transaction, at: Seat, claimed: Claim) -> None:
    """Raises NotFound when the claim is not the one any more that was proven."""
    if records.claims.get(at.company.id, claimed.key.value, at.portal.now()).token != claimed.token:
        raise NotFound("this claim was made anew meanwhile")


def _told(request: Request, at: Seat, notice: str) -> Response:
    return redirect(request, at.path("/claims"), notice=notice)


def _claims_page(
    request: Request,
    at: Seat,
    *,
    fault: str | None = None,
    kind: Kind = Kind.ADDRESS,
    value: str = "",
    status: int = 200,
) -> Response:
    with at.portal.store.reading() as records:
        proofs = records.accounts.proofs(at.company.id)
        live = records.claims.of_account(at.company.id, at.portal.now())
        acts = [act for act in records.acts.of(at.company.id) if act.name in ABOUT_KEYS][:MOST_SHOWN]
    return page(
        request,
        at.who,
        "claims.html",
        status=status,
        proofs=proofs,
        claims=[claim_values(at.company, one) for one in live],
        acts=acts,
        act_sentence=lambda act: act_sentence(act, at.who.language),
        act_by=lambda act: actor(act.actor, at.who.language),
        kinds=[str(one) for one in Kind],
        kind=str(kind),
        value=value,
        fault=fault,
        roles=ROLES,
        sends_mail=at.portal.sends_mail,
        **at.values(),
    )
