"""A person's own page: name, language, password, companies, and the browsers that are signed in."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import Response

from portal import limits, passwords, second_factor
from portal.entering import line, name_fault
from portal.rendering import page, redirect
from portal.visitors import Visitor, keep_language, signed_in
from portal.wired import Portal, wired
from storage.records.people import Language, MembershipState

router = APIRouter()

Who = Annotated[Visitor, Depends(signed_in)]
Wired = Annotated[Portal, Depends(wired)]
Field = Annotated[str, Form()]


@router.get("/account")
def show_account(request: Request, who: Who, portal: Wired) -> Response:
    """The page."""
    return _account_page(request, who, portal, {})


@router.post("/account")
def change_account(
    request: Request, who: Who, portal: Wired, language: Annotated[Language, Form()], name: Field = ""
) -> Response:
    """Changes name and language."""
    assert who.user is not None  # noqa: S101  -- for mypy: signed_in has seen to it
    entered = line(name)
    if fault := name_fault(entered):
        return _account_page(request, who, portal, {"name": fault}, status=400)
    with portal.store.transaction() as records:
        records.users.set_name(who.user.id, entered)
        records.users.set_language(who.user.id, language)
    response = redirect(request, "/account", notice="saved")
    keep_language(response, portal, language)
    return response


@router.post("/account/password")
def change_password(
    request: Request, who: Who, portal: Wired, old: Field = "", password: Field = "", code: Field = ""
) -> Response:
    """Changes the password, with the second factor where there is one; every other browser is signed out."""
    assert who.user is not None  # noqa: S101  -- the same
    assert who.session is not None  # noqa: S101  -- the same
    limits.expect(portal, ("old-password", who.user.id, limits.SIGN_IN_OF_PEER))
    if not passwords.fits(old, who.user.password_hash):
        return _account_page(request, who, portal, {"old": "fault.old_password"}, status=400)
    if fault := passwords.fault(password, of=who.user.email):
        return _account_page(request, who, portal, {"password": fault}, status=400)
    limits.forget(portal, ("old-password", who.user.id))
    password_hash = passwords.hashed(password)
    second_factor.count(portal, who.user.id)
    with portal.store.transaction() as records:
        asked = records.factors.of_user(who.user.id).authenticator is not None
        proven = not asked or second_factor.is_proven(records, portal, who.user, code)
    if not proven:
        return _account_page(request, who, portal, {"code": "fault.one_time"}, status=400)
    limits.forget(portal, ("second-factor", who.user.id))
    with portal.store.transaction() as records:
        records.users.set_password_hash(who.user.id, password_hash)
        records.sessions.end_all(who.user.id, but=who.session.id)
    return redirect(request, "/account", notice="password_set")


@router.post("/account/notices")
def change_notices(
    request: Request, who: Who, portal: Wired, account: Annotated[list[str] | None, Form()] = None
) -> Response:
    """Chooses of which companies' new invoices this person is told by mail."""
    assert who.user is not None  # noqa: S101  -- the same
    wanted = set(account or ())
    with portal.store.transaction() as records:
        for one in who.memberships:
            records.memberships.set_notify(one.account_id, who.user.id, one.account_id in wanted)
    return redirect(request, "/account", notice="saved")


@router.post("/account/sessions/end")
def end_session(request: Request, who: Who, portal: Wired, session: Field = "") -> Response:
    """Signs another browser out, or all others."""
    assert who.user is not None  # noqa: S101  -- the same
    assert who.session is not None  # noqa: S101  -- the same
    with portal.store.transaction() as records:
        if session:
            records.sessions.end(session, who.user.id)
        else:
            records.sessions.end_all(who.user.id, but=who.session.id)
    return redirect(request, "/account", notice="sessions_ended")


def _account_page(
    request: Request, who: Visitor, portal: Portal, faults: dict[str, str], *, status: int = 200
) -> Response:
    assert who.user is not None  # noqa: S101  -- the same
    with portal.store.reading() as records:
        sessions = records.sessions.of_user(who.user.id, portal.now())
        memberships = records.memberships.of_user(who.user.id)
        accounts = records.accounts.by_ids(one.account_id for one in memberships)
        factors = records.factors.of_user(who.user.id)
    shown = [one for one in memberships if one.state is not MembershipState.REMOVED]
    return page(
        request,
        who,
        "account.html",
        status=status,
        user=who.user,
        sessions=sessions,
        current=who.session,
        belongs=[(accounts[one.account_id], one) for one in shown],
        factors=factors,
        app_known=factors.authenticator is None or second_factor.is_known(portal, factors.authenticator),
        faults=faults,
    )
