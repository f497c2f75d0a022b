"""Stands before all pages: bounds what comes in, sets the security fields of what goes out, answers for what fails."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BODY_OCTETS = 2 * 1024 * 1024  # forms, and lists of people to invite
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
OnError = Callable[[Request, Exception], Awaitable[Response]]


class TooMuch(Exception):  # noqa: N818  -- says what is the matter
    """More came in than any form of ours holds."""


class Shield:
    """The outermost layer of the portal (ASGI)."""

    def __init__(self, app: ASGIApp, *, prefix: str, secure: bool, on_error: OnError) -> None:
        self._app = app
        self._prefix = prefix
        self._secure = secure
        self._on_error = on_error

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI 3."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope = self._without_prefix(scope)
        begun = False
        taken = 0

        async def bounded() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            _expect_at_most(taken)
            return message

        async def shielded(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                self._set_fields(scope, MutableHeaders(scope=message))
            await send(message)

        try:
            _expect_at_most(_announced(scope))
            await self._app(scope, bounded, shielded)
        except Exception as error:
            # What went out already cannot be taken back; the server then closes the connection.
            response = await self._on_error(Request(scope), error)
            if begun:
                raise
            await response(scope, bounded, shielded)

    def _without_prefix(self, scope: Scope) -> Scope:
        """Whether a proxy in front of us takes the path of base_url off or leaves it on, the pages are the same."""
        path = scope["path"]
        if self._prefix and (path == self._prefix or path.startswith(f"{self._prefix}/")):
            return {**scope, "path": path.removeprefix(self._prefix) or "/"}
        return scope

    def _set_fields(self, scope: Scope, fields: MutableHeaders) -> None:
        fields.setdefault("Content-Security-Policy", PAGE_POLICY)
        fields["X-Content-Type-Options"] = "nosniff"
        fields["Referrer-Policy"] = "no-referrer"
        fields.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        fields.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        fields["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(), payment=()"
        if "frame-ancestors 'self'" not in fields["Content-Security-Policy"]:
            fields["X-Frame-Options"] = "DENY"
        if self._secure:
            fields["Strict-Transport-Security"] = "max-age=31536000"
        if scope["path"].startswith("/static/"):
            fields.setdefault("Cache-Control", "public, max-age=86400")
        else:
            fields["Cache-Control"] = "no-store"


def _announced(scope: Scope) -> int:
    length = dict(scope["headers"]).get(b"content-length", b"")
    return int(length) if length.isdigit() else 0


def _expect_at_most(octets: int) -> None:
    if octets > MOST_BODY_OCTETS:
        raise TooMuch
