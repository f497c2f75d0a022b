"""Codes that prove a mailbox: begun in one browser, sent to the mailbox, entered in the same browser."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from fastapi import Request, Response

from portal import cookies
from portal.wired import Portal
from storage.ids import new_id
from storage.people.codes import LIFE
from storage.records.outgoing import MailTemplate, OutboundMail
from storage.records.people import CodePurpose, Language, OneTimeCode
from storage.transaction import Transaction

_COOKIE_SECONDS = int(LIFE.total_seconds())


def cookie_name(portal: Portal) -> str:
    """The cookie that holds the flow's token; see `visitors.session_cookie`."""
    return cookies.bound_name(portal, "flow")


def begin(
    records: Transaction,
    purpose: CodePurpose,
    mailbox: str,
    context: Mapping[str, str],
    language: Language,
    now: datetime,
) -> str:
    """Sends a code to a mailbox; the token for the browser that asked."""
    new = records.codes.begin(mailbox, purpose, context, now)
    told = {"code": new.code, "purpose": str(purpose), "email": context.get("email", mailbox)}
    records.outbox.add([_mail(MailTemplate.CODE, mailbox, told, language, now)])
    return new.flow


def pretend(
    records: Transaction,
    purpose: CodePurpose,
    mailbox: str,
    told: MailTemplate | None,
    language: Language,
    now: datetime,
) -> str:
    """A flow that leads nowhere, which looks the same to the browser.

    `told`: what the mailbox is told instead of a code, if anything.
    """
    new = records.codes.begin(mailbox, purpose, {}, now, send=False)
    if told is not None:
        records.outbox.add([_mail(told, mailbox, {}, language, now)])
    return new.flow


def keep(response: Response, portal: Portal, flow: str) -> None:
    """Gives the browser the token of its flow."""
    cookies.give(response, portal, cookie_name(portal), flow, seconds=_COOKIE_SECONDS)


def forget(response: Response, portal: Portal) -> None:
    """Takes the token away."""
    cookies.take(response, portal, cookie_name(portal))


def token_of(request: Request, portal: Portal) -> str:
    """The token that this browser holds, empty when it holds none."""
    return request.cookies.get(cookie_name(portal), "")


def current(request: Request, portal: Portal) -> OneTimeCode | None:
    """The flow of this browser, if it is not over."""
    token = token_of(request, portal)
    if not token:
        return None
    with portal.store.reading() as records:
        return records.codes.find(token, portal.now())


def _mail(
    template: MailTemplate, mailbox: str, context: dict[str, str], language: Language, now: datetime
) -> OutboundMail:
    return OutboundMail(
        id=new_id(),
        template=template,
        language=language,
        recipient=mailbox,
        context=context,
        created_at=now,
    )
