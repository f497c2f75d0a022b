"""The ways in: registering oneself, a registration link, and the code that proves a mailbox."""

from __future__ import annotations

import hmac
from typing import Annotated

import tenacity
from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import Response

from portal import flows, limits, passwords
from portal.admission import Admission, Admitted, LinkGone, NameTaken
from portal.entering import Newcomer, company_fault, line
from portal.rendering import page, redirect
from portal.second_factor import welcome
from portal.visitors import Visitor, signed_in, visitor
from portal.wired import Portal, wired
from storage.companies.account_keys import address_key
from storage.companies.link_tokens import token_digest
from storage.errors import Conflict, NotFound
from storage.ids import new_id
from storage.records.companies import AccountStatus, CompanyAccount
from storage.records.outgoing import MailTemplate
from storage.records.people import CodePurpose, Language, MembershipState, OneTimeCode, User
from storage.records.registration import LinkState, RegistrationLink
from storage.transaction import Transaction

router = APIRouter()

# Somebody else founded the same company, or proved the same mailbox, at the same moment; then it is known.
_AGAIN = tenacity.Retrying(
    retry=tenacity.retry_if_exception_type(Conflict),
    wait=tenacity.wait_random(0, 0.2),
    stop=tenacity.stop_after_attempt(5),
    reraise=True,
)

# What is proven otherwise than by a code in a mail, and where.
_NOT_BY_MAIL = {
    CodePurpose.SECOND_FACTOR: "/second-factor",
    CodePurpose.PASSKEY: "/sign-in",
    CodePurpose.NEW_PASSKEY: "/account",
}
Who = Annotated[Visitor, Depends(visitor)]
Known = Annotated[Visitor, Depends(signed_in)]
Wired = Annotated[Portal, Depends(wired)]
Field = Annotated[str, Form()]


@router.get("/register")
def show_register(request: Request, who: Who, portal: Wired) -> Response:
    """The form; somebody who is signed in adds a company instead."""
    if who.user is not None:
        return redirect(request, "/join")
    return _register_page(request, who, portal, Newcomer("", "", "", ""), {})


@router.post("/register")
def do_register(
    request: Request,
    who: Who,
    portal: Wired,
    email: Field = "",
    name: Field = "",
    company: Field = "",
    password: Field = "",
) -> Response:
    """Sends a code to the mailbox; to one that is registered already, a mail that says so. The page is the same."""
    entered = Newcomer.entered(email, name, company, password)
    faults = entered.faults()
    if faults or not portal.sends_mail:
        return _register_page(request, who, portal, entered, faults, status=400)
    address = address_key(entered.email).value
    limits.expect(portal, ("code", address, limits.CODES), limits.door(request))
    context = _context(entered, who.language)
    now = portal.now()
    with portal.store.transaction() as records:
        known = records.users.by_email(entered.email)
        if known is not None and known.password_hash is not None:
            told = MailTemplate.KNOWN_ADDRESS
            flow = flows.pretend(records, CodePurpose.REGISTER, known.email, told, known.language, now)
        else:
            flow = flows.begin(records, CodePurpose.REGISTER, entered.email, context, who.language, now)
    response = redirect(request, "/code")
    flows.keep(response, portal, flow)
    return response


@router.get("/register/{token}")
def show_link(request: Request, token: str, who: Who, portal: Wired) -> Response:
    """What a link leads to. It has no effect: programs that look for viruses open links, too."""
    limits.expect(portal, limits.door(request))
    found = _live(portal, token)
    if found is None:
        return page(request, who, "link-gone.html", status=404)
    return _link_page(request, who, found, Newcomer("", "", "", ""), {})


@router.post("/register/{token}")
def do_redeem(
    request: Request,
    token: str,
    who: Who,
    portal: Wired,
    email: Field = "",
    name: Field = "",
    company: Field = "",
    password: Field = "",
) -> Response:
    """Redeems a link: at once for its own address, else after a code that is sent to its address."""
    limits.expect(portal, limits.door(request))
    found = _live(portal, token)
    if found is None:
        return page(request, who, "link-gone.html", status=404)
    link, account = found
    if who.user is not None:
        email, name = who.user.email, who.user.name or who.user.email
    entered = Newcomer.entered(email, name, company, password)
    invited = account.status is AccountStatus.INVITED
    faults = entered.faults(with_company=invited, with_password=who.user is None)
    if invited and "company" not in faults and _is_taken(portal, entered.company):
        faults["company"] = "fault.company_taken"
    if faults:
        return _link_page(request, who, found, entered, faults, status=400)
    own = address_key(entered.email).value == link.email
    if who.user is None and own and _signs_in(portal, entered.email):
        return page(request, who, "link-known.html", path=f"/register/{token}", email=entered.email)
    context = _context(entered, who.language) | {"link": link.token_digest.hex()}
    if own:
        return _finish(request, who, portal, context)
    if not portal.sends_mail:
        return _link_page(request, who, found, entered, {"email": "fault.address_of_link"}, status=400)
    limits.expect(portal, ("code", link.email, limits.CODES))
    if who.user is not None:
        context["user"] = who.user.id
    with portal.store.transaction() as records:
        flow = flows.begin(records, CodePurpose.REDEEM, link.email, context, who.language, portal.now())
    response = redirect(request, "/code")
    flows.keep(response, portal, flow)
    return response


