"""The queue of received mails keeps its promises on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from storage.errors import NotFound
from storage.records.filing import Filing
from storage.records.history import HistoryEventName
from storage.records.invoices import InvoiceState
from storage.records.mails import MailState, Outcome
from storage.store import Store
from tests import making

pytestmark = pytest.mark.also_pooled

LEASE = timedelta(seconds=30)


def _claim(store: Store, now: datetime, by: str = "a") -> list[str]:
    with store.transaction() as records:
        return records.mails.claim(by=by, now=now, lease=LEASE, limit=10)


def _filing(mail_id: str, now: datetime, **changes: object) -> Filing:
    filing = Filing(
        mail_id=mail_id,
        outcome=Outcome.RECORDED,
        reason=None,
        message=making.message(),
        received_at=now,
        expires_at=now + timedelta(days=90),
    )
    return replace(filing, **changes)  # type: ignore[arg-type]  # any field of a Filing


def test_a_mail_is_kept_octet_for_octet(store: Store) -> None:
    """Whatever octets came after DATA come out again."""
    mail = making.incoming(bytes(range(256)) * 1000)

    [receipt] = store.add_mails([mail])

    with store.reading() as records:
        kept = records.mails.get(mail.id)
        assert records.mails.octets(mail.id) == mail.octets
        assert records.mails.trace(mail.id) == mail.trace
    assert (receipt.mail_id, receipt.duplicate) == (mail.id, False)
    assert (kept.state, kept.envelope, kept.size) == (MailState.RECEIVED, mail.envelope, len(mail.octets))


@pytest.mark.parametrize(
    "sizes",
    [
        pytest.param((700_000, 0, 128_000, 128_001, 1, 8_000), id="large"),
        pytest.param((1, 0, 7_999, 8_000, 8_001, 24_000, 2), id="small"),
    ],
)
def test_mails_that_share_a_commit_are_kept_octet_for_octet(store: Store, sizes: tuple[int, ...]) -> None:
    """PostgreSQL takes large ones in pieces of 8,000 octets, sixteen of which go over together: also at just that
    many, at one octet more, and at none. Of small ones it takes all octets in one piece, and cuts each mail's out.
    """
    mails = [making.incoming(os.urandom(size)) for size in sizes]

    receipts = store.add_mails(mails)

    with store.reading() as records:
        kept = [records.mails.octets(mail.id) for mail in mails]
    assert [receipt.duplicate for receipt in receipts] == [False] * len(mails)
    assert kept == [mail.octets for mail in mails]


def test_whatever_stands_in_an_envelope_is_kept(store: Store) -> None:
    """PostgreSQL gets mails as JSON: quotes, backslashes and letters of all kinds come out as they went in; what it
    cannot keep at all, a NUL and half of a pair of surrogates, is replaced.
    """
    odd = making.envelope(
        reverse_path='"a\\"\\\\b"@b\u00fccher.example',
        forward_paths=("\\x00@c.example", "\U0001f9fe@d.example", "\u2028@e.example"),
        helo="a\0b\ud800\t%s{}",
    )

    store.add_mails([making.incoming(envelope=odd, remarks={"user": "\u00e9\n"})])

    with store.reading() as records:
        [kept] = records.mails.select()
        [event] = records.history.of_mail(kept.id)
    assert (kept.envelope.reverse_path, kept.envelope.forward_paths) == (odd.reverse_path, odd.forward_paths)
    assert kept.envelope.helo == "a\ufffdb?\t%s{}"
    assert event.detail["user"] == "\u00e9\n"


def test_an_equal_transfer_is_stored_once(store: Store) -> None:
    """Within one batch and between two, the answer is the first one's id, and the history tells it."""
    first, again, later, other = (making.incoming(octets) for octets in (b"m", b"m", b"m", b"other"))

    receipts = store.add_mails([first, again, other])
    receipts += store.add_mails([later])

    with store.reading() as records:
        events = [event.event for event in records.history.of_mail(first.id)]
        assert len(records.mails.select()) == 2
    assert [(receipt.mail_id, receipt.duplicate) for receipt in receipts] == [
        (first.id, False),
        (first.id, True),
        (other.id, False),
        (first.id, True),
    ]
    again_twice = [HistoryEventName.RECEIVED_AGAIN] * 2
    assert events == [HistoryEventName.RECEIVED, *again_twice]


def test_a_claimed_mail_is_nobody_elses_until_its_lease_ends(store: Store, now: datetime) -> None:
    """A worker that dies loses its mails after the lease, and not before."""
    mail = making.incoming()
    store.add_mails([mail])

    assert _claim(store, now, "a") == [mail.id]
    assert _claim(store, now + LEASE / 2, "b") == []
    assert _claim(store, now + LEASE, "b") == [mail.id]
    with store.transaction() as records:
        assert not records.mails.file(_filing(mail.id, now), by="a")
        assert records.mails.file(_filing(mail.id, now), by="b")


def test_a_renewed_lease_holds_and_a_released_mail_is_free(store: Store, now: datetime) -> None:
    """A living worker keeps its mails; one that leaves gives them back at once."""
    mail = making.incoming()
    store.add_mails([mail])
    _claim(store, now, "a")

    with store.transaction() as records:
        records.mails.renew([mail.id], by="a", until=now + 3 * LEASE)
    kept = _claim(store, now + 2 * LEASE, "b")
    with store.transaction() as records:
        holders = records.mails.claimants()
        released = records.mails.release(by="a")

    assert (kept, holders, released) == ([], ["a"], 1)
    assert _claim(store, now, "b") == [mail.id]


