"""The webhooks of companies: who is called, and how calling has gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, exists, func, insert, or_, select, text, update
from sqlalchemy.engine import Connection

from storage.errors import NotFound
from storage.records.webhooks import DeliveryState, Webhook, WebhookEvent
from storage.tables.programs import WebhookDeliveryRow, WebhookRow

# Written out, for with a bound value SQLite cannot know that the partial index holds these rows.
WAITING = text("webhook_delivery.state = 'waiting'")
FORMER_SECRET = timedelta(days=1)  # so long calls are signed with the secret before, too
_WELL: dict[str, Any] = {"failures": 0, "failing_since": None, "paused_until": None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Failing:
    """How calling goes after one more failure."""

    failures: int
    since: datetime


class Webhooks:
    """The table of webhooks within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, webhook: Webhook) -> None:
        """Adds a webhook, which is called from now on."""
        self._connection.execute(
            insert(WebhookRow).values(
                id=webhook.id,
                account_id=webhook.account_id,
                url=webhook.url,
                events=[str(one) for one in webhook.events],
                secret_id=webhook.secret_id,
                secret_digest=webhook.secret_digest,
                created_at=webhook.created_at,
                created_by=webhook.created_by,
                failures=0,
            )
        )

    def of_account(self, account_id: str) -> list[Webhook]:
        """The webhooks of a company, oldest first."""
        return self._select(WebhookRow.account_id == account_id)

    def get(self, account_id: str, webhook_id: str) -> Webhook:
        """One webhook of this company. Raises NotFound, also for another company's."""
        found = self._select(WebhookRow.account_id == account_id, WebhookRow.id == webhook_id)
        if not found:
            raise NotFound(f"there is no webhook {webhook_id}")
        return found[0]

    def any(self, webhook_id: str) -> Webhook:
        """One webhook, whosever it is; for operators. Raises NotFound."""
        found = self._select(WebhookRow.id == webhook_id)
        if not found:
            raise NotFound(f"there is no webhook {webhook_id}")
        return found[0]

    def every(self) -> list[Webhook]:
        """All of them, oldest first; for operators."""
        return self._select()

    def counts(self) -> dict[str, int]:
        """How many are enabled, fail since their last call, and are disabled; each of them is one of these."""
        failing = and_(WebhookRow.disabled_at.is_(None), WebhookRow.failures > 0)
        conditions = {
            "enabled": and_(WebhookRow.disabled_at.is_(None), WebhookRow.failures == 0),
            "failing": failing,
            "disabled": WebhookRow.disabled_at.is_not(None),
        }
        counted = [func.count().filter(condition).label(name) for name, condition in conditions.items()]
        row = self._connection.execute(select(*counted).select_from(WebhookRow)).one()
        return dict(row._mapping)

    def change(self, webhook: Webhook, url: str, events: Sequence[WebhookEvent]) -> None:
        """Another address, and what it is told. How calling went before says nothing any more."""
        self._change(webhook.id, url=url, events=[str(one) for one in events], **_WELL)

    def renew_secret(self, webhook: Webhook, secret_id: str, digest: bytes, now: datetime) -> None:
        """Another secret; the one before is good for FORMER_SECRET, so that no call is lost meanwhile."""
        self._change(
            webhook.id,
            secret_id=secret_id,
            secret_digest=digest,
            former_secret_id=webhook.secret_id,
            former_until=now + FORMER_SECRET,
        )

    def enable(self, webhook: Webhook) -> None:
        """Calls it again, from what happens from now on."""
        self._change(webhook.id, disabled_at=None, disabled_reason=None, **_WELL)

    def disable(self, webhook_id: str, now: datetime, reason: str | None) -> bool:
        """Calls it no more, and gives up what waits; False when it was disabled already."""
        done = self._connection.execute(
            update(WebhookRow)
            .where(WebhookRow.id == webhook_id, WebhookRow.disabled_at.is_(None))
            .values(disabled_at=now, disabled_reason=reason)
        )
        self._connection.execute(
            update(WebhookDeliveryRow)
            .where(WebhookDeliveryRow.webhook_id == webhook_id, WAITING)
            .values(state=DeliveryState.FAILED, reply="the webhook was disabled")
        )
        return bool(done.rowcount)

    def remove(self, webhook: Webhook) -> None:
        """Removes a webhook with all its deliveries."""
        self._connection.execute(
            delete(WebhookDeliveryRow).where(WebhookDeliveryRow.webhook_id == webhook.id)
        )
        self._connection.execute(delete(WebhookRow).where(WebhookRow.id == webhook.id))

    def remove_made_by(self, account_id: str, maker: str) -> None:
        """Removes those of a company that somebody made (`Webhook.created_by`)."""
        for webhook in self._select(WebhookRow.account_id == account_id, WebhookRow.created_by == maker):
            self.remove(webhook)

    def has_due(self, now: datetime) -> bool:
        """Whether somebody has to be called; asked before `claim`, for reading waits for no writer."""
        return self._connection.scalar(select(WebhookRow.id).where(_due(now)).limit(1)) is not None

    def claim(self, *, by: str, now: datetime, lease: timedelta, limit: int) -> list[Webhook]:
        """Takes webhooks that have to be called, the longest untried first; nobody else gets them within `lease`.

        One caller at a time has a webhook, so its calls come one after the other, oldest first.
        """
        ids = list(
            self._connection.scalars(
                select(WebhookRow.id)
                .where(_due(now))
                .order_by(WebhookRow.tried_at.nulls_first(), WebhookRow.id)
                .limit(limit)
                .with_for_update(skip_locked=True)
            )
        )
        if not ids:
            return []
        self._connection.execute(
            update(WebhookRow)
            .where(WebhookRow.id.in_(ids))
            .values(claimed_by=by, claimed_until=now + lease, tried_at=now)
        )
        return self._select(WebhookRow.id.in_(ids))

    def let_go(self, webhook_id: str, *, by: str) -> None:
        """Ends a claim."""
        self._connection.execute(
            update(WebhookRow)
            .where(WebhookRow.id == webhook_id, WebhookRow.claimed_by == by)
            .values(claimed_by=None, claimed_until=None)
        )

    def went_well(self, webhook_id: str, at: datetime) -> int:
        """Notes that a call was taken; how many had failed in a row before."""
        failures = self._connection.scalar(select(WebhookRow.failures).where(WebhookRow.id == webhook_id))
        self._change(webhook_id, delivered_at=at, **_WELL)
        return failures or 0

    def went_wrong(self, webhook_id: str, at: datetime) -> Failing:
        """Notes one more failure in a row."""
        row = self._connection.execute(
            update(WebhookRow)
            .where(WebhookRow.id == webhook_id)
            .values(failures=WebhookRow.failures + 1)
            .returning(WebhookRow.failures, WebhookRow.failing_since)
        ).one_or_none()
        if row is None:  # removed meanwhile
            return Failing(failures=1, since=at)
        if row.failing_since is None:
            self._change(webhook_id, failing_since=at)
        return Failing(failures=row.failures, since=row.failing_since or at)

    def pause(self, webhook_id: str, until: datetime) -> None:
        """Calls it no more before then."""
        self._change(webhook_id, paused_until=until)

    def _change(self, webhook_id: str, **values: object) -> None:
        self._connection.execute(update(WebhookRow).where(WebhookRow.id == webhook_id).values(**values))

    def _select(self, *conditions: ColumnElement[bool]) -> list[Webhook]:
        query = select(WebhookRow.__table__).where(*conditions).order_by(WebhookRow.id)
        return [_record(row) for row in self._connection.execute(query)]


