"""Takes mails from the outbox and sends them; of several senders none takes what another holds."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import tenacity
from jinja2 import TemplateError

from outbound import send_log
from outbound.composing import Sender, compose, routed
from outbound.contents import Gathering, NothingToSend
from outbound.letters import Letters
from outbound.patience import RATE_PAUSE, RATE_PERIOD, next_try
from outbound.smarthost import Conversation, NoSmarthost, Smarthost, Taken
from storage.errors import StorageUnavailable
from storage.outgoing.notice_events import notice_events
from storage.queue.claimants import new_claimant
from storage.records.history import HistoryEventName
from storage.records.outgoing import MailTemplate, OutboundMail
from storage.store import Store
from storage.transaction import Transaction
from tracing import steps

ACTOR = "outbound"
LEASE = timedelta(minutes=15)  # longer than AT_ONCE mails may take
AT_ONCE = 10  # mails of one connection
LONGEST_PAUSE_SECONDS = 10.0  # between two tries while the database is away
_NEVER_LATE = {MailTemplate.CODE}  # somebody waits for it before a screen


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """What the sender works with."""

    store: Store
    gathering: Gathering
    letters: Letters
    smarthost: Smarthost
    sender: Sender
    now: Callable[[], datetime]
    max_per_recipient: int  # an hour
    patience: timedelta
    idle_seconds: float = 1.0  # how often the outbox is looked at


class Sending:
    """One sender; runs in a thread of its own until it is told to stop."""

    def __init__(self, wiring: Wiring) -> None:
        self.name = new_claimant()
        self._wiring = wiring
        self._store = wiring.store
        self._stop = threading.Event()

    def stop(self) -> None:
        """Take no further mail; from any thread."""
        self._stop.set()

    def run(self) -> None:
        """Sends until stop() is called. A mail under way is finished."""
        while not self._stop.is_set():
            try:
                if not self._persistently(self.send_due):
                    self._stop.wait(self._wiring.idle_seconds)
            except StorageUnavailable:
                return  # we were told to stop meanwhile
            except Exception as error:  # what we did not think of must not end all sending
                send_log.sending_broke(None, error)
                self._stop.wait(LONGEST_PAUSE_SECONDS)

    def send_due(self) -> int:
        """Sends what is due now, one connection's worth; how many mails were taken up. Raises StorageUnavailable."""
        now = self._wiring.now()
        with self._store.reading() as records:
            if not records.outbox.has_due(now):
                return 0
        with self._store.transaction() as records:
            claimed = records.outbox.claim(by=self.name, now=now, lease=LEASE, limit=AT_ONCE)
            mails = [mail for mail in claimed if not self._waits(records, mail, now)]
        if mails:
            asyncio.run(self._send_all(mails))
        return len(claimed)

    def _waits(self, records: Transaction, mail: OutboundMail, now: datetime) -> bool:
        """Whether its recipient has had so many mails lately that this one waits."""
        if mail.template in _NEVER_LATE:
            return False
        if records.outbox.sent_since(mail.recipient, now - RATE_PERIOD) < self._wiring.max_per_recipient:
            return False
        records.outbox.postpone(mail.id, by=self.name, until=now + RATE_PAUSE, reply=None)
        return True

    async def _send_all(self, mails: Sequence[OutboundMail]) -> None:
        waiting = list(mails)
        try:
            async with self._wiring.smarthost.connected() as conversation:
                while waiting:
                    await self._send(conversation, waiting[0])
                    waiting.pop(0)
        except NoSmarthost as error:
            send_log.smarthost_away(error)
            for mail in waiting:
                self._put_off(mail, str(error))

    async def _send(self, conversation: Conversation, mail: OutboundMail) -> None:
        began = steps.clock()
        failed = await self._sent(conversation, mail)
        if steps.listened_to():
            steps.told(
                steps.Done(
                    step=steps.Step.SEND,
                    mail_id=mail.mail_id or mail.id,
                    began=began or steps.clock(),
                    ended=steps.clock(),
                    begins_trace=mail.mail_id is None and mail.attempts <= 1,
                    facts={"outgoing": mail.id, "template": mail.template, "attempts": mail.attempts},
                    failed=failed,
                )
            )

    async def _sent(self, conversation: Conversation, mail: OutboundMail) -> str | None:
        """None when the smarthost took it; else what became of it."""
        wiring, now = self._wiring, self._wiring.now()
        try:
            contents = wiring.gathering.contents(mail, now)
            letter = wiring.letters.write(mail.template, mail.language, contents.values)
            message = compose(mail, letter, contents.documents, wiring.sender, now)
        except NothingToSend as error:
            self._give_up(mail, str(error))
            return "nothing to send any more"
        except (TemplateError, ValueError, KeyError, TypeError) as error:
            send_log.sending_broke(mail, error)
            self._put_off(mail, f"the mail could not be written: {type(error).__name__}")
            return "could not be written"
        answer = await conversation.send(wiring.sender.address, routed(mail.recipient), message)
        if isinstance(answer, Taken):
            self._note_sent(mail, message["Message-ID"], answer.reply)
            return None
        if answer.permanent:
            self._give_up(mail, answer.reply)
            return "refused"
        self._put_off(mail, answer.reply)
        return "postponed"

    def _note_sent(self, mail: OutboundMail, message_id: str, reply: str) -> None:
        """Until this is committed the mail may go out once more, when our lease is over: with the same Message-ID."""
        now = self._wiring.now()

        def note() -> None:
            with self._store.transaction() as records:
                if records.outbox.sent(mail, by=self.name, at=now, message_id=message_id, reply=reply):
                    records.history.add(notice_events(HistoryEventName.NOTIFIED, mail, ACTOR, now))

        self._insistently(note)
        send_log.sent(mail)

    def _put_off(self, mail: OutboundMail, reply: str) -> None:
        now = self._wiring.now()
        again_at = next_try(mail.attempts, mail.created_at, now, self._wiring.patience)
        if again_at is None:
            self._give_up(mail, reply)
            return

        def note() -> None:
            with self._store.transaction() as records:
                records.outbox.postpone(mail.id, by=self.name, until=again_at, reply=reply)

        self._insistently(note)
        send_log.postponed(mail, reply)

    def _give_up(self, mail: OutboundMail, reply: str) -> None:
        now = self._wiring.now()

        def note() -> None:
            with self._store.transaction() as records:
                if records.outbox.fail(mail.id, by=self.name, reply=reply):
                    records.history.add(
                        notice_events(HistoryEventName.NOTICE_FAILED, mail, ACTOR, now, reply)
                    )

        self._insistently(note)
        send_log.not_sent(mail, reply)

    def _insistently(self, note: Callable[[], None]) -> None:
        """Tries to write what became of a mail for a while, also when we are told to stop."""
        tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(StorageUnavailable),
            wait=tenacity.wait_exponential_jitter(multiplier=0.1, max=2, jitter=0.1),
            stop=tenacity.stop_after_delay(30),
            reraise=True,
        )(note)

    def _persistently(self, call: Callable[[], int]) -> int:
        """Calls again and again while the database is away; gives up with StorageUnavailable once told to stop."""

        def note(state: tenacity.RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            if isinstance(error, Exception):
                send_log.outbox_unavailable(error, state.upcoming_sleep)

        return tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(StorageUnavailable),
            wait=tenacity.wait_exponential_jitter(multiplier=0.1, max=LONGEST_PAUSE_SECONDS, jitter=0.1),
            stop=tenacity.stop_when_event_set(self._stop),
            sleep=tenacity.sleep_using_event(self._stop),
            before_sleep=note,
            reraise=True,
        )(call)
