"""What stands beside invoices has an end, too: mails that we sent, sessions, codes, counted attempts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from retention.worker import run
from storage.errors import NotFound
from storage.expiring.expiry import RetentionPeriods
from storage.records.outgoing import OutboundState
from storage.store import Store
from tests import making

DAY = timedelta(days=1)
PERIODS = RetentionPeriods(productive_days=90, test_days=30, tombstone_days=365)


def test_what_has_ended_goes_and_what_waits_stays(store: Store) -> None:
    """Nobody removed any of it once; the addresses of recipients would have stayed for ever."""
    now = datetime.now(UTC)
    sent, waiting, young = (
        making.outbound(created_at=now - days * DAY, not_before=None) for days in (366, 366, 364)
    )
    user = making.user()
    with store.transaction() as records:
        records.outbox.add([sent])
        [claimed] = records.outbox.claim(by="a", now=now, lease=DAY, limit=1)
        assert records.outbox.sent(claimed, by="a", at=now, message_id="<1@host>", reply="250")
        records.outbox.add([waiting, young])
        records.users.add(user)
        ended = records.sessions.begin(user.id, now - 400 * DAY)
        live = records.sessions.begin(user.id, now)

    run(store, PERIODS, now)

    with store.reading() as records:
        assert records.outbox.counts() == {OutboundState.QUEUED: 2}
        with pytest.raises(NotFound):
            records.outbox.get(sent.id)
        assert records.sessions.live(live, now) is not None
        assert records.sessions.live(ended, now - 400 * DAY) is None
