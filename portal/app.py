"""Puts the pages together to one application."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from fastapi import APIRouter, Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.staticfiles import StaticFiles

from portal import trouble
from portal.pages import (
    account,
    api,
    api_description,
    api_webhooks,
    claims,
    company,
    entrance,
    front,
    inbox,
    invoice,
    leaving,
    members,
    passkeys,
    registering,
    second_factor,
    second_look,
    webhooks,
)
from portal.pages.operator import acts, outgoing, partners, quarantine, queue, withheld
from portal.pages.operator import claims as operator_claims
from portal.shield import Shield
from portal.visitors import ForgedForm, SignInNeeded, guard_form
from portal.wired import Portal
from storage.errors import NotFound, StoreError

# Every room of the portal; a new page is in one of them, or its router is added here.
ROUTERS: Sequence[APIRouter] = (
    *(
        front.router,
        entrance.router,
        registering.router,
        account.router,
        second_factor.router,
        passkeys.router,
    ),
    *(inbox.router, invoice.router, second_look.router),
    *(members.router, company.router, claims.router, leaving.router, webhooks.router),
    *(api.router, api_webhooks.router, api_description.router),
    *(queue.router, quarantine.router, withheld.router, operator_claims.router),
    *(partners.router, outgoing.router, acts.router),
)


def create_app(portal: Portal) -> FastAPI:
    """The application (ASGI) of one portal."""
    app = FastAPI(
        title="Invoices",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,  # it would build an absolute address from the Host field
        dependencies=[Depends(guard_form)],
        middleware=[
            Middleware(
                Shield,
                prefix=portal.prefix,
                secure=portal.secure,
                on_error=trouble.answer,
            )
        ],
    )
    app.state.portal = portal
    for kind in (HTTPException, RequestValidationError, SignInNeeded, ForgedForm, NotFound, StoreError):
        app.add_exception_handler(kind, trouble.answer)
    for router in ROUTERS:
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=str(files("portal").joinpath("static"))), name="static")
    return app
