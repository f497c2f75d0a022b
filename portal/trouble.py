"""What a visitor is told when a page cannot be shown: in plain words, with an incident id where it is our fault."""

from __future__ import annotations

import secrets
from http import HTTPStatus
from urllib.parse import quote

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from portal import portal_log
from portal.documents import Busy
from portal.rendering import local_address, page, redirect
from portal.shield import TooMuch
from portal.visitors import ForgedForm, SignInNeeded, Visitor, anonymous, visitor
from portal.wired import wired
from storage.errors import NotFound, StorageUnavailable, StoreError

RETRY_SECONDS = 10
_LATER = (StorageUnavailable, Busy)  # no bug, and over by itself
KNOWN = {400, 401, 403, 404, 405, 413, 429, 503}  # each has a text of its own; the others are told as 500


async def answer(request: Request, error: Exception) -> Response:
    """The page (or, below /api/, the JSON) that tells of an error."""
    if isinstance(error, SignInNeeded):
        back = local_address(request) if request.method == "GET" else "/"
        return redirect(request, f"/sign-in?next={quote(back)}" if back != "/" else "/sign-in")
    status = _status(error)
    incident = None
    if status >= 500:
        incident = secrets.token_hex(4)
        tell = portal_log.unavailable if isinstance(error, _LATER) else portal_log.failed
        tell(incident, request.method, _route(request), error)
    response = _told(request, status, incident, _said(error))
    for name, value in (getattr(error, "headers", None) or {}).items():
        response.headers[name] = value
    if status == 503:
        response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response


def _said(error: Exception) -> str | None:
    """What one of our own pages has to say, beyond what the status says."""
    if not isinstance(error, HTTPException) or error.detail == HTTPStatus(error.status_code).phrase:
        return None
    return error.detail


def _status(error: Exception) -> int:
    match error:
        case HTTPException():
            return error.status_code
        case NotFound():
            return 404
        case RequestValidationError():
            return 404 if any(one["loc"][:1] == ("path",) for one in error.errors()) else 400
        case ForgedForm():
            return 403
        case TooMuch():
            return 413
        case Busy() | StoreError():
            return 503
        case _:
            return 500


def _told(request: Request, status: int, incident: str | None, said: str | None) -> Response:
    if request.url.path.startswith("/api/"):
        told = {"error": said or _API.get(status, _API[500])} | ({"incident": incident} if incident else {})
        return JSONResponse(told, status)
    return page(
        request, _visitor(request), "trouble.html", status=status, code=_code(status), incident=incident
    )


def _visitor(request: Request) -> Visitor:
    try:
        return visitor(request, wired(request))
    except StoreError:
        return anonymous(request, wired(request))


def _code(status: int) -> int:
    return status if status in KNOWN else 500 if status >= 500 else 400


def _route(request: Request) -> str:
    """The pattern of the path, so that no id and no token gets into the log."""
    route = request.scope.get("route")
    return str(getattr(route, "path", "?"))


_API = {
    400: "the request is not as the description at /api/openapi.json says",
    401: "send a token of your company as `Authorization: Bearer TOKEN`",
    403: "this is not allowed",
    404: "there is nothing here",
    405: "this method is not for this address",
    409: "this was changed by somebody else meanwhile; look at it again",
    413: "the request is too large",
    429: "too many requests; wait a moment",
    500: "something went wrong on our side; the incident is in our log",
    503: "not available at the moment; try again in a few seconds",
}
