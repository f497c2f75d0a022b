"""Reads and deletes the octets of mails on record, in the database or in the log beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import delete, select, update
from sqlalchemy.engine import Connection

from storage.engine import octet_log
from storage.errors import NotFound
from storage.octet_log import Extent, OctetLog
from storage.tables import MailExtentRow, MailOctetsRow, OctetSegmentRow


class StoredOctets:
    """The octets of all mails, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def pieces(self, mail_id: str) -> Iterator[bytes]:
        """Raises NotFound, OSError."""
        query = (
            select(MailOctetsRow.octets)
            .where(MailOctetsRow.mail_id == mail_id)
            .order_by(MailOctetsRow.position)
            .execution_options(yield_per=64)
        )
        found = False
        for chunk in self._connection.scalars(query):
            found = True
            yield chunk
        if not found:
            try:
                yield from self._log().pieces(self._extent(mail_id))
            except FileNotFoundError as error:
                raise NotFound(
                    f"the octets of the mail {mail_id} are lost: {error.filename} is missing"
                ) from error

    def delete(self, mail_ids: Sequence[str]) -> None:
        """What lies in the log stays on the disk until `freed` is erased, after this transaction."""
        self._connection.execute(delete(MailOctetsRow).where(MailOctetsRow.mail_id.in_(mail_ids)))
        self._connection.execute(
            update(MailExtentRow).where(MailExtentRow.mail_id.in_(mail_ids)).values(mail_id=None)
        )

    def freed(self) -> list[Extent]:
        """Places in the log that belong to no mail any more."""
        query = select(MailExtentRow).where(MailExtentRow.mail_id.is_(None))
        return [Extent(row.segment_id, row.position, row.size) for row in self._connection.execute(query)]

    def forget(self, extents: Sequence[Extent]) -> None:
        """Places that are erased are no longer known."""
        for extent in extents:
            self._connection.execute(
                delete(MailExtentRow).where(
                    MailExtentRow.segment_id == extent.segment, MailExtentRow.position == extent.position
                )
            )

    def remove_empty_segments(self) -> None:
        """Removes the segments that nothing lies in, but for those that are being written. Raises OSError."""
        query = select(OctetSegmentRow.id).where(OctetSegmentRow.id.not_in(select(MailExtentRow.segment_id)))
        for name in list(self._connection.scalars(query)):
            if self._log().remove(name):
                self._connection.execute(delete(OctetSegmentRow).where(OctetSegmentRow.id == name))

    def _extent(self, mail_id: str) -> Extent:
        row = self._connection.execute(
            select(MailExtentRow).where(MailExtentRow.mail_id == mail_id)
        ).one_or_none()
        if row is None:
            raise NotFound(f"there are no octets of a mail {mail_id}")
        return Extent(row.segment_id, row.position, row.size)

    def _log(self) -> OctetLog:
        log = octet_log(self._connection.engine)
        if log is None:
            raise NotFound("a server has no log of octets")
        return log
