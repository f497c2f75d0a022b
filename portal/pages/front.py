"""The front hall: where to go first, the language, and whether the portal is well."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import PlainTextResponse, Response

from portal.rendering import page, redirect
from portal.visitors import Visitor, keep_language, visitor
from portal.wired import Portal, wired
from storage.errors import StoreError
from storage.records.people import Language

router = APIRouter()


@router.get("/")
def start(request: Request, who: Annotated[Visitor, Depends(visitor)]) -> Response:
    """The inbox of the visitor's company; a choice where there are several; the desk of an operator; else a welcome."""
    if who.user is None:
        return page(request, who, "welcome.html")
    return redirect(request, "/companies" if who.memberships else "/operator" if who.operates else "/waiting")


@router.post("/language")
def choose_language(
    request: Request,
    who: Annotated[Visitor, Depends(visitor)],
    portal: Annotated[Portal, Depends(wired)],
    language: Annotated[Language, Form()],
    path: Annotated[str, Form()] = "/",
) -> Response:
    """Shows the same page in another language, from now on; mails are written in it, too."""
    if who.user is not None and who.user.language is not language:
        with portal.store.transaction() as records:
            records.users.set_language(who.user.id, language)
    response = redirect(request, path)
    keep_language(response, portal, language)
    return response


@router.get("/healthz")
def alive() -> Response:
    """Whether this program answers at all."""
    return PlainTextResponse("ok\n")


@router.get("/readyz")
def ready(portal: Annotated[Portal, Depends(wired)]) -> Response:
    """Whether pages can be shown: the database answers."""
    try:
        with portal.store.reading() as records:
            records.mails.has_due(portal.now())
    except StoreError:
        return PlainTextResponse("the database does not answer\n", 503)
    return PlainTextResponse("ok\n")
