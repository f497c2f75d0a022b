"""Group commit: batches form by themselves, and no mail takes another down."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from ingest.receiving.acceptance import Acceptance
from storage.errors import StorageUnavailable
from storage.records.mails import ContentInMemory, Envelope, IncomingMail, Receipt

if TYPE_CHECKING:
    from collections.abc import Sequence

ENVELOPE = Envelope(
    reverse_path="",
    forward_paths=("b@y.example",),
    peer=None,
    helo=None,
    tls=False,
    received_at=datetime(2026, 11, 24, tzinfo=UTC),
)


def mail(name: str, size: int = 1) -> IncomingMail:
    """A mail of that many octets."""
    return IncomingMail(
        id=name,
        envelope=ENVELOPE,
        trace=b"",
        content=ContentInMemory(b"x" * size),
        transfer_digest=name.encode(),
    )


@dataclass
class Commits:
    """A store that keeps batches; mails named poison or away harm it, the first batch waits for the gate."""

    batches: list[list[str]] = field(default_factory=list)
    threads: set[str] = field(default_factory=set)
    gate: threading.Event = field(default_factory=threading.Event)

    def commit(self, mails: Sequence[IncomingMail]) -> list[Receipt]:
        assert self.gate.wait(10)
        names = [each.id for each in mails]
        self.batches.append(names)
        self.threads.add(threading.current_thread().name)
        if any(name.startswith("poison") for name in names):
            raise RuntimeError("poison")
        if "away" in names:
            raise StorageUnavailable("away")
        return [Receipt(mail_id=name, duplicate=False) for name in names]


def outcomes(
    names: list[str], commits: Commits, max_batch_mails: int = 64
) -> list[str | type[BaseException]]:
    """What each caller got when the first mail is committed while all the others come in."""

    async def run() -> list[Receipt | BaseException]:
        acceptance = Acceptance(commits.commit, max_batch_mails=max_batch_mails)
        tasks = [asyncio.create_task(acceptance.accept(mail(name))) for name in names]
        while commits.batches == [] and not commits.gate.is_set():
            await asyncio.sleep(0.01)
            commits.gate.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        await acceptance.aclose()
        return results

    return [each.mail_id if isinstance(each, Receipt) else type(each) for each in asyncio.run(run())]


def test_mails_that_wait_share_a_batch() -> None:
    """Five mails at one moment are one transaction, in order, in one thread."""
    commits = Commits()

    got = outcomes(["1", "2", "3", "4", "5"], commits)

    assert got == ["1", "2", "3", "4", "5"]
    assert commits.batches == [["1", "2", "3", "4", "5"]]
    assert len(commits.threads) == 1


def test_batches_are_bounded_by_count() -> None:
    """No more than so many mails."""
    commits = Commits()

    outcomes(["1", "2", "3", "4", "5"], commits, max_batch_mails=2)

    assert commits.batches == [["1", "2"], ["3", "4"], ["5"]]


def test_batches_are_bounded_by_octets() -> None:
    """No more than so many octets, but always at least one mail."""
    commits = Commits()
    commits.gate.set()

    async def run() -> None:
        acceptance = Acceptance(commits.commit, max_batch_octets=10)
        sizes = {"1": 4, "2": 6, "3": 1, "4": 50, "5": 1}
        await asyncio.gather(*(acceptance.accept(mail(name, size)) for name, size in sizes.items()))
        await acceptance.aclose()

    asyncio.run(run())

    assert commits.batches == [["1", "2"], ["3"], ["4"], ["5"]]


def test_a_poisonous_mail_harms_only_itself() -> None:
    """A batch that breaks is tried again mail by mail; each caller gets what its own mail got."""
    commits = Commits()

    got = outcomes(["1", "poison", "3"], commits)

    assert ["1", RuntimeError, "3"] == got
    assert commits.batches == [["1", "poison", "3"], ["1"], ["poison"], ["3"]]


def test_a_store_that_is_away_is_not_asked_again() -> None:
    """StorageUnavailable goes to everybody in the batch, at once."""
    commits = Commits()

    got = outcomes(["1", "away", "3"], commits)

    assert [StorageUnavailable] * 3 == got
    assert len(commits.batches) == 1


def test_too_few_receipts_are_no_yes() -> None:
    """A store that answers for fewer mails than it was given has said yes to none."""

    async def run() -> None:
        acceptance = Acceptance(lambda _: [])
        with pytest.raises(RuntimeError, match="1 mails committed, 0 receipts"):
            await acceptance.accept(mail("1"))
        await acceptance.aclose()

    asyncio.run(run())


def test_workers_are_woken_after_each_commit() -> None:
    """Once a batch, never for one that failed."""
    commits = Commits()
    commits.gate.set()
    woken: list[int] = []

    async def run() -> None:
        acceptance = Acceptance(commits.commit, on_committed=lambda: woken.append(len(commits.batches)))
        await acceptance.accept(mail("1"))
        with pytest.raises(StorageUnavailable):
            await acceptance.accept(mail("away"))
        await asyncio.gather(acceptance.accept(mail("2")), acceptance.accept(mail("3")))
        await asyncio.sleep(0)
        await acceptance.aclose()

    asyncio.run(run())

    assert woken == [1, 3]


def test_a_failing_callback_takes_no_receipt_away() -> None:
    """Whoever waits is told yes, whatever happens to the workers' bell."""
    commits = Commits()
    commits.gate.set()
    seen: list[str] = []

    def broken() -> None:
        raise RuntimeError("bell")

    async def run() -> Receipt:
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: seen.append(str(context["exception"]))
        )
        acceptance = Acceptance(commits.commit, on_committed=broken)
        receipt = await acceptance.accept(mail("1"))
        await acceptance.aclose()
        return receipt

    assert asyncio.run(run()) == Receipt(mail_id="1", duplicate=False)
    assert seen == ["bell"]


