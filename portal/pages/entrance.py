"""The entrance: signing in and out, and a new password for one that was forgotten."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import Response

from portal import flows, limits, passwords
from portal.rendering import page, redirect
from portal.second_factor import welcome
from portal.visitors import Visitor, sign_out, visitor
from portal.wired import Portal, wired
from storage.companies.account_keys import address_key
from storage.records.people import CodePurpose

router = APIRouter()


@router.get("/sign-in")
def show_sign_in(request: Request, who: Annotated[Visitor, Depends(visitor)], next: str = "/") -> Response:
    """The form; for who is signed in already, the page that was wanted."""
    if who.user is not None:
        return redirect(request, next)
    return page(request, who, "sign-in.html", next=next, email="", wrong=False)


@router.post("/sign-in")
def do_sign_in(
    request: Request,
    who: Annotated[Visitor, Depends(visitor)],
    portal: Annotated[Portal, Depends(wired)],
    email: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",
) -> Response:
    """Signs in; the answer is the same for a wrong password and for an address that nobody has."""
    address, peer = _comparable(email), limits.peer_of(request)
    limits.expect(
        portal,
        ("sign-in", f"{address} {peer}", limits.SIGN_IN_OF_PEER),
        ("sign-in", address, limits.SIGN_IN),
        limits.door(request),
    )
    with portal.store.reading() as records:
        user = records.users.by_email(email.strip())
    right = passwords.fits(password, user.password_hash if user else None)
    if user is None or not right or user.confirmed_at is None:
        return page(request, who, "sign-in.html", status=403, next=next, email=email.strip(), wrong=True)
    limits.forget(portal, ("sign-in", f"{address} {peer}"), ("sign-in", address))
    return welcome(request, portal, user, next)


@router.post("/sign-out")
def do_sign_out(
    request: Request, who: Annotated[Visitor, Depends(visitor)], portal: Annotated[Portal, Depends(wired)]
) -> Response:
    """Ends this session here and in the database."""
    if who.session is not None and who.user is not None:
        with portal.store.transaction() as records:
            records.sessions.end(who.session.id, who.user.id)
    response = redirect(request, "/", notice="signed_out")
    sign_out(response, portal)
    return response


@router.get("/password")
def show_forgotten(request: Request, who: Annotated[Visitor, Depends(visitor)]) -> Response:
    """Asks where to send a code."""
    return page(request, who, "forgotten.html", email="", fault=None)


@router.post("/password")
def do_forgotten(
    request: Request,
    who: Annotated[Visitor, Depends(visitor)],
    portal: Annotated[Portal, Depends(wired)],
    email: Annotated[str, Form()] = "",
) -> Response:
    """Sends a code where there is such a person, and looks the same where there is none."""
    address = _comparable(email)
    if not address:
        return page(request, who, "forgotten.html", status=400, email=email, fault="fault.address")
    limits.expect(portal, ("code", address, limits.CODES), limits.door(request))
    now = portal.now()
    with portal.store.transaction() as records:
        user = records.users.by_email(email.strip())
        if user is not None and portal.sends_mail:
            context = {"user": user.id}
            flow = flows.begin(records, CodePurpose.RESET, user.email, context, user.language, now)
        else:
            flow = flows.pretend(records, CodePurpose.RESET, address, None, who.language, now)
    response = redirect(request, "/code")
    flows.keep(response, portal, flow)
    return response


def _comparable(email: str) -> str:
    """An address in the form that is counted by; empty for what is none."""
    try:
        return address_key(email.strip()).value
    except ValueError:
        return ""
