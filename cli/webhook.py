"""`invoices webhook`: the programs of companies that are called, for whoever runs the mailbox."""

from __future__ import annotations

from typing import Any

import click

from cli import forms
from cli.front import Front, Group, actor, pass_front, utc_now
from storage.errors import Conflict
from storage.records.acts import ActName
from storage.records.webhooks import Webhook, WebhookDelivery

COLUMNS = {
    "account": "Company",
    "address": "Address",
    "enabled": "On",
    "failures": "Failures",
    "delivered_at": "Last taken",
    "id": "Id",
}
MOST_SHOWN = 50  # deliveries


@click.group(cls=Group)
def webhook() -> None:
    """Programs of companies that are called when something happens to an invoice."""


@webhook.command("list")
@click.option(
    "--account", "account_", metavar="ACCOUNT", help="Only those of a company: its id, name or address."
)
@pass_front
def list_(front: Front, account_: str | None) -> None:
    """All webhooks, oldest first, and how calling them goes."""
    with front.store.reading() as records:
        found = (
            records.webhooks.of_account(records.accounts.find(account_).id)
            if account_
            else records.webhooks.every()
        )
        names = {
            one.id: one.name for one in records.accounts.by_ids({one.account_id for one in found}).values()
        }
    rows = [_form(one, names[one.account_id]) for one in found]
    front.show(rows, COLUMNS, nothing="There is no webhook.")


@webhook.command()
@click.argument("webhook_id", metavar="ID")
@pass_front
def show(front: Front, webhook_id: str) -> None:
    """One webhook with its last fifty calls."""
    with front.store.reading() as records:
        one = records.webhooks.any(webhook_id)
        name = records.accounts.get(one.account_id).name
        deliveries = records.webhook_deliveries.of_webhook(one.id, MOST_SHOWN)
    front.show_one(_form(one, name) | {"deliveries": [_delivery_form(each) for each in deliveries]})


@webhook.command()
@click.argument("webhook_id", metavar="ID")
@click.option("--reason", default="the operator disabled it", help="What its company reads about it.")
@pass_front
def disable(front: Front, webhook_id: str, reason: str) -> None:
    """Call a webhook no more; what waits is given up. Its company may enable it again."""
    with front.store.transaction() as records:
        one = records.webhooks.any(webhook_id)
        if not records.webhooks.disable(one.id, utc_now(), reason):
            raise Conflict(f"the webhook {webhook_id} is disabled already")
        detail = {"address": _address(one), "reason": reason}
        records.acts.add(ActName.WEBHOOK_DISABLED, one.account_id, actor=actor(), at=utc_now(), detail=detail)
        form = _form(records.webhooks.any(webhook_id), records.accounts.get(one.account_id).name)
    front.say(f"{form['address']} is not called any more.", form)


def _address(one: Webhook) -> str:
    """Without what stands behind the question mark, which may be a secret of the program's."""
    return one.url.partition("?")[0]


def _form(one: Webhook, account: str) -> dict[str, Any]:
    return {
        "id": one.id,
        "account": account,
        "address": _address(one),
        "events": [str(event) for event in one.events],
        "enabled": one.enabled,
        "disabled_reason": one.disabled_reason,
        "failures": one.failures,
        "failing_since": forms.instant(one.failing_since),
        "delivered_at": forms.instant(one.delivered_at),
        "created_at": forms.instant(one.created_at),
    }


def _delivery_form(one: WebhookDelivery) -> dict[str, Any]:
    return {
        "id": one.id,
        "event": str(one.event),
        "invoice_id": one.invoice_id,
        "state": str(one.state),
        "attempts": one.attempts,
        "tried_at": forms.instant(one.tried_at),
        "reply": one.reply,
    }