@router.get("/code")
def show_code(request: Request, who: Who, portal: Wired) -> Response:
    """Asks for the code."""
    flow = flows.current(request, portal)
    if flow is None:
        return page(request, who, "code-gone.html", status=404)
    if flow.purpose in _NOT_BY_MAIL:
        return redirect(request, _NOT_BY_MAIL[flow.purpose])
    return _code_page(request, who, flow, {})


@router.post("/code")
def do_code(request: Request, who: Who, portal: Wired, code: Field = "", password: Field = "") -> Response:
    """Ends what the code is for, when it is the right one."""
    limits.expect(portal, limits.door(request))
    flow = flows.current(request, portal)
    if flow is None:
        return page(request, who, "code-gone.html", status=404)
    if flow.purpose in _NOT_BY_MAIL:
        return redirect(request, _NOT_BY_MAIL[flow.purpose])
    if flow.purpose is CodePurpose.RESET and (fault := passwords.fault(password, of=flow.email)):
        return _code_page(request, who, flow, {"password": fault}, status=400)
    with portal.store.transaction() as records:
        proven = records.codes.prove(flows.token_of(request, portal), code, portal.now())
    if proven is None:
        left = flows.current(request, portal)
        if left is None:
            return page(request, who, "code-gone.html", status=404)
        return _code_page(request, who, left, {"code": "fault.code"}, status=400)
    match proven.purpose:
        case CodePurpose.RESET:
            return _reset(request, portal, proven, password)
        case CodePurpose.REDEEM:
            return _authorised(request, who, portal, proven.context)
        case _:
            return _finish(request, who, portal, proven.context)


@router.get("/join")
def show_join(request: Request, who: Known) -> Response:
    """Another company for somebody who is signed in."""
    return page(request, who, "join.html", company="", fault=None)


@router.post("/join")
def do_join(request: Request, who: Known, portal: Wired, company: Field = "") -> Response:
    """Founds the company, or asks its administrators."""
    assert who.user is not None  # noqa: S101  -- for mypy: signed_in has seen to it
    name = line(company)
    if fault := company_fault(name):
        return page(request, who, "join.html", status=400, company=name, fault=fault)
    limits.expect(portal, ("join", who.user.id, limits.CODES))
    admitted = _AGAIN(_join, portal, who.user, name)
    return _arrived(request, portal, who.user, admitted, anew=False)


@router.get("/waiting")
def show_waiting(request: Request, who: Known, portal: Wired) -> Response:
    """Which companies somebody waits for, and which have rejected."""
    assert who.user is not None  # noqa: S101  -- for mypy: signed_in has seen to it
    with portal.store.reading() as records:
        memberships = records.memberships.of_user(who.user.id)
        accounts = records.accounts.by_ids(one.account_id for one in memberships)
    open_ = (MembershipState.WAITING, MembershipState.REJECTED)
    asked = [(accounts[one.account_id], one) for one in memberships if one.state in open_]
    return page(request, who, "waiting.html", asked=asked)


def _register_page(
    request: Request,
    who: Visitor,
    portal: Portal,
    entered: Newcomer,
    faults: dict[str, str],
    *,
    status: int = 200,
) -> Response:
    return page(
        request,
        who,
        "register.html",
        status=status,
        entered=entered,
        faults=faults,
        sends_mail=portal.sends_mail,
    )


def _link_page(
    request: Request,
    who: Visitor,
    found: tuple[RegistrationLink, CompanyAccount],
    entered: Newcomer,
    faults: dict[str, str],
    *,
    status: int = 200,
) -> Response:
    link, account = found
    return page(
        request,
        who,
        "link.html",
        status=status,
        invited=account.status is AccountStatus.INVITED,
        company=account.name,
        address=_masked(link.email),
        until=link.expires_at,
        entered=entered,
        faults=faults,
    )


def _code_page(
    request: Request, who: Visitor, flow: OneTimeCode, faults: dict[str, str], *, status: int = 200
) -> Response:
    shown = _masked(flow.email) if flow.purpose is CodePurpose.REDEEM else flow.email
    return page(
        request, who, "code.html", status=status, purpose=str(flow.purpose), address=shown, faults=faults
    )


