"""Passkeys: signing in with one, and adding and removing them on a person's own page."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from starlette.responses import Response

from portal import flows, limits, passwords, second_factor
from portal.entering import line
from portal.one_time_passwords import new_recovery_codes, recovery_digest
from portal.passkeys import NewKey, NotProven, Place, Question, credential_of
from portal.rendering import page, redirect
from portal.shield import PAGE_POLICY
from portal.visitors import Visitor, signed_in, visitor
from portal.wired import Portal, wired
from storage.errors import Conflict
from storage.ids import new_id
from storage.records.acts import ActName
from storage.records.factors import Passkey
from storage.records.people import CodePurpose, OneTimeCode, User

router = APIRouter()

MOST_PASSKEYS = 20  # of a person
SCRIPT_POLICY = PAGE_POLICY + "; script-src 'self'"  # of the two pages that browsers offer a passkey on
Who = Annotated[Visitor, Depends(visitor)]
Known = Annotated[Visitor, Depends(signed_in)]
Wired = Annotated[Portal, Depends(wired)]
Field = Annotated[str, Form()]


@router.post("/passkey")
def ask(request: Request, who: Who, portal: Wired, next: Field = "/") -> Response:
    """Has the browser look for a passkey. Also the second step for somebody whose password was right."""
    place = _place(portal)
    limits.expect(portal, limits.door(request))
    before = flows.current(request, portal)
    if before is not None and before.purpose is CodePurpose.SECOND_FACTOR:
        next = before.context["path"]
    return _asking(request, who, portal, place.ask(), CodePurpose.PASSKEY, {"path": next})


@router.post("/passkey/answer")
def do_ask(request: Request, who: Who, portal: Wired, answer: Field = "") -> Response:
    """Signs in whoever holds the key: what keeps it knows its owner, so that is two factors."""
    place = _place(portal)
    limits.expect(portal, limits.door(request))
    asked = _question(request, portal, CodePurpose.PASSKEY)
    if asked is None:
        return page(request, who, "code-gone.html", status=404)
    try:
        user = _owner(portal, place, asked, answer)
    except NotProven:
        return redirect(request, "/sign-in", notice="passkey_wrong")
    return second_factor.enter(request, portal, user, asked.context["path"])


@router.post("/account/passkeys/ask")
def begin_adding(
    request: Request, who: Known, portal: Wired, name: Field = "", password: Field = "", code: Field = ""
) -> Response:
    """Has the browser make one, for who knows the password, and the code where one is asked for."""
    place, user = _place(portal), _user(who)
    called = line(name)[:100]
    second_factor.count(portal, user.id)
    if not called or not passwords.fits(password, user.password_hash):
        return redirect(request, "/account", notice="one_time_wrong")
    with portal.store.transaction() as records:
        factors = records.factors.of_user(user.id)
        proven = factors.authenticator is None or second_factor.is_proven(records, portal, user, code)
    if not proven or len(factors.passkeys) >= MOST_PASSKEYS:
        return redirect(request, "/account", notice="one_time_wrong")
    limits.forget(portal, ("second-factor", user.id))
    question = place.make(user, factors.passkeys)
    return _asking(request, who, portal, question, CodePurpose.NEW_PASSKEY, {"user": user.id, "name": called})


@router.post("/account/passkeys")
def add(request: Request, who: Known, portal: Wired, answer: Field = "") -> Response:
    """Adds the key that the browser made; with the first factor of a person come recovery codes."""
    place, user = _place(portal), _user(who)
    asked = _question(request, portal, CodePurpose.NEW_PASSKEY)
    if asked is None or asked.context["user"] != user.id:
        return redirect(request, "/account", notice="passkey_failed")
    try:
        made = place.made(answer, asked.context["challenge"])
        codes = _kept(portal, who, user, asked, made)
    except (NotProven, Conflict):
        return redirect(request, "/account", notice="passkey_failed")
    if codes:
        return page(request, who, "recovery-codes.html", codes=codes)
    return redirect(request, "/account", notice="passkey_added")


@router.post("/account/passkeys/remove")
def remove(
    request: Request, who: Known, portal: Wired, passkey: Field = "", password: Field = ""
) -> Response:
    """Removes one, for who knows the password. Raises NotFound for another person's."""
    user = _user(who)
    second_factor.count(portal, user.id)
    if not passwords.fits(password, user.password_hash):
        return redirect(request, "/account", notice="one_time_wrong")
    with portal.store.transaction() as records:
        records.factors.remove_passkey(user.id, passkey)
        if not records.factors.of_user(user.id).asked:
            records.factors.remove_all(user.id)
        second_factor.note(records, portal, user, ActName.PASSKEY_REMOVED)
    limits.forget(portal, ("second-factor", user.id))
    return redirect(request, "/account", notice="passkey_removed")


def _owner(portal: Portal, place: Place, asked: OneTimeCode, answer: str) -> User:
    """Whose key signed our question; the answer is good once. Raises NotProven."""
    credential_id = credential_of(answer)
    with portal.store.transaction() as records:
        passkey = records.factors.passkey(credential_id)
        if passkey is None or not records.codes.end(asked):
            raise NotProven
        count = place.proven(answer, asked.context["challenge"], passkey)
        user = records.users.get(passkey.user_id)
        if user.confirmed_at is None or not records.factors.use_passkey(passkey, count, portal.now()):
            raise NotProven
    return user


def _kept(portal: Portal, who: Visitor, user: User, asked: OneTimeCode, made: NewKey) -> list[str]:
    """Keeps a new key, and signs every other browser out; recovery codes where it is the person's first factor.

    Raises NotProven, Conflict.
    """
    passkey = Passkey(
        id=new_id(),
        user_id=user.id,
        credential_id=made.credential_id,
        public_key=made.public_key,
        sign_count=made.sign_count,
        name=asked.context["name"],
        added_at=portal.now(),
    )
    with portal.store.transaction() as records:
        if not records.codes.end(asked):
            raise NotProven
        first = not records.factors.of_user(user.id).asked
        codes = new_recovery_codes() if first else []
        if first:
            digests = [recovery_digest(user.id, one) for one in codes]
            records.factors.replace_recovery_codes(user.id, digests, portal.now())
        records.factors.add_passkey(passkey)
        second_factor.note(records, portal, user, ActName.PASSKEY_ADDED)
        records.sessions.end_all(user.id, but=who.session.id if who.session else None)
    return codes


def _asking(
    request: Request,
    who: Visitor,
    portal: Portal,
    question: Question,
    purpose: CodePurpose,
    context: dict[str, str],
) -> Response:
    email = who.user.email if who.user else ""
    kept = context | {"challenge": question.challenge}
    with portal.store.transaction() as records:
        new = records.codes.begin(email, purpose, kept, portal.now(), send=False)
    response = page(
        request, who, "passkey.html", options=question.options, adds=purpose is CodePurpose.NEW_PASSKEY
    )
    response.headers["Content-Security-Policy"] = SCRIPT_POLICY
    flows.keep(response, portal, new.flow)
    return response


def _question(request: Request, portal: Portal, purpose: CodePurpose) -> OneTimeCode | None:
    flow = flows.current(request, portal)
    return flow if flow is not None and flow.purpose is purpose else None


def _place(portal: Portal) -> Place:
    if portal.passkey_place is None:
        raise HTTPException(404)
    return portal.passkey_place


def _user(who: Visitor) -> User:
    assert who.user is not None  # noqa: S101  -- for mypy: signed_in has seen to it
    return who.user
