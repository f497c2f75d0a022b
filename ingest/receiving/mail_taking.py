"""Takes one mail in, from its first octet to the moment when it is durable."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.receiving.arriving import ArrivingMail, ContentLimits
from ingest.receiving.content import ChunkedContent
from ingest.receiving.replies import Reply
from ingest.receiving.spool import Spool
from ingest.receiving.trace import received_field
from ingest.receiving.transfer_key import TransferDigest
from storage.errors import StorageUnavailable
from storage.records.mails import Envelope, IncomingMail
from tracing import steps

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.receiving.session_terms import SessionWork
    from storage.records.mails import Receipt

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who hands the mail over, as the session knows it at the end of the content."""

    session: str  # its id in the log
    peer: str | None
    helo: str | None
    tls: bool
    user: str | None  # who has authenticated
    protocol: str  # as in our Received field
    hostname: str  # ours


class Pace:
    """Tells a peer that sends slowly from one that only keeps us waiting."""

    def __init__(self, clock: Callable[[], float], octets_per_second: int, patience_seconds: float) -> None:
        """The rate is asked for only after `patience_seconds`; `clock` gives seconds."""
        self._clock = clock
        self._rate = octets_per_second
        self._patience = patience_seconds
        self._began = clock()
        self._octets = 0

    def told(self, octets: int) -> bool:
        """So many more have come; whether that is fast enough on the whole."""
        self._octets += octets
        seconds = self._clock() - self._began
        return seconds <= self._patience or self._octets >= seconds * self._rate


class MailTaking:
    """One mail on its way in."""

    def __init__(
        self, limits: ContentLimits, work: SessionWork, *, reverse_path: str, forward_paths: tuple[str, ...]
    ) -> None:
        self._began = steps.clock()
        self._work = work
        self._reverse_path = reverse_path
        self._forward_paths = forward_paths
        self._arriving = ArrivingMail(limits, TransferDigest(reverse_path, forward_paths))
        self._spool = Spool(work.memory, work.spool_folder)
        self.chunked = ChunkedContent()  # of no use with DATA

    @classmethod
    def of_nobody(cls, limits: ContentLimits, work: SessionWork) -> MailTaking:
        """Takes octets that belong to no mail, and keeps none of them."""
        taking = cls(limits, work, reverse_path="", forward_paths=())
        taking._arriving.refuse(Reply.MAIL_FIRST)
        return taking

    @property
    def refusal(self) -> tuple[Reply, str] | None:
        """Why the mail cannot be taken, and the limit it breaks."""
        return self._arriving.refusal

    @property
    def endless(self) -> bool:
        """True when so much more than allowed came that reading on makes no sense."""
        return self._arriving.endless

    @property
    def size(self) -> int:
        """Octets of the mail that have come."""
        return self._arriving.size

    async def take(self, block: bytes) -> None:
        """Take octets of the mail in; a disk that does not take them is a refusal."""
        kept = self._arriving.add(block)
        if self._arriving.refusal is not None:
            self._drop()
        elif kept and not self._spool.add(kept):
            try:
                await self._spool.spill(kept)
            except OSError as error:
                self._work.log.not_spilled(error=error)
                full = error.errno in _FULL
                self._arriving.refuse(Reply.NO_SPACE if full else Reply.STORE_AWAY)
                self._drop()

    async def file(self, sender: Sender) -> tuple[Reply, dict[str, str]]:
        """Make the mail durable; the reply to it, with its words."""
        digest = self._arriving.transfer_digest()
        if self._arriving.refusal is not None:
            self._drop()
            reply, limit = self._arriving.refusal
            return reply, {"limit": limit}
        mail = self._incoming(sender, digest)
        whole = steps.clock()
        try:
            receipt = await self._work.accept(mail)
        except StorageUnavailable:
            return Reply.STORE_AWAY, {}
        self._work.log.accepted(
            session=sender.session,
            peer=sender.peer,
            mail_id=receipt.mail_id,
            size=mail.content.size,
            reverse_path=self._reverse_path,
            recipients=len(self._forward_paths),
            duplicate=receipt.duplicate,
        )
        if steps.listened_to():
            self._trace(sender, mail.content.size, receipt, whole)
        return Reply.FILED, {"mail_id": receipt.mail_id}

    def _trace(self, sender: Sender, size: int, receipt: Receipt, whole: int) -> None:
        ended = steps.clock()
        steps.told(
            steps.Done(
                step=steps.Step.RECEIVE,
                mail_id=receipt.mail_id,
                began=self._began or ended,
                ended=ended,
                begins_trace=not receipt.duplicate,
                facts={
                    "session": sender.session,
                    "size": size,
                    "duplicate": receipt.duplicate,
                    "commit_milliseconds": (ended - whole) // 1_000_000,
                },
            )
        )

    def _incoming(self, sender: Sender, digest: bytes) -> IncomingMail:
        envelope = Envelope(
            reverse_path=self._reverse_path,
            forward_paths=self._forward_paths,
            peer=sender.peer,
            helo=sender.helo,
            tls=sender.tls,
            received_at=self._work.now(),
        )
        mail_id = self._work.new_mail_id()
        remarks = {"user": sender.user} if sender.user else {}
        if self._arriving.normalised:
            remarks["bare_line_ends"] = "normalised"
        return IncomingMail(
            id=mail_id,
            envelope=envelope,
            trace=received_field(
                envelope, hostname=sender.hostname, mail_id=mail_id, protocol=sender.protocol
            ),
            content=self._spool,
            transfer_digest=digest,
            remarks=remarks,
        )

    def _drop(self) -> None:
        """Give memory and file back at once, whatever the rest of the mail brings."""
        self._spool = Spool(self._work.memory, self._work.spool_folder)
