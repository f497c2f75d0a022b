"""The second factor: asked for at the entrance, and set up and removed on a person's own page."""

from __future__ import annotations

from typing import Annotated

import segno
from fastapi import APIRouter, Depends, Form, Request
from markupsafe import Markup
from starlette.responses import Response

from portal import flows, limits, passwords, second_factor
from portal.one_time_passwords import new_recovery_codes, recovery_digest
from portal.rendering import page, redirect
from portal.visitors import Visitor, signed_in, visitor
from portal.wired import Portal, wired
from storage.ids import new_id
from storage.records.acts import ActName
from storage.records.factors import Authenticator
from storage.records.people import CodePurpose, OneTimeCode, User
from storage.transaction import Transaction

router = APIRouter()

Who = Annotated[Visitor, Depends(visitor)]
Known = Annotated[Visitor, Depends(signed_in)]
Wired = Annotated[Portal, Depends(wired)]
Field = Annotated[str, Form()]
SecretId = Annotated[str, Form(pattern="^[0-9a-f-]{36}$")]


@router.get("/second-factor")
def show_question(request: Request, who: Who, portal: Wired) -> Response:
    """Asks for it, in a browser where the password was right."""
    asked = _asked(request, portal)
    if asked is None:
        return page(request, who, "code-gone.html", status=404)
    return _question_page(request, who, portal, asked)


@router.post("/second-factor")
def do_question(request: Request, who: Who, portal: Wired, code: Field = "") -> Response:
    """Signs in; each try counts, for this browser and for the person."""
    asked = _asked(request, portal)
    if asked is None:
        return page(request, who, "code-gone.html", status=404)
    user_id = asked.context["user"]
    limits.expect(portal, limits.door(request))
    second_factor.count(portal, user_id)
    with portal.store.transaction() as records:
        user = records.users.get(user_id)
        counted = records.codes.count(flows.token_of(request, portal), portal.now())
        right = (
            counted is not None
            and second_factor.is_proven(records, portal, user, code)
            and records.codes.end(asked)
        )
    if not right:
        if _asked(request, portal) is None:
            return page(request, who, "code-gone.html", status=404)
        return _question_page(request, who, portal, asked, wrong=True)
    limits.forget(portal, ("second-factor", user_id))
    return second_factor.enter(
        request, portal, user, asked.context["path"], notice=asked.context["notice"] or None
    )


@router.get("/account/second-factor")
def show_set_up(request: Request, who: Known, portal: Wired) -> Response:
    """A new secret, for an app to be read from the screen."""
    return _set_up_page(request, who, portal, new_id(), {})


@router.post("/account/second-factor")
def do_set_up(
    request: Request, who: Known, portal: Wired, secret_id: SecretId, code: Field = "", password: Field = ""
) -> Response:
    """Turns it on, once the app shows the right password; every other browser is signed out."""
    user = _user(who)
    second_factor.count(portal, user.id)
    step = portal.authenticators.step(user.id, secret_id, code, portal.now())
    faults = {} if passwords.fits(password, user.password_hash) else {"password": "fault.old_password"}
    if step is None:
        faults["code"] = "fault.one_time"
    if step is None or faults:
        return _set_up_page(request, who, portal, secret_id, faults, status=400)
    codes = new_recovery_codes()
    app = Authenticator(
        user_id=user.id,
        secret_id=secret_id,
        secret_digest=portal.authenticators.digest(user.id, secret_id),
        set_at=portal.now(),
    )
    with portal.store.transaction() as records:
        records.factors.set_authenticator(app, step)
        second_factor.note(records, portal, user, ActName.AUTHENTICATOR_SET)
        _renew_codes(records, portal, user, codes)
        _end_others(records, who, user)
    limits.forget(portal, ("second-factor", user.id))
    return page(request, who, "recovery-codes.html", codes=codes)


@router.post("/account/second-factor/codes")
def renew_codes(request: Request, who: Known, portal: Wired, code: Field = "") -> Response:
    """New recovery codes, shown once; those before are good for nothing."""
    user = _user(who)
    second_factor.count(portal, user.id)
    codes = new_recovery_codes()
    with portal.store.transaction() as records:
        right = second_factor.is_proven(records, portal, user, code)
        if right:
            _renew_codes(records, portal, user, codes)
    if not right:
        return redirect(request, "/account", notice="one_time_wrong")
    limits.forget(portal, ("second-factor", user.id))
    return page(request, who, "recovery-codes.html", codes=codes)


@router.post("/account/second-factor/remove")
def remove(request: Request, who: Known, portal: Wired, code: Field = "", password: Field = "") -> Response:
    """Turns the app off, for who has both: the password and what it shows, or a recovery code."""
    user = _user(who)
    second_factor.count(portal, user.id)
    knows = passwords.fits(password, user.password_hash)
    with portal.store.transaction() as records:
        right = knows and second_factor.is_proven(records, portal, user, code)
        if right:
            records.factors.remove_authenticator(user.id)
            if not records.factors.of_user(user.id).asked:
                records.factors.remove_all(user.id)
            second_factor.note(records, portal, user, ActName.AUTHENTICATOR_REMOVED)
            _end_others(records, who, user)
    if not right:
        return redirect(request, "/account", notice="one_time_wrong")
    limits.forget(portal, ("second-factor", user.id))
    return redirect(request, "/account", notice="factor_removed")


def _asked(request: Request, portal: Portal) -> OneTimeCode | None:
    """The question that this browser has to answer, if it is not over."""
    flow = flows.current(request, portal)
    return flow if flow is not None and flow.purpose is CodePurpose.SECOND_FACTOR else None


def _question_page(
    request: Request, who: Visitor, portal: Portal, asked: OneTimeCode, *, wrong: bool = False
) -> Response:
    with portal.store.reading() as records:
        factors = records.factors.of_user(asked.context["user"])
    status = 403 if wrong else 200
    has_passkeys = bool(factors.passkeys)
    return page(request, who, "second-factor.html", status=status, wrong=wrong, has_passkeys=has_passkeys)


def _set_up_page(
    request: Request,
    who: Visitor,
    portal: Portal,
    secret_id: str,
    faults: dict[str, str],
    *,
    status: int = 200,
) -> Response:
    user = _user(who)
    uri = portal.authenticators.uri(user.id, secret_id, user.email, portal.name)
    drawn = segno.make(uri, error="m").svg_inline(
        scale=5, border=4, omitsize=True, svgclass=None, lineclass=None
    )
    return page(
        request,
        who,
        "set-up-factor.html",
        status=status,
        user=user,
        drawn=Markup(drawn),  # noqa: S704  -- squares that segno drew
        secret=portal.authenticators.written(user.id, secret_id),
        secret_id=secret_id,
        faults=faults,
    )


def _renew_codes(records: Transaction, portal: Portal, user: User, codes: list[str]) -> None:
    digests = [recovery_digest(user.id, code) for code in codes]
    records.factors.replace_recovery_codes(user.id, digests, portal.now())
    second_factor.note(records, portal, user, ActName.RECOVERY_CODES_MADE)


def _end_others(records: Transaction, who: Visitor, user: User) -> None:
    records.sessions.end_all(user.id, but=who.session.id if who.session else None)


def _user(who: Visitor) -> User:
    assert who.user is not None  # noqa: S101  -- for mypy: signed_in has seen to it
    return who.user