def _context(entered: Newcomer, language: Language) -> dict[str, str]:
    """What is kept until the mailbox is proven; of the password the hash alone."""
    return {
        "email": entered.email,
        "name": entered.name,
        "company": entered.company,
        "language": str(language),
        "password": passwords.hashed(entered.password) if entered.password else "",
    }


def _authorised(request: Request, who: Visitor, portal: Portal, context: dict[str, str]) -> Response:
    """Whoever has the link's mailbox agrees; now the person's own mailbox, unless its owner is signed in here."""
    if who.user is not None and hmac.compare_digest(who.user.id, context.get("user", "")):
        return _finish(request, who, portal, context)
    limits.expect(portal, ("code", address_key(context["email"]).value, limits.CODES))
    own = {key: value for key, value in context.items() if key != "user"}
    with portal.store.transaction() as records:
        language = Language(context["language"])
        flow = flows.begin(records, CodePurpose.REGISTER, context["email"], own, language, portal.now())
    response = redirect(request, "/code", notice="link_agreed")
    flows.keep(response, portal, flow)
    return response


def _finish(request: Request, who: Visitor, portal: Portal, context: dict[str, str]) -> Response:
    """Lets somebody in whose mailbox is proven, by a code, by the link that was sent to it, or by being signed in."""
    try:
        user, admitted = _AGAIN(_let_in, portal, context)
    except (LinkGone, NotFound):
        return page(request, who, "link-gone.html", status=404)
    except NameTaken:
        return page(request, who, "name-taken.html", status=409, company=context["company"])
    return _arrived(request, portal, user, admitted, anew=who.user is None or who.user.id != user.id)


def _join(portal: Portal, user: User, company: str) -> Admitted:
    with portal.store.transaction() as records:
        return _admission(records, portal).register(user, company)


def _let_in(portal: Portal, context: dict[str, str]) -> tuple[User, Admitted]:
    with portal.store.transaction() as records:
        user = records.users.confirmed(_user_of(context, portal), portal.now())
        admission = _admission(records, portal)
        if link := context.get("link"):
            return user, admission.redeem(user, bytes.fromhex(link), context["company"])
        return user, admission.register(user, context["company"])


def _arrived(request: Request, portal: Portal, user: User, admitted: Admitted, *, anew: bool) -> Response:
    waits = admitted.state is not MembershipState.ACTIVE
    path, notice = ("/waiting", None) if waits else ("/", "welcome")
    if anew:
        return welcome(request, portal, user, path, notice=notice)
    return redirect(request, path, notice=notice)


def _reset(request: Request, portal: Portal, proven: OneTimeCode, password: str) -> Response:
    """Sets the new password; whoever knew the old one is signed out everywhere."""
    now = portal.now()
    password_hash = passwords.hashed(password)
    with portal.store.transaction() as records:
        user = records.users.get(proven.context["user"])
        records.users.set_password_hash(user.id, password_hash)
        records.users.confirm(user.id, now)
        records.sessions.end_all(user.id)
        user = records.users.get(user.id)
    return welcome(request, portal, user, notice="password_set")


def _admission(records: Transaction, portal: Portal) -> Admission:
    return Admission(records, portal.now(), sends_mail=portal.sends_mail)


def _user_of(context: dict[str, str], portal: Portal) -> User:
    return User(
        id=new_id(),
        email=context["email"],
        name=context["name"],
        language=Language(context["language"]),
        password_hash=context["password"] or None,
        created_at=portal.now(),
        confirmed_at=None,
    )


def _live(portal: Portal, token: str) -> tuple[RegistrationLink, CompanyAccount] | None:
    """The link of a token, if it can be redeemed; a guessed one is as gone as a used one."""
    with portal.store.reading() as records:
        try:
            link = records.links.by_digest(token_digest(token))
            account = records.accounts.get(link.account_id)
        except NotFound:
            return None
    return (link, account) if link.state(portal.now()) is LinkState.LIVE else None


def _is_taken(portal: Portal, company: str) -> bool:
    with portal.store.reading() as records:
        return records.accounts.by_name(company) is not None


def _signs_in(portal: Portal, email: str) -> bool:
    """Whether somebody has this address and a password: then the link alone is not enough to be that person."""
    with portal.store.reading() as records:
        user = records.users.by_email(email)
    return user is not None and user.password_hash is not None


def _masked(email: str) -> str:
    """So much of an address that its owner knows it: whoever found the link does not learn it here."""
    local, _, domain = email.rpartition("@")
    return f"{local[:2]}…@{domain}" if len(local) > 3 else f"…@{domain}"
