"""Makes mails durable in groups: what waits at the same moment shares one transaction (group commit)."""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from storage.errors import StorageUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from storage.records.mails import IncomingMail, Receipt

    Commit = Callable[[Sequence[IncomingMail]], Sequence[Receipt]]
    Waiting = tuple[IncomingMail, asyncio.Future[Receipt]]


_GATHER_SECONDS = 0.003  # at most, for mails that are on their way to share the next commit


class Acceptance:
    """The one way from the sessions into the store.

    `commit` runs in one worker thread, one batch at a time; it returns a receipt for each mail in order, and
    either all of them are durable then or it raises. While it works, the next batch forms by itself. Where more
    mails are on their way in, a commit waits for them, but only for a moment: what it costs by itself is then shared
    by more (PostgreSQL's commit_delay does the same). A mail that comes alone waits for nobody.
    """

    def __init__(
        self,
        commit: Commit,
        *,
        on_committed: Callable[[], None] | None = None,
        expected: Callable[[], int] = int,
        max_batch_mails: int = 64,
        max_batch_octets: int = 64 * 1024 * 1024,
    ) -> None:
        """`expected` says how many mails are on their way in, those that wait here among them."""
        self._commit = commit
        self._expected = expected
        self._on_committed = on_committed
        self._max_batch_mails = max_batch_mails
        self._max_batch_octets = max_batch_octets
        self._waiting: deque[Waiting] = deque()
        self._running: asyncio.Task[None] | None = None
        self._gathered: asyncio.Future[None] | None = None  # there while a commit waits for more mails
        self._closed = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="acceptance")

    async def accept(self, mail: IncomingMail) -> Receipt:
        """Wait until the mail is durable.

        Raises StorageUnavailable when the store cannot take it now, and whatever else the commit raised for
        this very mail. A caller that is cancelled while its mail still waits takes it back; a commit under
        way goes on.
        """
        if self._closed:
            raise StorageUnavailable("closing")
        future: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self._waiting.append((mail, future))
        if self._gathered is not None and self._all_are_here():
            _wake(self._gathered)
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await future

    async def aclose(self) -> None:
        """Finish what waits, take nothing more, end the thread."""
        self._closed = True
        if self._running is not None:
            await self._running
        self._thread.shutdown(wait=True)

    async def _run(self) -> None:
        try:
            await self._gather()
            while batch := self._next_batch():
                await self._commit_batch(batch)
                del batch  # not to hold its octets until the next one has formed
                await self._gather()
        finally:
            self._running = None

    async def _gather(self) -> None:
        if self._closed or self._all_are_here():
            return
        loop = asyncio.get_running_loop()
        gathered = self._gathered = loop.create_future()
        timer = loop.call_later(_GATHER_SECONDS, _wake, gathered)
        try:
            await gathered
        finally:
            timer.cancel()
            self._gathered = None

    def _all_are_here(self) -> bool:
        return len(self._waiting) >= self._expected()

    def _next_batch(self) -> list[Waiting]:
        """Whose caller is gone is left out: it was never told yes, so the sender still has the mail."""
        batch: list[Waiting] = []
        octets = 0
        while self._waiting and len(batch) < self._max_batch_mails:
            mail, future = self._waiting[0]
            if not future.done():
                if batch and octets + mail.content.size > self._max_batch_octets:
                    break
                batch.append((mail, future))
                octets += mail.content.size
            self._waiting.popleft()
        return batch

    async def _commit_batch(self, batch: list[Waiting]) -> None:
        try:
            receipts = await self._commit_in_thread([mail for mail, _ in batch])
        except StorageUnavailable as error:
            for _, future in batch:
                _fail(future, error)
        except Exception as error:  # each waiter gets it; none may wait for ever
            if len(batch) == 1:
                _fail(batch[0][1], error)
            else:
                # One mail may poison the whole transaction; alone, it harms only itself.
                for waiting in batch:
                    await self._commit_batch([waiting])
        else:
            for (_, future), receipt in zip(batch, receipts, strict=True):
                if not future.done():
                    future.set_result(receipt)
            if self._on_committed is not None:
                # Not called from here: its failure is not one of the commit.
                asyncio.get_running_loop().call_soon(self._on_committed)

    async def _commit_in_thread(self, mails: list[IncomingMail]) -> Sequence[Receipt]:
        loop = asyncio.get_running_loop()
        receipts = await loop.run_in_executor(self._thread, self._commit, mails)
        if len(receipts) != len(mails):
            raise RuntimeError(f"{len(mails)} mails committed, {len(receipts)} receipts given")
        return receipts


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _fail(future: asyncio.Future[Receipt], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
        future.exception()  # marks it as seen: the waiter may be cancelled before it looks
