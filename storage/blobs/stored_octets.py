"""Reads, moves and deletes the octets of mails on record: in the database, in the log beside it, or elsewhere."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import CompoundSelect, Row, delete, exists, insert, select, union_all, update
from sqlalchemy.engine import Connection

from storage.blobs.mail_keys import MailKeys
from storage.blobs.octet_log import Extent, OctetLog, log_beside
from storage.blobs.place import open_place
from storage.blobs.sealing import NotSealed, unseal
from storage.database.chunks import chunks
from storage.database.straight import carry_out
from storage.errors import NotFound
from storage.expiring.expired_statements import LET_BLOB_GO, LET_OCTETS_GO
from storage.records.mails import CHUNK_OCTETS, FreedBlob, MailState
from storage.tables.mails import (
    MailBlobRow,
    MailExtentRow,
    MailKeyRow,
    MailOctetsRow,
    OctetSegmentRow,
    ReceivedMailRow,
)

# What is in quarantine may be read again by a worker, which is to need nothing but the database.
_FILED = ReceivedMailRow.state == MailState.FILED

_ENDS = select(
    OctetSegmentRow.id,
    select(MailExtentRow.position + MailExtentRow.size)
    .where(MailExtentRow.segment_id == OctetSegmentRow.id)
    .order_by(MailExtentRow.position.desc())
    .limit(1)
    .scalar_subquery(),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBlob:
    """All that is needed to have the octets of a mail from where they lie; no transaction need be open for it."""

    mail_id: str
    key: str
    place: str  # its URL
    sha256: bytes  # of the octets
    unsealed_by: bytes | None

    def fetched(self) -> bytes:
        """The octets. Raises NotFound when they are lost; StorageUnavailable when they cannot be had now."""
        place = open_place(self.place)
        if place is None:
            raise NotFound(
                f"the octets of the mail {self.mail_id} are lost: nobody knows the place {self.place}"
            )
        for octets in self._readings(place.get(self.key)):
            if hashlib.sha256(octets).digest() == self.sha256:
                return octets
        raise NotFound(f"the octets of the mail {self.mail_id} are damaged at {self.place}")

    def _readings(self, found: bytes) -> Iterator[bytes]:
        """What may be meant. Whether it is encrypted cannot be told by how it begins, for a sender writes that."""
        if self.unsealed_by is not None:
            with suppress(NotSealed):
                yield unseal(self.unsealed_by, self.mail_id, found)
        yield found


class StoredOctets:
    """The octets of all mails, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def pieces(self, mail_id: str) -> Iterator[bytes]:
        """Raises NotFound, OSError; StorageUnavailable when they lie elsewhere and cannot be had now."""
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
        if found:
            return
        if blob := self.blobs([mail_id]).get(mail_id):
            yield blob.fetched()
        elif extent := self._extents([mail_id]).get(mail_id):
            yield from self._logged(mail_id, extent)
        else:
            raise NotFound(f"there are no octets of a mail {mail_id}")

    def delete(self, mail_ids: Sequence[str]) -> None:
        """What lies in the log or elsewhere stays until `freed` or `freed_blobs` are erased, after this transaction."""
        carry_out(self._connection, LET_BLOB_GO, [{"subject": one} for one in mail_ids])
        self._delete_here(mail_ids)

    def elsewhere(self, place: str | None, limit: int) -> list[str]:
        """Ids of filed mails whose octets lie elsewhere than at `place` (a URL; None: in the database), or there as
        they came where they are to be encrypted.
        """
        seals = MailKeys(self._connection).seals
        apart = select(MailBlobRow.mail_id).where(MailBlobRow.mail_id.is_not(None))
        if place is None:
            return [str(mail_id) for mail_id in self._connection.scalars(apart.limit(limit))]
        # Not UNION: that would look at all that waits, to name a few. A mail lies in one place at a time.
        here: CompoundSelect[Any] = union_all(
            select(MailOctetsRow.mail_id).where(
                MailOctetsRow.position == 0,
                exists().where(ReceivedMailRow.id == MailOctetsRow.mail_id, _FILED),
            ),
            select(MailExtentRow.mail_id).where(
                MailExtentRow.mail_id.is_not(None),
                exists().where(ReceivedMailRow.id == MailExtentRow.mail_id, _FILED),
            ),
            apart.where(MailBlobRow.place != place),
            *([apart.where(~exists().where(MailKeyRow.mail_id == MailBlobRow.mail_id))] if seals else []),
        )
        return list(dict.fromkeys(map(str, self._connection.scalars(here.limit(limit)))))

    def is_free(self, mail_id: str, place: str) -> bool:
        """Whether nothing lies under the mail's id at `place` that still has to be deleted there."""
        query = select(MailBlobRow.key).where(
            MailBlobRow.key == mail_id, MailBlobRow.place == place, MailBlobRow.mail_id.is_(None)
        )
        return self._connection.scalar(query) is None

    def free_at(self, mail_ids: Sequence[str], place: str) -> list[str]:
        """Those of the mails for which `is_free`."""
        query = select(MailBlobRow.key).where(MailBlobRow.place == place, MailBlobRow.mail_id.is_(None))
        taken = {
            key
            for chunk in chunks(mail_ids)
            for key in self._connection.scalars(query.where(MailBlobRow.key.in_(chunk)))
        }
        return [mail_id for mail_id in mail_ids if mail_id not in taken]

    def moved_out(self, octets: Mapping[str, bytes], *, place: str) -> list[str]:
        """They lie at `place` under their ids now, and go from where they were; without those of deleted mails."""
        kept = self.locked(list(octets))
        there = self._blob_rows(kept)
        fresh = [mail_id for mail_id in kept if mail_id not in there]
        if fresh:
            rows = [
                {
                    "key": mail_id,
                    "place": place,
                    "mail_id": mail_id,
                    "size": len(octets[mail_id]),
                    "sha256": hashlib.sha256(octets[mail_id]).digest(),
                }
                for mail_id in fresh
            ]
            self._connection.execute(insert(MailBlobRow), rows)
            self._delete_here(fresh)
        for mail_id, row in there.items():
            if row.place != place:
                self._moved_on(mail_id, row, place)
        return kept

    def moved_in(self, mail_id: str, octets: bytes) -> bool:
        """They lie in the database again; False when the mail is deleted, or they were there."""
        if not self.locked([mail_id]) or not self._blob_rows([mail_id]):
            return False
        self._connection.execute(
            insert(MailOctetsRow),
            [
                {"mail_id": mail_id, "position": position, "octets": octets[start : start + CHUNK_OCTETS]}
                for position, start in enumerate(range(0, max(1, len(octets)), CHUNK_OCTETS))
            ],
        )
        self._connection.execute(
            update(MailBlobRow).where(MailBlobRow.mail_id == mail_id).values(mail_id=None)
        )
        return True

    def _moved_on(self, mail_id: str, row: Row[Any], place: str) -> None:
        """From place to place; the object at the former one is to be deleted."""
        self._connection.execute(
            update(MailBlobRow).where(MailBlobRow.mail_id == mail_id).values(place=place)
        )
        values = {"size": row.size, "sha256": row.sha256}
        self._connection.execute(insert(MailBlobRow).values(key=mail_id, place=row.place, **values))

    def freed_blobs(self, limit: int) -> list[FreedBlob]:
        """What lies elsewhere and belongs to no mail any more."""
        query = select(MailBlobRow).where(MailBlobRow.mail_id.is_(None)).limit(limit)
        return [FreedBlob(key=row.key, place=row.place) for row in self._connection.execute(query)]

    def forget_blobs(self, blobs: Sequence[FreedBlob]) -> None:
        """They are deleted where they were."""
        for blob in blobs:
            self._connection.execute(
                delete(MailBlobRow).where(
                    MailBlobRow.key == blob.key,
                    MailBlobRow.place == blob.place,
                    MailBlobRow.mail_id.is_(None),
                )
            )

    def _delete_here(self, mail_ids: Sequence[str]) -> None:
        for statement in LET_OCTETS_GO:
            carry_out(self._connection, statement, [{"subject": one} for one in mail_ids])

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

    def ends(self) -> dict[str, int]:
        """Where the last place of each segment of the log ends, in octets, by the segment's name."""
        return {name: end or 0 for name, end in self._connection.execute(_ENDS)}

    def claim(self, segment: str) -> int:
        """Where the last place of a segment ends, once this transaction is durable: none that failed before it can
        come back then, for a write of this one has taken its place in SQLite's journal.
        """
        this = OctetSegmentRow.id == segment
        self._connection.execute(
            update(OctetSegmentRow).where(this).values(claims=OctetSegmentRow.claims + 1)
        )
        [(_, end)] = self._connection.execute(_ENDS.where(this))
        return end or 0

    def remove_empty_segments(self) -> None:
        """Removes the segments that nothing lies in, but for those that are being written. Raises OSError."""
        query = select(OctetSegmentRow.id).where(OctetSegmentRow.id.not_in(select(MailExtentRow.segment_id)))
        for name in list(self._connection.scalars(query)):
            if self._log().remove(name):
                self._connection.execute(delete(OctetSegmentRow).where(OctetSegmentRow.id == name))

    def locked(self, mail_ids: Sequence[str]) -> list[str]:
        """Keeps the mails from being deleted until the end of this transaction; without those that are deleted.

        In the order of their ids, as everybody locks several mails.
        """
        query = select(ReceivedMailRow.id).where(ReceivedMailRow.state != MailState.DELETED)
        return [
            mail_id
            for chunk in chunks(sorted(mail_ids))
            for mail_id in self._connection.scalars(
                query.where(ReceivedMailRow.id.in_(chunk)).order_by(ReceivedMailRow.id).with_for_update()
            )
        ]

    def is_kept(self, mail_id: str) -> bool:
        """Whether the mail is on record and not deleted."""
        there = ReceivedMailRow.state != MailState.DELETED
        query = select(ReceivedMailRow.id).where(ReceivedMailRow.id == mail_id, there)
        return self._connection.scalar(query) is not None

    def _blob_rows(self, mail_ids: Sequence[str]) -> dict[str, Row[Any]]:
        query = select(MailBlobRow.__table__)
        return {
            row.mail_id: row
            for chunk in chunks(mail_ids)
            for row in self._connection.execute(query.where(MailBlobRow.mail_id.in_(chunk)))
        }

    def blobs(self, mail_ids: Sequence[str]) -> dict[str, StoredBlob]:
        """Where the octets of those mails lie that have them elsewhere, by id."""
        query = select(MailBlobRow.__table__)
        keys = MailKeys(self._connection)
        return {
            row.mail_id: StoredBlob(
                mail_id=row.mail_id,
                key=row.key,
                place=row.place,
                sha256=row.sha256,
                unsealed_by=keys.get(row.mail_id),
            )
            for chunk in chunks(mail_ids)
            for row in self._connection.execute(query.where(MailBlobRow.mail_id.in_(chunk))).all()
        }

    def logged(self, mail_ids: Sequence[str]) -> dict[str, bytes]:
        """The octets of those mails that keep them in the log beside the database, by id; without those lost there."""
        found: dict[str, bytes] = {}
        for mail_id, extent in self._extents(mail_ids).items():
            with suppress(NotFound):
                found[mail_id] = b"".join(self._logged(mail_id, extent))
        return found

    def inside(self, mail_ids: Sequence[str]) -> dict[str, bytes]:
        """The octets of those mails that keep them in the database itself, by id."""
        found: dict[str, list[bytes]] = defaultdict(list)
        query = select(MailOctetsRow.mail_id, MailOctetsRow.octets).order_by(
            MailOctetsRow.mail_id, MailOctetsRow.position
        )
        for chunk in chunks(mail_ids):
            for mail_id, octets in self._connection.execute(query.where(MailOctetsRow.mail_id.in_(chunk))):
                found[mail_id].append(octets)
        return {mail_id: b"".join(pieces) for mail_id, pieces in found.items()}

    def _extents(self, mail_ids: Sequence[str]) -> dict[str, Extent]:
        if self._connection.dialect.name != "sqlite":
            return {}  # a server has no log beside it
        query = select(MailExtentRow.__table__)
        return {
            row.mail_id: Extent(row.segment_id, row.position, row.size)
            for chunk in chunks(mail_ids)
            for row in self._connection.execute(query.where(MailExtentRow.mail_id.in_(chunk)))
        }

    def _logged(self, mail_id: str, extent: Extent) -> Iterator[bytes]:
        try:
            yield from self._log().pieces(extent)
        except FileNotFoundError as error:
            raise NotFound(
                f"the octets of the mail {mail_id} are lost: {error.filename} is missing"
            ) from error

    def _log(self) -> OctetLog:
        log = log_beside(self._connection.engine)
        if log is None:
            raise NotFound("a server has no log of octets")
        return log
