"""The dialogue of AUTH (RFC 4954) with its mechanisms PLAIN (RFC 4616) and LOGIN."""

from __future__ import annotations

import asyncio
import base64
import binascii
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol

from ingest.receiving.replies import Reply
from ingest.receiving.users import parse_plain

if TYPE_CHECKING:
    from ingest.receiving.users import Users

MECHANISMS = ("PLAIN", "LOGIN")

_CANCEL = "*"
_LOGIN_CHALLENGES = ("VXNlcm5hbWU6", "UGFzc3dvcmQ6")  # "Username:" and "Password:", as every client expects
_MAX_RESPONSE = 4096

# One at a time: each check of a password needs 19 MiB.
_checker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="passwords")


class _Asked(Protocol):
    async def ask(self, challenge: str) -> str | None: ...


async def authenticate(client: _Asked, users: Users, argument: str) -> str | Reply:
    """The name of who has authenticated, or the reply that says why nobody has."""
    mechanism, _, initial = argument.partition(" ")
    try:
        match mechanism.upper():
            case "PLAIN":
                said = _plain(initial.strip() or await _asked(client, ""))
            case "LOGIN":
                said = await _login(client, initial.strip())
            case "":
                return Reply.AUTH_SYNTAX
            case _:
                return Reply.UNKNOWN_MECHANISM
    except _NotSaid as refusal:
        return refusal.reply
    name, password = said
    try:
        known = await asyncio.get_running_loop().run_in_executor(_checker, users.verify, name, password)
    except (OSError, ValueError):  # the file of users cannot be read now
        return Reply.AUTH_AWAY
    return name if known else Reply.AUTH_FAILED


class _NotSaid(Exception):  # noqa: N818  -- says what happened
    def __init__(self, reply: Reply) -> None:
        super().__init__()
        self.reply = reply


async def _asked(client: _Asked, challenge: str) -> str:
    answer = await client.ask(challenge)
    if answer is None or len(answer) > _MAX_RESPONSE:
        raise _NotSaid(Reply.AUTH_NOT_DECODED)
    if answer == _CANCEL:
        raise _NotSaid(Reply.AUTH_CANCELLED)
    return answer


def _decoded(response: str) -> bytes:
    try:
        return base64.b64decode(b"" if response == "=" else response.encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        raise _NotSaid(Reply.AUTH_NOT_DECODED) from None


def _plain(response: str) -> tuple[str, str]:
    said = parse_plain(_decoded(response))
    if said is None:
        raise _NotSaid(Reply.AUTH_NOT_DECODED)
    return said


async def _login(client: _Asked, initial: str) -> tuple[str, str]:
    name = _decoded(initial or await _asked(client, _LOGIN_CHALLENGES[0]))
    password = _decoded(await _asked(client, _LOGIN_CHALLENGES[1]))
    said = parse_plain(b"\0" + name + b"\0" + password)
    if said is None:
        raise _NotSaid(Reply.AUTH_NOT_DECODED)
    return said