def test_a_filing_is_written_whole(store: Store, now: datetime) -> None:
    """Account, link, invoice, history and the mail's state stand together afterwards."""
    mail = making.incoming()
    company = making.account()
    link = making.link(company.id)
    invoice = making.invoice(mail_id=mail.id, account_id=company.id)
    store.add_mails([mail])
    _claim(store, now)

    with store.transaction() as records:
        filed = records.mails.file(
            _filing(mail.id, now, new_accounts=(company,), new_links=(link,), invoices=(invoice,)), by="a"
        )

    with store.reading() as records:
        kept = records.mails.get(mail.id)
        assert records.accounts.get(company.id) == company
        assert records.links.get(link.id) == link
        assert records.invoices.get(invoice.id) == invoice
    assert filed
    assert (kept.state, kept.outcome, kept.message) == (
        MailState.FILED,
        Outcome.RECORDED,
        making.message(),
    )


def test_a_filing_that_fails_leaves_nothing(store: Store, now: datetime) -> None:
    """When the last record cannot be written, none is, and the mail is still claimed."""
    mail = making.incoming()
    company = making.account()
    orphan = making.invoice(mail_id=mail.id, account_id="no such account")
    store.add_mails([mail])
    _claim(store, now)

    with pytest.raises(Exception, match=r"(?i)foreign key"), store.transaction() as records:
        records.mails.file(_filing(mail.id, now, new_accounts=(company,), invoices=(orphan,)), by="a")

    with store.reading() as records:
        assert records.accounts.all() == []
        assert records.mails.get(mail.id).state is MailState.CLAIMED


def test_a_failed_mail_waits_before_the_next_try(store: Store, now: datetime) -> None:
    """Failures are counted, and the mail is due again only later."""
    mail = making.incoming()
    store.add_mails([mail])
    _claim(store, now)

    with store.transaction() as records:
        failures = records.mails.failed(mail.id, by="a", reason="died", not_before=now + LEASE)

    assert failures == 1
    assert _claim(store, now + LEASE / 2) == []
    assert _claim(store, now + LEASE) == [mail.id]


def test_a_mail_leaves_quarantine_by_retry_or_discard_only(store: Store, now: datetime) -> None:
    """A mail that is not in quarantine cannot be taken out of it."""
    mail = making.incoming()
    store.add_mails([mail])
    with store.transaction() as records, pytest.raises(NotFound, match="in quarantine"):
        records.mails.requeue(mail.id)
    _claim(store, now)
    with store.transaction() as records:
        records.mails.file(_filing(mail.id, now, outcome=Outcome.QUARANTINED, reason="why"), by="a")

    with store.transaction() as records:
        records.mails.requeue(mail.id)
    assert _claim(store, now) == [mail.id]
    with store.transaction() as records:
        records.mails.file(_filing(mail.id, now, outcome=Outcome.QUARANTINED, reason="why"), by="a")
        records.mails.discard(mail.id, reason="spam")

    with store.reading() as records:
        kept = records.mails.get(mail.id)
    assert (kept.state, kept.outcome, kept.reason) == (MailState.FILED, Outcome.NO_INVOICE, "spam")


def test_the_same_invoice_in_another_mail_is_marked(store: Store) -> None:
    """Marked, never dropped, and only within one account."""
    company, stranger = making.account(), making.account(addresses=("x@stranger.example",))
    mails = [making.incoming(str(number).encode()) for number in range(3)]
    invoices = [
        making.invoice(mail_id=mail.id, account_id=owner.id)
        for mail, owner in zip(mails, (company, company, stranger), strict=True)
    ]

    store.add_mails(mails)
    with store.transaction() as records:
        records.accounts.add(company)
        records.accounts.add(stranger)
        for invoice in invoices:
            records.invoices.add([invoice])

    with store.reading() as records:
        kept = [records.invoices.get(invoice.id) for invoice in invoices]
    assert [invoice.duplicate_of for invoice in kept] == [None, invoices[0].id, None]
    assert {invoice.state for invoice in kept} == {InvoiceState.AVAILABLE}


def test_a_look_into_the_queue_tells_what_waits_and_whether_anybody_is_at_work(store: Store) -> None:
    """By that a worker decides whether to take few mails; what a dead worker held counts as waiting again."""
    now, mails = making.NOW, [making.incoming(b"%d" % number) for number in range(3)]
    store.add_mails(mails)
    ids = sorted(mail.id for mail in mails)

    with store.transaction() as records:
        before = records.mails.waiting(now, 10)
        records.mails.claim(by="a", now=now, lease=LEASE, limit=2)
        during = records.mails.waiting(now, 10)
        counted = records.mails.waiting(now + LEASE, 2)
        after = records.mails.waiting(now + LEASE, 10)

    assert (before.due, before.oldest, before.at_work) == (3, ids[0], False)
    assert (during.due, during.oldest, during.at_work) == (1, ids[2], True)
    assert (counted.due, counted.oldest) == (2, ids[0])
    assert (after.due, after.oldest, after.at_work) == (3, ids[0], False)
    assert before.since is not None
