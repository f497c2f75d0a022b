"""What happens to the mails that we send, told to the log; no address and no content in any of it."""

from __future__ import annotations

import structlog

_log = structlog.get_logger("invoices")


def outbound_idle() -> None:
    """There is no smarthost, so nothing is sent."""
    _log.info("outbound-idle")


def sent(mail_id: str, template: str, attempts: int) -> None:
    """The smarthost took a mail."""
    _log.info("sent", mail_id=mail_id, template=template, attempts=attempts)


def postponed(mail_id: str, template: str, attempts: int, reply: str) -> None:
    """The smarthost did not take a mail; it is tried again."""
    _log.warning("send-postponed", mail_id=mail_id, template=template, attempts=attempts, reply=reply)


def not_sent(mail_id: str, template: str, reply: str) -> None:
    """A mail is not tried any more."""
    _log.error("send-failed", mail_id=mail_id, template=template, reply=reply)


def smarthost_away(error: Exception) -> None:
    """The smarthost cannot be reached, or does not let us in."""
    _log.warning("smarthost-away", error=str(error))


def outbox_unavailable(error: Exception, again_in: float) -> None:
    """The database does not answer."""
    _log.warning("outbox-unavailable", error=str(error), again_in=round(again_in, 1))


def sending_broke(mail_id: str | None, error: BaseException) -> None:
    """A bug or a broken template kept a mail from being written; it is tried again."""
    _log.error("sending-broke", mail_id=mail_id, exc_info=error)