def test_a_caller_that_leaves_does_not_stop_the_commit() -> None:
    """The batch under way is committed; the mail behind it, whose caller left too, is taken back."""
    commits = Commits()

    async def run() -> None:
        acceptance = Acceptance(commits.commit)
        first = asyncio.create_task(acceptance.accept(mail("1")))
        await asyncio.sleep(0.02)
        second = asyncio.create_task(acceptance.accept(mail("2")))
        third = asyncio.create_task(acceptance.accept(mail("3")))
        await asyncio.sleep(0)
        first.cancel()
        second.cancel()
        await asyncio.gather(first, second, return_exceptions=True)
        commits.gate.set()
        await third
        await acceptance.aclose()

    asyncio.run(run())

    assert commits.batches == [["1"], ["3"]]


def test_closing_finishes_what_waits_and_takes_no_more() -> None:
    """Nobody who was let in is left without an answer."""
    commits = Commits()

    async def run() -> list[Receipt]:
        acceptance = Acceptance(commits.commit, max_batch_mails=1)
        tasks = [asyncio.create_task(acceptance.accept(mail(name))) for name in "123"]
        await asyncio.sleep(0)
        closing = asyncio.create_task(acceptance.aclose())
        await asyncio.sleep(0)
        with pytest.raises(StorageUnavailable):
            await acceptance.accept(mail("late"))
        commits.gate.set()
        await closing
        return await asyncio.gather(*tasks)

    assert [receipt.mail_id for receipt in asyncio.run(run())] == ["1", "2", "3"]


def batches_of(names: str, expected: int) -> list[list[str]]:
    """What is committed together when those mails come in one after the other, and so many are expected."""
    commits = Commits()
    commits.gate.set()

    async def run() -> None:
        acceptance = Acceptance(commits.commit, expected=lambda: expected)
        tasks = []
        for name in names:
            tasks.append(asyncio.create_task(acceptance.accept(mail(name))))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        await asyncio.gather(*tasks)
        await acceptance.aclose()

    asyncio.run(run())
    return commits.batches


def test_mails_that_are_on_their_way_share_the_commit() -> None:
    """It waits for all of them, and no longer."""
    assert batches_of("123", expected=3) == [["1", "2", "3"]]


def test_a_mail_that_comes_alone_waits_for_nobody() -> None:
    """Where no other is expected, its commit begins at once."""
    assert batches_of("12", expected=1)[0] == ["1"]


def test_a_mail_that_does_not_come_is_not_waited_for_long() -> None:
    """A peer that stops in the middle of its mail holds the others up for some milliseconds at most."""
    assert batches_of("12", expected=9) == [["1", "2"]]


def test_closing_waits_for_nobody() -> None:
    """Whoever is told to end commits what it has."""
    commits = Commits()
    commits.gate.set()

    async def run() -> None:
        acceptance = Acceptance(commits.commit, expected=lambda: 9, max_batch_mails=1)
        tasks = [asyncio.create_task(acceptance.accept(mail(name))) for name in "12"]
        await asyncio.sleep(0)
        await acceptance.aclose()
        await asyncio.gather(*tasks)

    asyncio.run(run())

    assert commits.batches == [["1"], ["2"]]
