"""Asks for what a person has beside the password, when signing in and before what must not be done by a thief."""

from __future__ import annotations

import hmac
from datetime import timedelta

from fastapi import Request
from starlette.responses import Response

from portal import flows, limits
from portal.one_time_passwords import DIGITS, recovery_digest
from portal.rendering import redirect
from portal.visitors import session_cookie, sign_in
from portal.wired import Portal
from storage.people.factor_mails import factor_mail
from storage.people.throttles import Limit
from storage.records.acts import ActName
from storage.records.factors import Authenticator
from storage.records.people import CodePurpose, User
from storage.transaction import Transaction

OF_PERSON = Limit(10, timedelta(minutes=15))  # wrong ones; of a million, three of them right at any time
_TOLD = {  # what its owner is told by mail, for it may have been somebody else
    ActName.AUTHENTICATOR_SET,
    ActName.AUTHENTICATOR_REMOVED,
    ActName.PASSKEY_ADDED,
    ActName.PASSKEY_REMOVED,
    ActName.RECOVERY_CODE_USED,
}


def welcome(
    request: Request, portal: Portal, user: User, path: str = "/", *, notice: str | None = None
) -> Response:
    """Signs a person in who has proven the password or the mailbox; first asks for a second factor, if there is one."""
    with portal.store.reading() as records:
        asked = records.factors.of_user(user.id).asked
    if not asked:
        return enter(request, portal, user, path, notice=notice)
    context = {"user": user.id, "path": path, "notice": notice or ""}
    with portal.store.transaction() as records:
        new = records.codes.begin(user.email, CodePurpose.SECOND_FACTOR, context, portal.now(), send=False)
    response = redirect(request, "/second-factor")
    flows.keep(response, portal, new.flow)
    return response


def enter(
    request: Request, portal: Portal, user: User, path: str = "/", *, notice: str | None = None
) -> Response:
    """Signs in with a session of its own, whatever the browser held before, and shows a page."""
    before = request.cookies.get(session_cookie(portal))
    now = portal.now()
    with portal.store.transaction() as records:
        if before and (ended := records.sessions.live(before, now)):
            records.sessions.end(ended.id, ended.user_id)
        token = records.sessions.begin(user.id, now)
    response = redirect(request, path, notice=notice)
    sign_in(response, portal, token)
    flows.forget(response, portal)
    return response


def count(portal: Portal, user_id: str) -> None:
    """Counts a try of this person's factor. Raises HTTPException 429 when there were too many."""
    limits.expect(portal, ("second-factor", user_id, OF_PERSON))


def is_proven(records: Transaction, portal: Portal, user: User, entered: str) -> bool:
    """Whether this is the one-time password of now, used for the first time, or a recovery code."""
    now = portal.now()
    digits = "".join(entered.split())
    if len(digits) != DIGITS or not digits.isdigit():
        if not records.factors.use_recovery_code(user.id, recovery_digest(user.id, entered)):
            return False
        note(records, portal, user, ActName.RECOVERY_CODE_USED)
        return True
    app = records.factors.of_user(user.id).authenticator
    if app is None or not is_known(portal, app):
        return False
    step = portal.authenticators.step(user.id, app.secret_id, digits, now)
    return step is not None and records.factors.use_step(user.id, step)


def is_known(portal: Portal, app: Authenticator) -> bool:
    """Whether the app's secret was made under the key that we have."""
    return hmac.compare_digest(portal.authenticators.digest(app.user_id, app.secret_id), app.secret_digest)


def note(records: Transaction, portal: Portal, user: User, name: ActName) -> None:
    """Puts on record what a person did to the ways to sign in, and tells it by mail where that matters."""
    now = portal.now()
    records.acts.add(name, user.id, actor=f"user {user.email}", at=now, detail={"email": user.email})
    if name in _TOLD and portal.sends_mail:
        records.outbox.add([factor_mail(user, name, now)])
