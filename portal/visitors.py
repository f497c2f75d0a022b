"""Who looks at a page: the language, the person signed in, and the secrets that protect their forms."""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request, Response

from portal import cookies
from portal.wired import Portal, wired
from storage.people.sessions import needs_note
from storage.records.people import Language, Membership, MembershipState, PortalSession, User

LANGUAGE_COOKIE = "language"
LANGUAGE_SECONDS = 365 * 86400
SESSION_SECONDS = 14 * 86400
FORM_FIELD = "csrf"
_PREFERENCE = re.compile(r"\s*([A-Za-z]{1,8})(?:-[\w-]*)?\s*(?:;\s*q=([0-9.]{1,5}))?\s*")


class SignInNeeded(Exception):  # noqa: N818  -- says what is the matter
    """Nobody is signed in, and the page is not for everybody."""


class ForgedForm(Exception):  # noqa: N818  -- says what is the matter
    """A form came without the secret of the page that it should be on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who asks for a page."""

    language: Language
    form_secret: str  # what each of our forms has to bring along
    fresh_cookie: str | None = None  # to be set, where the browser had none
    session: PortalSession | None = None
    user: User | None = None
    memberships: tuple[Membership, ...] = field(default=())  # the active ones
    operates: bool = False  # runs this mailbox: may see the operator's pages


def session_cookie(portal: Portal) -> str:
    """The name of the cookie of somebody who is signed in; the prefix binds it to this host and to https."""
    return cookies.bound_name(portal, "session")


def visitor_cookie(portal: Portal) -> str:
    """The name of the cookie that forms are bound to before anybody is signed in."""
    return cookies.bound_name(portal, "visitor")


def visitor(request: Request, portal: Annotated[Portal, Depends(wired)]) -> Visitor:
    """The visitor of a request; the same object however often a request asks. Raises StorageUnavailable."""
    known: Visitor | None = getattr(request.state, "visitor", None)
    if known is None:
        known = _signed_in(request, portal) or _anonymous(request, portal)
        request.state.visitor = known
    return known


def anonymous(request: Request, portal: Portal) -> Visitor:
    """A visitor about whom the database is not asked: for pages that tell of its trouble."""
    return _anonymous(request, portal)


def signed_in(who: Annotated[Visitor, Depends(visitor)]) -> Visitor:
    """A visitor with a user. Raises SignInNeeded."""
    if who.user is None:
        raise SignInNeeded
    return who


async def guard_form(request: Request, portal: Annotated[Portal, Depends(wired)]) -> None:
    """Refuses what a page of somebody else made a browser send. Raises ForgedForm."""
    if request.method in ("GET", "HEAD", "OPTIONS") or request.url.path.startswith("/api/"):
        return  # without effect, or with a token that no browser adds by itself
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise ForgedForm
    sent = (await request.form()).get(FORM_FIELD)
    token = request.cookies.get(session_cookie(portal)) or request.cookies.get(visitor_cookie(portal))
    if not token or not isinstance(sent, str) or not hmac.compare_digest(sent, _form_secret(portal, token)):
        raise ForgedForm


def sign_in(response: Response, portal: Portal, token: str) -> None:
    """Gives the browser the token of a session (`records.sessions.begin`)."""
    cookies.give(response, portal, session_cookie(portal), token, seconds=SESSION_SECONDS)


def sign_out(response: Response, portal: Portal) -> None:
    """Takes the token away."""
    cookies.take(response, portal, session_cookie(portal))


def keep_language(response: Response, portal: Portal, language: Language) -> None:
    """Remembers in the browser what language was chosen."""
    cookies.give(response, portal, LANGUAGE_COOKIE, language, seconds=LANGUAGE_SECONDS)


def keep_visitor(response: Response, portal: Portal, who: Visitor) -> None:
    """Gives a browser without one the cookie that its forms are bound to."""
    if who.fresh_cookie is not None:
        cookies.give(response, portal, visitor_cookie(portal), who.fresh_cookie)


def preferred_language(accept_language: str) -> Language:
    """The best of ours for an Accept-Language field (RFC 9110 12.5.4); English where none is asked for."""
    wishes: list[tuple[float, int, Language]] = []
    for place, wish in enumerate(accept_language.split(",")[:20]):
        match = _PREFERENCE.fullmatch(wish)
        if match is None or match[1].lower() not in set(Language):
            continue
        try:
            weight = float(match[2] or 1)
        except ValueError:
            continue
        wishes.append((weight, -place, Language(match[1].lower())))
    return max(wishes)[2] if wishes else Language.ENGLISH


def _signed_in(request: Request, portal: Portal) -> Visitor | None:
    token = request.cookies.get(session_cookie(portal))
    if not token:
        return None
    now = portal.now()
    with portal.store.reading() as records:
        session = records.sessions.live(token, now)
        user = records.users.by_ids([session.user_id]).get(session.user_id) if session else None
        if session is None or user is None:
            return None
        active = [one for one in records.memberships.of_user(user.id) if one.state is MembershipState.ACTIVE]
        operates = records.operators.has(user.id)
    if needs_note(session, now):
        with portal.store.transaction() as records:
            records.sessions.seen(session, now)
    return Visitor(
        language=_chosen(request) or user.language,
        form_secret=_form_secret(portal, token),
        session=session,
        user=user,
        memberships=tuple(active),
        operates=operates,
    )


def _anonymous(request: Request, portal: Portal) -> Visitor:
    # A token whose session is over still binds the forms: guard_form looks at the same cookie first.
    token = request.cookies.get(session_cookie(portal)) or request.cookies.get(visitor_cookie(portal))
    fresh = None if token else secrets.token_urlsafe(16)
    return Visitor(
        language=_chosen(request) or preferred_language(request.headers.get("accept-language", "")),
        form_secret=_form_secret(portal, token or fresh or ""),
        fresh_cookie=fresh,
    )


def _chosen(request: Request) -> Language | None:
    value = request.cookies.get(LANGUAGE_COOKIE)
    return Language(value) if value in set(Language) else None


def _form_secret(portal: Portal, token: str) -> str:
    return portal.mac("form", token)
