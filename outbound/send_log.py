"""What happens to the mails that we send, told to the log; no address and no content in any of it."""

from __future__ import annotations

import structlog

from storage.records.outgoing import OutboundMail

_log = structlog.get_logger("invoices")


def outbound_idle() -> None:
    """No smarthost is set, so no mail is sent."""
    _log.info("outbound-idle")


def sent(mail: OutboundMail) -> None:
    """The smarthost took a mail."""
    _log.info("sent", **_named(mail), attempts=mail.attempts)


def postponed(mail: OutboundMail, reply: str) -> None:
    """The smarthost did not take a mail, for the reason in `reply`; it is tried again."""
    _log.warning("send-postponed", **_named(mail), attempts=mail.attempts, reply=reply)


def not_sent(mail: OutboundMail, reply: str) -> None:
    """A mail was refused, or not taken for `outbound.retry_days`."""
    _log.error("send-failed", **_named(mail), reply=reply)


def smarthost_away(error: Exception) -> None:
    """The smarthost cannot be reached, or does not let us in."""
    _log.warning("smarthost-away", error=str(error))


def outbox_unavailable(error: Exception, again_in: float) -> None:
    """The database does not answer the sender; it is tried again after `again_in` seconds."""
    _log.warning("outbox-unavailable", error=str(error), again_in=round(again_in, 1))


def sending_broke(mail: OutboundMail | None, error: BaseException) -> None:
    """A mail could not be written; it is tried again."""
    _log.error("sending-broke", **(_named(mail) if mail else {}), exc_info=error)


def called(delivery_id: str, webhook_id: str, event: str, reply: str) -> None:
    """A program of a company took what it was `told`, in the `delivery` to a `webhook`."""
    _log.info("called", delivery=delivery_id, webhook=webhook_id, told=event, reply=reply)


def call_failed(delivery_id: str, webhook_id: str, event: str, reply: str) -> None:
    """A program of a company did not take what it was `told`; `reply` says what became of the call, which is tried
    again.
    """
    _log.warning("call-failed", delivery=delivery_id, webhook=webhook_id, told=event, reply=reply)


def webhook_disabled(webhook_id: str, reply: str) -> None:
    """A program has taken no call for two and a half days, or wants no more; its administrators are told by mail."""
    _log.warning("webhook-disabled", webhook=webhook_id, reply=reply)


def calling_broke(webhook_id: str | None, error: BaseException) -> None:
    """A bug kept programs from being called; it is tried again."""
    _log.error("calling-broke", webhook=webhook_id, exc_info=error)


def _named(mail: OutboundMail) -> dict[str, str | None]:
    """Its own id, and that of the received mail which it tells of."""
    return {"outgoing": mail.id, "mail": mail.mail_id, "template": mail.template}
