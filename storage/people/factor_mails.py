"""The mail that tells a person of a change to the ways to sign in, whoever made it."""

from __future__ import annotations

from datetime import datetime

from storage.ids import new_id
from storage.records.acts import ActName
from storage.records.outgoing import MailTemplate, OutboundMail
from storage.records.people import User


def factor_mail(user: User, what: ActName, now: datetime) -> OutboundMail:
    """The mail."""
    return OutboundMail(
        id=new_id(),
        template=MailTemplate.SECOND_FACTOR,
        language=user.language,
        recipient=user.email,
        context={"what": str(what)},
        created_at=now,
    )