def is_due(now: datetime) -> ColumnElement[bool]:
    """A delivery whose time for a try has come."""
    return or_(WebhookDeliveryRow.not_before.is_(None), WebhookDeliveryRow.not_before <= now)


def _due(now: datetime) -> ColumnElement[bool]:
    waits = exists().where(WebhookDeliveryRow.webhook_id == WebhookRow.id, WAITING, is_due(now))
    return and_(
        WebhookRow.disabled_at.is_(None),
        or_(WebhookRow.paused_until.is_(None), WebhookRow.paused_until <= now),
        or_(WebhookRow.claimed_until.is_(None), WebhookRow.claimed_until <= now),
        waits,
    )


def _record(row: Row[Any]) -> Webhook:
    return Webhook(
        id=row.id,
        account_id=row.account_id,
        url=row.url,
        events=tuple(WebhookEvent(one) for one in row.events),
        secret_id=row.secret_id,
        secret_digest=row.secret_digest,
        created_at=row.created_at,
        created_by=row.created_by,
        former_secret_id=row.former_secret_id,
        former_until=row.former_until,
        disabled_at=row.disabled_at,
        disabled_reason=row.disabled_reason,
        failures=row.failures,
        failing_since=row.failing_since,
        paused_until=row.paused_until,
        delivered_at=row.delivered_at,
    )
