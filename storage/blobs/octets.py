"""Where the octets of mails lie: moved between the database and other places, and given back when they are deleted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from functools import partial

from sqlalchemy import Engine
from sqlalchemy.engine import Connection

from storage.blobs.erasing import ErasingLock
from storage.blobs.mail_keys import MailKeys
from storage.blobs.octet_log import log_beside
from storage.blobs.place import BlobPlace, open_place
from storage.blobs.sealing import seal
from storage.blobs.stored_octets import StoredOctets
from storage.database.engine import database_file
from storage.database.named_errors import named_errors
from storage.errors import NotFound

_PUT_AT_ONCE = 8  # objects of mails that move together; each is a round trip to the place
_FREED_AT_ONCE = 500  # objects deleted outside the database before that is noted

Connected = Callable[[], AbstractContextManager[Connection]]


class Octets:
    """Those of all mails in one store."""

    def __init__(
        self,
        engine: Engine,
        reading: Connected,
        asking: Connected,
        writing: Connected,
        settle: Callable[[], None],
    ) -> None:
        """`reading` and `writing` open a transaction, `asking` is for single questions; `settle` makes durable what
        was committed lazily.
        """
        self._engine = engine
        self._file = database_file(engine)
        self._reading = reading
        self._asking = asking
        self._writing = writing
        self._settle = settle

    def free(self) -> None:
        """Gives back the places of deleted mails, in the log of octets and elsewhere. Raises StorageUnavailable.

        Killed in the middle, the next call does the rest; so it does while a backup is made.
        """
        with named_errors():
            self._free_log()
        self._free_blobs()

    def elsewhere(self, place: BlobPlace | None, limit: int) -> list[str]:
        """Ids of filed mails whose octets do not lie at `place` (None: the database). Raises StorageUnavailable."""
        with named_errors(), self._reading() as connection:
            return StoredOctets(connection).elsewhere(place.url if place else None, limit)

    def of(self, mail_ids: Sequence[str]) -> dict[str, bytes]:
        """The contents of some mails as they came after DATA, by id; those that are deleted or lost are left out.

        What lies outside the database is fetched after that. Raises StorageUnavailable.
        """
        with named_errors(), self._asking() as connection:
            stored = StoredOctets(connection)
            found = stored.inside(mail_ids)
            away = stored.blobs([mail_id for mail_id in mail_ids if mail_id not in found])
            found |= stored.logged([mail_id for mail_id in mail_ids if mail_id not in {*found, *away}])
        for mail_id, blob in away.items():
            with suppress(NotFound):
                found[mail_id] = blob.fetched()
        return found

    def move(self, mail_id: str, place: BlobPlace | None) -> int | None:
        """Brings the octets of a mail to `place` (None: the database); how many, None where nothing was to be done.

        Killed at any moment, they are where they were, or there; a second call does the rest.
        Raises StorageUnavailable, NotFound when they are lost.
        """
        with named_errors(), self._reading() as connection:
            stored = StoredOctets(connection)
            if place is not None and not stored.is_free(mail_id, place.url):
                return None  # an earlier one lies there, which is to be deleted first
            octets = b"".join(stored.pieces(mail_id))
        if place is not None:
            sealed = self._sealed({mail_id: octets})
            if not sealed:
                return None  # it was deleted meanwhile
            place.put(mail_id, sealed[mail_id])
        with named_errors(), self._writing() as connection:
            stored = StoredOctets(connection)
            if place is None:
                moved = stored.moved_in(mail_id, octets)
            else:
                moved = bool(stored.moved_out({mail_id: octets}, place=place.url))
        if not moved and place is not None:
            place.delete([mail_id])  # its mail was deleted meanwhile
        return len(octets) if moved else None

    def move_together(self, mail_ids: Sequence[str], place: BlobPlace) -> dict[str, int]:
        """Brings the octets of some mails to `place`, in as many statements as those of one; how many of each moved.

        All of them lie in memory at the same time. What is deleted or lost is left out, and what `move` would not bring
        there. Killed at any moment, each is where it was, or there. Raises StorageUnavailable.
        """
        with named_errors(), self._reading() as connection:
            free = StoredOctets(connection).free_at(mail_ids, place.url)
        octets = self.of(free)
        sealed = self._sealed(octets)
        with ThreadPoolExecutor(_PUT_AT_ONCE) as threads:
            for _ in threads.map(place.put, sealed.keys(), sealed.values()):
                pass  # an error of any of them comes up here
        with named_errors(), self._writing() as connection:
            kept = {mail_id: octets[mail_id] for mail_id in sealed}
            moved = StoredOctets(connection).moved_out(kept, place=place.url)
        if gone := [mail_id for mail_id in sealed if mail_id not in moved]:
            place.delete(gone)  # their mails were deleted meanwhile
        return {mail_id: len(octets[mail_id]) for mail_id in moved}

    def now(self, mail_id: str) -> bytes | None:
        """The octets of a mail wherever they lie; None when it is deleted. Raises StorageUnavailable, NotFound."""
        with named_errors(), self._reading() as connection:
            stored = StoredOctets(connection)
            return b"".join(stored.pieces(mail_id)) if stored.is_kept(mail_id) else None

    def _sealed(self, octets: Mapping[str, bytes]) -> Mapping[str, bytes]:
        """As they are to lie outside the database, by mail id; without those of deleted mails.

        The key of each is on record before anything is written with it, and the same for everybody who moves it.
        """
        with named_errors(), self._reading() as connection:
            if not MailKeys(connection).seals:
                return octets
        with named_errors(), self._writing() as connection:
            kept = StoredOctets(connection).locked(list(octets))
            keys = {mail_id: MailKeys(connection).make(mail_id) for mail_id in kept}
        return {mail_id: seal(key, mail_id, octets[mail_id]) for mail_id, key in keys.items()}

    def _free_log(self) -> None:
        log = log_beside(self._engine)
        if log is None or self._file is None:
            return
        with ErasingLock(self._file).erasing() as may_erase:
            if not may_erase:
                return
            with self._reading() as connection:
                freed = StoredOctets(connection).freed()
            self._settle()  # what is erased must not come back by a power cut
            log.erase(freed)
            with self._writing() as connection:
                StoredOctets(connection).forget(freed)
                StoredOctets(connection).remove_empty_segments()
                ends = StoredOctets(connection).ends()
            for segment, end in ends.items():
                log.erase_end(segment, end, partial(self._claimed, segment))

    def _claimed(self, segment: str) -> int:
        with self._writing() as connection:
            return StoredOctets(connection).claim(segment)

    def _free_blobs(self) -> None:
        while True:
            with named_errors(), self._reading() as connection:
                freed = StoredOctets(connection).freed_blobs(_FREED_AT_ONCE)
            if not freed:
                return
            self._settle()  # the same
            for url in {blob.place for blob in freed}:
                place = open_place(url)
                if place is not None:
                    place.delete([blob.key for blob in freed if blob.place == url])
            with named_errors(), self._writing() as connection:
                StoredOctets(connection).forget_blobs(freed)
