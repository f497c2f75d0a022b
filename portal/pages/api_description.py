"""The description of the JSON interface, which programs and their makers read."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.openapi.utils import get_openapi
from starlette.responses import JSONResponse, Response

from portal.pages import api, api_webhooks
from portal.wired import Portal, wired

router = APIRouter(prefix="/api")


@router.get("/openapi.json", include_in_schema=False)
def description(portal: Annotated[Portal, Depends(wired)]) -> Response:
    """OpenAPI 3.1."""
    return JSONResponse(
        get_openapi(
            title="Invoices",
            version="1",
            description="The invoices of one company. Each request carries a token of the company.",
            routes=[*api.router.routes, *api_webhooks.router.routes],
            servers=[{"url": portal.base_url}],
        )
    )
