"""The part of the JSON interface in which a program registers where it wants to be called."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path
from pydantic import BaseModel, Field
from starlette.responses import Response

from portal import hooking
from portal.hooking import MOST_WEBHOOKS, TooMany, Wanted
from portal.pages.api import ANSWERS, By
from storage.records.webhooks import CHOOSABLE, DeliveryState, Webhook, WebhookDelivery, WebhookEvent

router = APIRouter(prefix="/api/v1/webhooks")

MOST_SHOWN = 50  # deliveries
Id = Annotated[str, Path(pattern="^[0-9a-f-]{36}$", description="the id of a webhook")]


class WantedWebhook(BaseModel):
    """Where a program wants to be called, and about what."""

    url: str = Field(max_length=1000, description="https, reached from the internet")
    events: list[str] = Field(max_length=20, description=f"of {', '.join(CHOOSABLE)}")


class ShownWebhook(BaseModel):
    """A webhook, and how calling it has gone lately."""

    id: str
    url: str
    events: list[WebhookEvent]
    enabled: bool
    created_at: datetime
    delivered_at: datetime | None = Field(description="the last call that was taken")
    failing_since: datetime | None
    disabled_at: datetime | None
    disabled_reason: str | None


class NewWebhook(ShownWebhook):
    """The same with its secret."""

    secret: str = Field(description="what calls are signed with; shown now and never again")


class ShownDelivery(BaseModel):
    """A call."""

    id: str
    event: WebhookEvent
    invoice_id: str | None
    state: DeliveryState
    created_at: datetime
    attempts: int
    next_attempt_at: datetime | None
    status: int | None = Field(description="of the last answer")
    reply: str | None = Field(description="what became of the last attempt")


class WebhookList(BaseModel):
    """All webhooks of the company."""

    webhooks: list[ShownWebhook]


class DeliveryList(BaseModel):
    """The last calls, newest first."""

    deliveries: list[ShownDelivery]


@router.get("", responses=ANSWERS)
def list_webhooks(by: By) -> WebhookList:
    """The webhooks of the company."""
    with by.portal.store.reading() as records:
        return WebhookList(webhooks=[_shown(one) for one in records.webhooks.of_account(by.token.account_id)])


@router.post("", status_code=201, responses=ANSWERS)
def add_webhook(by: By, wanted: WantedWebhook) -> NewWebhook:
    """Registers one. It ends when the token is revoked that made it."""
    try:
        known = Wanted.entered(by.portal, wanted.url, wanted.events)
        with by.portal.store.transaction() as records:
            made, secret = hooking.add(
                records, by.portal, by.token.account_id, known, by=by.token.maker, actor=by.actor
            )
    except ValueError as error:
        raise HTTPException(400, f"{error}"[:200]) from error
    except TooMany as error:
        raise HTTPException(400, f"remove one first; a company has up to {MOST_WEBHOOKS} webhooks") from error
    return NewWebhook(**_shown(made).model_dump(), secret=secret)


@router.get("/{webhook_id}", responses=ANSWERS)
def get_webhook(by: By, webhook_id: Id) -> ShownWebhook:
    """One webhook."""
    with by.portal.store.reading() as records:
        return _shown(records.webhooks.get(by.token.account_id, webhook_id))


@router.delete("/{webhook_id}", status_code=204, response_class=Response, responses=ANSWERS)
def remove_webhook(by: By, webhook_id: Id) -> Response:
    """Removes one with what is known of its calls."""
    with by.portal.store.transaction() as records:
        webhook = records.webhooks.get(by.token.account_id, webhook_id)
        hooking.remove(records, by.portal, webhook, by.actor)
    return Response(status_code=204)


@router.post("/{webhook_id}/test", status_code=204, response_class=Response, responses=ANSWERS)
def test_webhook(by: By, webhook_id: Id) -> Response:
    """Has it called once, about nothing; a disabled one is not."""
    with by.portal.store.transaction() as records:
        webhook = records.webhooks.get(by.token.account_id, webhook_id)
        if not webhook.enabled:
            raise HTTPException(400, "the webhook is disabled; an administrator enables it in the portal")
        records.webhook_deliveries.test(webhook, by.portal.now())
    return Response(status_code=204)


@router.get("/{webhook_id}/deliveries", responses=ANSWERS)
def list_deliveries(by: By, webhook_id: Id) -> DeliveryList:
    """The last calls of a webhook."""
    with by.portal.store.reading() as records:
        webhook = records.webhooks.get(by.token.account_id, webhook_id)
        found = records.webhook_deliveries.of_webhook(webhook.id, MOST_SHOWN)
    return DeliveryList(deliveries=[_shown_delivery(one) for one in found])


def _shown(webhook: Webhook) -> ShownWebhook:
    return ShownWebhook(
        id=webhook.id,
        url=webhook.url,
        events=list(webhook.events),
        enabled=webhook.enabled,
        created_at=webhook.created_at,
        delivered_at=webhook.delivered_at,
        failing_since=webhook.failing_since,
        disabled_at=webhook.disabled_at,
        disabled_reason=webhook.disabled_reason,
    )


def _shown_delivery(one: WebhookDelivery) -> ShownDelivery:
    waits = one.state is DeliveryState.WAITING
    return ShownDelivery(
        id=one.id,
        event=one.event,
        invoice_id=one.invoice_id,
        state=one.state,
        created_at=one.created_at,
        attempts=one.attempts,
        next_attempt_at=(one.not_before or one.created_at) if waits else None,
        status=one.status,
        reply=one.reply,
    )
