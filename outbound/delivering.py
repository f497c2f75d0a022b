"""Calls the programs of companies when something happens to their invoices; of several callers each has its own."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import tenacity

from outbound import send_log
from outbound.call_patience import BACK_AFTER, is_hopeless, next_call, pause
from outbound.calling import Answer, Calls, calls
from outbound.signatures import signed_fields
from storage.errors import NotFound, StorageUnavailable
from storage.ids import new_id
from storage.outgoing.webhook_addresses import Network
from storage.outgoing.webhook_secrets import WebhookSecrets
from storage.queue.claimants import new_claimant
from storage.records.invoices import Invoice
from storage.records.outgoing import MailTemplate, OutboundMail
from storage.records.people import Role
from storage.records.webhooks import Webhook, WebhookDelivery
from storage.store import Store
from storage.transaction import Transaction
from tracing import steps

LEASE = timedelta(minutes=5)  # longer than a round of one webhook may take
AT_ONCE = 20  # webhooks
ROUND = 20  # calls of one webhook, before others have their turn
ROUND_SECONDS = 30.0  # the same, for slow ones
LONGEST_PAUSE_SECONDS = 10.0  # between two tries while the database is away
GONE = "the invoice is not there any more"
OTHER_KEY = "its secret was made under another key; make a new one"

InvoiceForms = Callable[[Transaction, Sequence[Invoice]], list[dict[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallWiring:
    """What the caller works with."""

    store: Store
    secrets: WebhookSecrets
    forms: InvoiceForms
    allowed: tuple[Network, ...]
    tls: Callable[[], ssl.SSLContext]
    now: Callable[[], datetime]
    idle_seconds: float = 1.0  # how often it is looked whether there is something to tell


class Delivering:
    """One caller; runs in a thread of its own until it is told to stop."""

    def __init__(self, wiring: CallWiring) -> None:
        self.name = new_claimant()
        self._wiring = wiring
        self._store = wiring.store
        self._stop = threading.Event()

    def stop(self) -> None:
        """Begin no further call; from any thread."""
        self._stop.set()

    def run(self) -> None:
        """Calls until stop() is called. Calls under way are finished."""
        while not self._stop.is_set():
            try:
                asyncio.run(self._serve())
            except StorageUnavailable as error:
                send_log.outbox_unavailable(error, LONGEST_PAUSE_SECONDS)
            except Exception as error:  # what we did not think of must not end all calling
                send_log.calling_broke(None, error)
            self._stop.wait(LONGEST_PAUSE_SECONDS)

    def deliver_due(self) -> int:
        """One round of what is due now; how many webhooks had something. Raises StorageUnavailable."""

        async def once() -> int:
            async with calls(self._wiring.allowed, self._wiring.tls()) as opened:
                taken = self._claim(AT_ONCE)
                await asyncio.gather(*(self._round(opened, webhook) for webhook in taken))
                return len(taken)

        return asyncio.run(once())

    async def _serve(self) -> None:
        """A slow program holds up nobody: each webhook has a task of its own."""
        running: set[asyncio.Task[None]] = set()
        async with calls(self._wiring.allowed, self._wiring.tls()) as opened:
            try:
                while not self._stop.is_set():
                    free = AT_ONCE - len(running)
                    taken = await asyncio.to_thread(self._claim, free) if free else []
                    running |= {asyncio.create_task(self._round(opened, webhook)) for webhook in taken}
                    if not running:
                        await asyncio.to_thread(self._stop.wait, self._wiring.idle_seconds)
                        continue
                    done, running = await asyncio.wait(
                        running, timeout=self._wiring.idle_seconds, return_when=asyncio.FIRST_COMPLETED
                    )
                    for task in done:
                        task.result()
            finally:
                await asyncio.gather(*running, return_exceptions=True)

    def _claim(self, limit: int) -> list[Webhook]:
        now = self._wiring.now()
        with self._store.reading() as records:
            if not records.webhooks.has_due(now):
                return []
        with self._store.transaction() as records:
            return records.webhooks.claim(by=self.name, now=now, lease=LEASE, limit=limit)

    async def _round(self, opened: Calls, webhook: Webhook) -> None:
        """Tells one webhook what it has not been told, oldest first, until one call fails."""
        began = self._wiring.now()
        try:
            for delivery in await asyncio.to_thread(self._due, webhook):
                late = self._wiring.now() - began >= timedelta(seconds=ROUND_SECONDS)
                if self._stop.is_set() or late or not await self._deliver(opened, webhook, delivery):
                    return
        finally:
            await asyncio.to_thread(self._let_go, webhook)

    def _due(self, webhook: Webhook) -> list[WebhookDelivery]:
        with self._store.reading() as records:
            return records.webhook_deliveries.due(webhook.id, self._wiring.now(), ROUND)

    async def _deliver(self, opened: Calls, webhook: Webhook, delivery: WebhookDelivery) -> bool:
        """One call; whether the next one may follow at once."""
        began = steps.clock()
        try:
            mail_id, body = await asyncio.to_thread(self._body, delivery)
        except NotFound:
            await asyncio.to_thread(self._give_up, delivery)
            return True
        now = self._wiring.now()
        known = self._wiring.secrets.current(webhook, now)
        if known:
            answer = await opened.post(webhook.url, signed_fields(delivery.id, now, body, known), body)
        else:
            answer = Answer(status=None, said=OTHER_KEY)
        await asyncio.to_thread(self._note, webhook, delivery, answer)
        _tell(delivery, mail_id, began, answer)
        return answer.taken

    def _body(self, delivery: WebhookDelivery) -> tuple[str | None, bytes]:
        """The mail that it comes of, and what is said. Raises NotFound when there is nothing left to say."""
        told: dict[str, Any] = {}
        mail_id = None
        if delivery.invoice_id is not None:
            with self._store.reading() as records:
                invoice = records.inbox(delivery.account_id).invoice(delivery.invoice_id)
                [told["invoice"]] = self._wiring.forms(records, [invoice])
                mail_id = invoice.mail_id
        at = delivery.created_at.isoformat().replace("+00:00", "Z")
        said = {"type": delivery.event, "timestamp": at, "data": told}
        return mail_id, json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()

    def _note(self, webhook: Webhook, delivery: WebhookDelivery, answer: Answer) -> None:
        """Until this is committed the call may be made once more, when our lease is over: with the same id."""
        now = self._wiring.now()

        def note() -> None:
            with self._store.transaction() as records:
                if answer.taken:
                    _note_taken(records, webhook, delivery, answer, now)
                else:
                    _note_failed(records, webhook, delivery, answer, now)

        self._insistently(note)
        tell = send_log.called if answer.taken else send_log.call_failed
        tell(delivery.id, webhook.id, delivery.event, answer.said)

    def _give_up(self, delivery: WebhookDelivery) -> None:
        now = self._wiring.now()

        def note() -> None:
            with self._store.transaction() as records:
                records.webhook_deliveries.fail(delivery.id, at=now, status=None, reply=GONE)

        self._insistently(note)

    def _let_go(self, webhook: Webhook) -> None:
        def note() -> None:
            with self._store.transaction() as records:
                records.webhooks.let_go(webhook.id, by=self.name)

        self._insistently(note)

    def _insistently(self, note: Callable[[], None]) -> None:
        """Tries to write what became of a call for a while, also when we are told to stop."""
        tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(StorageUnavailable),
            wait=tenacity.wait_exponential_jitter(multiplier=0.1, max=2, jitter=0.1),
            stop=tenacity.stop_after_delay(30),
            reraise=True,
        )(note)


def _tell(delivery: WebhookDelivery, mail_id: str | None, began: int, answer: Answer) -> None:
    """How long the call took, once it is written what became of it."""
    if not steps.listened_to():
        return
    facts: dict[str, steps.Fact] = {
        "webhook": delivery.webhook_id,
        "delivery": delivery.id,
        "event": str(delivery.event),
        "attempts": delivery.attempts + 1,
    }
    if answer.status is not None:
        facts["status"] = answer.status
    steps.told(
        steps.Done(
            step=steps.Step.CALL,
            mail_id=mail_id or delivery.id,
            began=began or steps.clock(),
            ended=steps.clock(),
            begins_trace=mail_id is None and delivery.attempts == 0,
            facts=facts,
            failed=None if answer.taken else "not taken",
        )
    )


def _note_taken(
    records: Transaction, webhook: Webhook, delivery: WebhookDelivery, answer: Answer, now: datetime
) -> None:
    records.webhook_deliveries.delivered(delivery.id, at=now, status=answer.status or 0, reply=answer.said)
    if records.webhooks.went_well(webhook.id, now) >= BACK_AFTER:
        records.webhook_deliveries.hurry(webhook.id, now)


def _note_failed(
    records: Transaction, webhook: Webhook, delivery: WebhookDelivery, answer: Answer, now: datetime
) -> None:
    again_at = next_call(delivery.attempts + 1, now, answer.wait_seconds)
    if again_at is None:
        records.webhook_deliveries.fail(delivery.id, at=now, status=answer.status, reply=answer.said)
    else:
        records.webhook_deliveries.postpone(
            delivery.id, at=now, until=again_at, status=answer.status, reply=answer.said
        )
    failing = records.webhooks.went_wrong(webhook.id, now)
    records.webhooks.pause(webhook.id, pause(failing.failures, now, answer.wait_seconds))
    hopeless = answer.unwanted or is_hopeless(failing.failures, failing.since, now)
    if hopeless and records.webhooks.disable(webhook.id, now, answer.said):
        records.outbox.add(_told(records, webhook, answer.said, now))
        send_log.webhook_disabled(webhook.id, answer.said)


def _told(records: Transaction, webhook: Webhook, reason: str, now: datetime) -> list[OutboundMail]:
    """A mail for each administrator of the company."""
    members = records.memberships.active([webhook.account_id])
    users = records.users.by_ids(one.user_id for one in members if one.role is Role.ADMINISTRATOR)
    return [
        OutboundMail(
            id=new_id(),
            template=MailTemplate.WEBHOOK_DISABLED,
            language=user.language,
            recipient=user.email,
            context={"address": webhook.url.partition("?")[0], "reason": reason},
            created_at=now,
            account_id=webhook.account_id,
        )
        for user in users.values()
        if user.confirmed_at is not None
    ]
