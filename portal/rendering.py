"""Makes a page of a template, with everything that all pages share."""

from __future__ import annotations

import hashlib
from functools import cache, partial
from importlib.resources import files
from typing import Any

from fastapi import Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse, Response

from portal import wording
from portal.reason_texts import reason_text
from portal.visitors import Visitor, keep_visitor
from portal.wired import Portal, wired
from storage.records.people import Language


@cache
def templates() -> Environment:
    """The templates; whatever is put into them is escaped."""
    return Environment(
        loader=PackageLoader("portal"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def page(request: Request, who: Visitor, template: str, *, status: int = 200, **values: Any) -> Response:
    """The page of a template, in the visitor's language."""
    portal = wired(request)
    shared = shared_values(portal, who) | {"path": local_address(request), "notice": _notice(request)}
    response = HTMLResponse(templates().get_template(template).render(shared | values), status)
    keep_visitor(response, portal, who)
    return response


def shared_values(portal: Portal, who: Visitor) -> dict[str, Any]:
    """What every template may use: who looks, and how that language writes things."""
    language = who.language
    return {
        "who": who,
        "language": str(language),
        "languages": [str(one) for one in Language],
        "href": portal.href,
        "why": partial(reason_text, language=language),
        "t": partial(wording.say, language),
        "day": partial(wording.day, language),
        "moment": partial(wording.moment, language),
        "amount": partial(wording.amount, language),
        "size": partial(wording.size, language),
        "now": portal.now(),
        "days_left": partial(wording.days_left, portal.now()),
        "passkeys": portal.passkey_place is not None,
        "script": f"/static/passkey.js?v={_version('static/passkey.js')}",
        "warn_days": portal.warn_ahead.days,
        "stylesheet": f"/static/portal.css?v={_version('static/portal.css')}",
    }


def redirect(request: Request, path: str, *, notice: str | None = None) -> RedirectResponse:
    """Sends the browser to a page of ours after a form (303, RFC 9110 15.4.4).

    `notice` is the key of a text of the room "notice", shown there once; one that was meant for this very page goes
    along.
    """
    path = path if is_local(path) else "/"
    if notice is None and request.method == "GET" and _notice(request):
        notice = request.query_params["notice"]
    if notice is not None:
        path += f"{'&' if '?' in path else '?'}notice={notice}"
    return RedirectResponse(wired(request).href(path), status_code=303)


def is_local(path: str) -> bool:
    """Whether a path leads to a page of ours, and to no other server however a browser reads it."""
    return (
        path.startswith("/")
        and not path.startswith("//")
        and "\\" not in path
        and all(sign.isprintable() and not sign.isspace() for sign in path)
    )


def local_address(request: Request) -> str:
    """The path and query of the page that is asked for."""
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path


def _notice(request: Request) -> str | None:
    key = f"notice.{request.query_params.get('notice', '')}"
    return key if key in wording.texts() else None


@cache
def _version(name: str) -> str:
    return hashlib.sha256(files("portal").joinpath(name).read_bytes()).hexdigest()[:12]
