"""Makes and changes webhooks, for the pages and for the JSON interface alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from portal.wired import Portal
from storage.ids import new_id
from storage.outgoing.webhook_addresses import webhook_url
from storage.records.acts import ActName
from storage.records.webhooks import CHOOSABLE, Webhook, WebhookEvent
from storage.transaction import Transaction

MOST_WEBHOOKS = 10  # of a company


class TooMany(Exception):  # noqa: N818  -- says what is the matter
    """The company has as many webhooks as it may have."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was entered: in the form that is kept."""

    url: str
    events: tuple[WebhookEvent, ...]

    @classmethod
    def entered(cls, portal: Portal, url: str, events: Iterable[str]) -> Wanted:
        """Raises ValueError that says what to do."""
        chosen = set(events)
        known = tuple(one for one in CHOOSABLE if one in chosen)
        if not known or len(known) < len(chosen):
            raise ValueError(f"choose of {', '.join(CHOOSABLE)}")
        return cls(webhook_url(url, portal.webhook_networks), known)


def add(
    records: Transaction, portal: Portal, account_id: str, wanted: Wanted, *, by: str, actor: str
) -> tuple[Webhook, str]:
    """A new webhook of a company and its secret, which is shown now and never again. Raises TooMany.

    `by`: a user's id or what `ApiToken.maker` says; `actor`: the same for the record of acts.
    """
    if len(records.webhooks.of_account(account_id)) >= MOST_WEBHOOKS:
        raise TooMany
    secret_id = new_id()
    webhook = Webhook(
        id=new_id(),
        account_id=account_id,
        url=wanted.url,
        events=wanted.events,
        secret_id=secret_id,
        secret_digest=portal.webhook_secrets.digest(secret_id),
        created_at=portal.now(),
        created_by=by,
    )
    records.webhooks.add(webhook)
    _note(records, portal, ActName.WEBHOOK_ADDED, webhook, actor)
    return webhook, portal.webhook_secrets.written(secret_id)


def renew_secret(records: Transaction, portal: Portal, webhook: Webhook) -> str:
    """Another secret of a webhook; the former one is good for a day."""
    secret_id = new_id()
    records.webhooks.renew_secret(webhook, secret_id, portal.webhook_secrets.digest(secret_id), portal.now())
    return portal.webhook_secrets.written(secret_id)


def remove(records: Transaction, portal: Portal, webhook: Webhook, actor: str) -> None:
    """Removes a webhook with what is known of its calls."""
    records.webhooks.remove(webhook)
    _note(records, portal, ActName.WEBHOOK_REMOVED, webhook, actor)


def _note(records: Transaction, portal: Portal, name: ActName, webhook: Webhook, actor: str) -> None:
    # What stands behind the question mark may be a secret of the program's.
    detail = {"address": webhook.url.partition("?")[0]}
    records.acts.add(name, webhook.account_id, actor=actor, at=portal.now(), detail=detail)
