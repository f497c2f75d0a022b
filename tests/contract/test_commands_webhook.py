"""Who runs the mailbox sees which programs are called, and stops it."""

from __future__ import annotations

from storage.records.webhooks import WebhookEvent
from storage.store import Store
from tests import making
from tests.commands import Commands


def _with_webhook(commands: Commands) -> str:
    store = Store.open(commands.url)
    company = making.account()
    webhook = making.webhook(
        company.id, url="https://erp.example/in?token=secret", events=(WebhookEvent.RECEIVED,)
    )
    with store.transaction() as records:
        records.accounts.add(company)
        records.webhooks.add(webhook)
        records.webhook_deliveries.test(webhook, making.NOW)
    store.close()
    return webhook.id


def test_an_operator_sees_webhooks_without_their_secrets(commands: Commands) -> None:
    """All of them, or those of a company; one with its calls."""
    webhook_id = _with_webhook(commands)

    [listed] = commands.lines("webhook", "list")
    shown = commands.one("webhook", "show", webhook_id)

    assert commands.lines("webhook", "list", "--account", "Company Ltd") == [listed]
    assert (listed["account"], listed["address"], listed["enabled"]) == (
        "Company Ltd",
        "https://erp.example/in",
        True,
    )
    assert [one["event"] for one in shown["deliveries"]] == ["webhook.test"]
    assert "secret" not in str(shown)


def test_an_operator_disables_one(commands: Commands) -> None:
    """Its company reads why, and who it was is on record."""
    webhook_id = _with_webhook(commands)

    disabled = commands.one("webhook", "disable", webhook_id, "--reason", "it is flooded")

    [act] = commands.lines("operator", "acts")
    assert (disabled["enabled"], disabled["disabled_reason"]) == (False, "it is flooded")
    assert (act["act"], act["detail"]["address"]) == ("webhook-disabled", "https://erp.example/in")
    assert commands.one("webhook", "show", webhook_id)["deliveries"][0]["state"] == "failed"
    assert "already" in commands.refused("webhook", "disable", webhook_id)
    assert "no webhook" in commands.refused("webhook", "show", "nothing")
