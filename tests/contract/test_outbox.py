"""The outbox hands each mail to one sender at a time and keeps what became of it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from storage.errors import NotFound
from storage.records.outgoing import MailTemplate, OutboundState
from storage.store import Store
from tests import making

pytestmark = pytest.mark.also_pooled

LEASE = timedelta(minutes=1)


def test_a_mail_is_claimed_by_one_sender_until_its_lease_is_over(store: Store, now: datetime) -> None:
    """Two outbound processes do not send the same mail; one that died is followed by another."""
    mail = making.outbound()
    with store.transaction() as records:
        records.outbox.add([mail])

    with store.transaction() as records:
        [first] = records.outbox.claim(by="a", now=now, lease=LEASE, limit=10)
        assert records.outbox.claim(by="b", now=now, lease=LEASE, limit=10) == []
        assert not records.outbox.has_due(now)
    with store.transaction() as records:
        [second] = records.outbox.claim(by="b", now=now + LEASE, lease=LEASE, limit=10)
        assert not records.outbox.sent(mail, by="a", at=now, message_id="<1@host>", reply="250 ok")
        assert records.outbox.sent(mail, by="b", at=now + LEASE, message_id="<1@host>", reply="250 ok")
    assert (first.id, first.attempts, second.attempts) == (mail.id, 1, 2)


def test_what_only_the_text_needed_goes_once_the_mail_is_sent(store: Store, now: datetime) -> None:
    """A code or a sender's name does not lie about longer than it is needed."""
    mail = making.outbound()
    with store.transaction() as records:
        records.outbox.add([mail])
        records.outbox.claim(by="a", now=now, lease=LEASE, limit=10)
        records.outbox.sent(mail, by="a", at=now, message_id="<1@host>", reply="250 queued")

    with store.reading() as records:
        sent = records.outbox.get(mail.id)
        assert records.outbox.sent_since(mail.recipient, now - LEASE) == 1
        assert records.outbox.counts() == {OutboundState.SENT: 1}
    assert (sent.state, sent.context, sent.last_reply, sent.sent_at) == (
        OutboundState.SENT,
        {},
        "250 queued",
        now,
    )


def test_a_mail_that_was_put_off_comes_again_in_time(store: Store, now: datetime) -> None:
    """Where it was not even tried, no attempt counts."""
    mail = making.outbound()
    with store.transaction() as records:
        records.outbox.add([mail])
        records.outbox.claim(by="a", now=now, lease=LEASE, limit=10)
        records.outbox.postpone(mail.id, by="a", until=now + LEASE, reply="451 later")
        assert not records.outbox.has_due(now)
        records.outbox.claim(by="a", now=now + LEASE, lease=LEASE, limit=10)
        records.outbox.postpone(mail.id, by="a", until=now + 2 * LEASE, reply=None)

    with store.reading() as records:
        waiting = records.outbox.get(mail.id)
    assert (waiting.attempts, waiting.not_before, waiting.last_reply) == (1, now + 2 * LEASE, "451 later")


def test_a_mail_that_failed_waits_for_an_operator(store: Store, now: datetime) -> None:
    """It is not tried by itself, and can be tried again."""
    mail = making.outbound()
    with store.transaction() as records:
        records.outbox.add([mail])
        with pytest.raises(NotFound):
            records.outbox.retry(mail.id, now)
        records.outbox.claim(by="a", now=now, lease=LEASE, limit=10)
        records.outbox.fail(mail.id, by="a", reply="550 no such user")
        assert not records.outbox.has_due(now + timedelta(days=9))
        records.outbox.retry(mail.id, now)
        assert records.outbox.has_due(now)


def test_a_bounce_is_noted_on_the_mail_it_is_about(store: Store, now: datetime) -> None:
    """By its Message-ID; a strange one changes nothing."""
    mail = making.outbound(template=MailTemplate.INVOICE, invoice_id="i")
    with store.transaction() as records:
        records.outbox.add([mail])
        records.outbox.claim(by="a", now=now, lease=LEASE, limit=10)
        records.outbox.sent(mail, by="a", at=now, message_id="<1@host>", reply="250")

    with store.transaction() as records:
        assert records.outbox.bounced("<2@host>", "550 5.1.1") is None
        assert records.outbox.bounced("<1@host>", "550 5.1.1") is not None
        assert records.outbox.bounced("<1@host>", "550 5.1.1") is None
        [bounced] = records.outbox.of_invoice("i")
    assert (bounced.state, bounced.last_reply) == (OutboundState.BOUNCED, "550 5.1.1")


def test_held_mails_wait_until_they_are_released(store: Store, now: datetime) -> None:
    """And the hold itself is a note on the account or the partner."""
    mail = making.outbound(state=OutboundState.HELD)
    with store.transaction() as records:
        records.outbox.hold("partner", at=now, by="operator")
        records.outbox.hold("partner", at=now, by="operator")
        records.outbox.add([mail])
        assert records.outbox.held_subjects(["partner", "other"]) == {"partner"}
        assert not records.outbox.has_due(now)
        assert [one.id for one in records.outbox.select(OutboundState.HELD)] == [mail.id]
        assert records.outbox.release([mail.id], now) == 1
        assert records.outbox.has_due(now)
        records.outbox.end_hold("partner")
        assert records.outbox.held_subjects(["partner"]) == set()


def test_old_mails_go_and_waiting_ones_stay(store: Store, now: datetime) -> None:
    """Retention clears what is done."""
    done, waiting = making.outbound(), making.outbound()
    with store.transaction() as records:
        records.outbox.add([done])
        records.outbox.claim(by="a", now=now, lease=LEASE, limit=10)
        records.outbox.fail(done.id, by="a", reply="550")
        records.outbox.add([waiting])
        assert records.outbox.remove_ended(now) == 1
        assert [one.id for one in records.outbox.select()] == [waiting.id]
