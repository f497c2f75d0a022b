"""The webhooks of a company, for its administrators: which programs are called, and how that goes."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from starlette.responses import Response

from portal import hooking
from portal.hooking import TooMany, Wanted
from portal.rendering import page, redirect
from portal.seats import Seat, administrator_seat
from storage.records.webhooks import CHOOSABLE

router = APIRouter(prefix="/companies/{account_id}/webhooks")

MOST_SHOWN = 50  # deliveries
At = Annotated[Seat, Depends(administrator_seat)]
Field = Annotated[str, Form()]
Events = Annotated[list[str] | None, Form(max_length=20)]


@router.get("")
def show_webhooks(request: Request, at: At) -> Response:
    """All of them, and the form for another."""
    return _list_page(request, at)


@router.post("")
def add_webhook(request: Request, at: At, url: Field = "", event: Events = None) -> Response:
    """Adds one. Its secret is shown on this one page and never again."""
    try:
        wanted = Wanted.entered(at.portal, url, event or ())
    except ValueError:
        fault = "webhooks.fault_url" if event else "webhooks.fault_events"
        return _list_page(request, at, entered=(url, event or []), fault=fault, status=400)
    try:
        with at.portal.store.transaction() as records:
            webhook, secret = hooking.add(
                records, at.portal, at.company.id, wanted, by=at.user.id, actor=at.actor
            )
    except TooMany:
        return redirect(request, at.path("/webhooks"), notice="too_many_webhooks")
    return _one_page(request, at, webhook.id, secret=secret)


@router.get("/{webhook_id}")
def show_webhook(request: Request, webhook_id: str, at: At) -> Response:
    """One with its last deliveries."""
    return _one_page(request, at, webhook_id)


@router.post("/{webhook_id}")
def change_webhook(
    request: Request, webhook_id: str, at: At, url: Field = "", event: Events = None
) -> Response:
    """Changes where it leads and what it is told."""
    with at.portal.store.transaction() as records:
        webhook = records.webhooks.get(at.company.id, webhook_id)
        try:
            wanted = Wanted.entered(at.portal, url, event or ())
        except ValueError:
            wanted = None
        if wanted is not None:
            records.webhooks.change(webhook, wanted.url, wanted.events)
    if wanted is None:
        fault = "webhooks.fault_url" if event else "webhooks.fault_events"
        return _one_page(request, at, webhook_id, entered=(url, event or []), fault=fault, status=400)
    return redirect(request, at.path(f"/webhooks/{webhook_id}"), notice="saved")


@router.post("/{webhook_id}/test")
def test_webhook(request: Request, webhook_id: str, at: At) -> Response:
    """Has it called once, about nothing."""
    with at.portal.store.transaction() as records:
        webhook = records.webhooks.get(at.company.id, webhook_id)
        if webhook.enabled:
            records.webhook_deliveries.test(webhook, at.portal.now())
    notice = "webhook_tested" if webhook.enabled else "webhook_disabled"
    return redirect(request, at.path(f"/webhooks/{webhook_id}"), notice=notice)


@router.post("/{webhook_id}/secret")
def renew_secret(request: Request, webhook_id: str, at: At) -> Response:
    """Makes another secret, shown on this one page."""
    with at.portal.store.transaction() as records:
        webhook = records.webhooks.get(at.company.id, webhook_id)
        secret = hooking.renew_secret(records, at.portal, webhook)
    return _one_page(request, at, webhook_id, secret=secret)


@router.post("/{webhook_id}/enable")
def enable_webhook(request: Request, webhook_id: str, at: At) -> Response:
    """Has it called again."""
    with at.portal.store.transaction() as records:
        records.webhooks.enable(records.webhooks.get(at.company.id, webhook_id))
    return redirect(request, at.path(f"/webhooks/{webhook_id}"), notice="webhook_enabled")


@router.post("/{webhook_id}/disable")
def disable_webhook(request: Request, webhook_id: str, at: At) -> Response:
    """Has it called no more."""
    with at.portal.store.transaction() as records:
        webhook = records.webhooks.get(at.company.id, webhook_id)
        records.webhooks.disable(webhook.id, at.portal.now(), None)
    return redirect(request, at.path(f"/webhooks/{webhook_id}"), notice="webhook_disabled")


@router.post("/{webhook_id}/remove")
def remove_webhook(request: Request, webhook_id: str, at: At) -> Response:
    """Removes it with what is known of its deliveries."""
    with at.portal.store.transaction() as records:
        webhook = records.webhooks.get(at.company.id, webhook_id)
        hooking.remove(records, at.portal, webhook, at.actor)
    return redirect(request, at.path("/webhooks"), notice="webhook_removed")


@router.post("/{webhook_id}/deliveries/{delivery_id}/again")
def deliver_again(request: Request, webhook_id: str, delivery_id: str, at: At) -> Response:
    """Makes a call again that was given up."""
    with at.portal.store.transaction() as records:
        webhook = records.webhooks.get(at.company.id, webhook_id)
        if webhook.enabled:
            records.webhook_deliveries.again(webhook, delivery_id)
    notice = "webhook_again" if webhook.enabled else "webhook_disabled"
    return redirect(request, at.path(f"/webhooks/{webhook_id}"), notice=notice)


def _list_page(
    request: Request,
    at: Seat,
    *,
    entered: tuple[str, list[str]] | None = None,
    fault: str | None = None,
    status: int = 200,
) -> Response:
    with at.portal.store.reading() as records:
        webhooks = records.webhooks.of_account(at.company.id)
    url, events = entered or ("", list(CHOOSABLE[:1]))
    return page(
        request,
        at.who,
        "webhooks.html",
        status=status,
        webhooks=webhooks,
        choosable=CHOOSABLE,
        url=url,
        events=events,
        fault=fault,
        **at.values(),
    )


def _one_page(
    request: Request,
    at: Seat,
    webhook_id: str,
    *,
    secret: str | None = None,
    entered: tuple[str, list[str]] | None = None,
    fault: str | None = None,
    status: int = 200,
) -> Response:
    with at.portal.store.reading() as records:
        webhook = records.webhooks.get(at.company.id, webhook_id)
        deliveries = records.webhook_deliveries.of_webhook(webhook_id, MOST_SHOWN)
    url, events = entered or (webhook.url, list(webhook.events))
    return page(
        request,
        at.who,
        "webhook.html",
        status=status,
        webhook=webhook,
        deliveries=deliveries,
        choosable=CHOOSABLE,
        url=url,
        events=events,
        secret=secret,
        fault=fault,
        **at.values(),
    )
