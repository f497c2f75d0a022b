"""Loads the octets of claimed mails ahead of their reading, and says which small ones are read in one go."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice

from reading.sandbox import ReadingFailed
from storage.errors import NotFound
from storage.store import Store

OCTETS_AT_ONCE = 8 * 1024**2  # of several mails; a larger one is loaded by itself
OCTETS_TOGETHER = (
    256 * 1024
)  # of several mails that one reader gets; a larger one keeps it busy for long enough


class Loader:
    """Holds what is loaded until it is taken; used by one thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._loaded: dict[str, bytes | ReadingFailed] = {}

    def take(self, pending: deque[str], most: int) -> list[tuple[str, bytes | ReadingFailed]]:
        """Takes the first mail off `pending`, with its octets; if it is small, also those behind it, up to `most`.

        A failure like that of a reader where they are lost, so that the mail ends in quarantine. Raises
        StorageUnavailable; then nothing is taken, and all of it may be tried again.
        """
        if pending[0] not in self._loaded:
            self._load(self._fitting(list(pending)))
        together, octets = 0, 0
        for mail_id in islice(pending, most):
            loaded = self._loaded.get(mail_id)
            octets += len(loaded) if isinstance(loaded, bytes) else 0
            if together and (loaded is None or octets > OCTETS_TOGETHER):
                break
            together += 1
        taken = [pending.popleft() for _ in range(together)]
        return [(mail_id, self._loaded.pop(mail_id)) for mail_id in taken]

    def _load(self, mail_ids: Sequence[str]) -> None:
        found = self._store.octets.of(mail_ids)
        for mail_id in mail_ids:
            octets = found.get(mail_id)
            self._loaded[mail_id] = self._alone(mail_id) if octets is None else octets

    def _alone(self, mail_id: str) -> bytes | ReadingFailed:
        """Asked for by itself, what is lost says why."""
        try:
            with self._store.reading() as records:
                return records.mails.octets(mail_id)
        except NotFound as error:
            return ReadingFailed(str(error))

    def _fitting(self, mail_ids: Sequence[str]) -> Sequence[str]:
        return mail_ids if len(mail_ids) == 1 else next(groups(self._store, mail_ids))


def groups(store: Store, mail_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """The mails in their order, each group as large as may lie in memory. Raises StorageUnavailable."""
    with store.asking() as records:
        sizes = records.mails.sizes(mail_ids)
    while mail_ids:
        group = fitting(mail_ids, [sizes.get(mail_id, 0) for mail_id in mail_ids], OCTETS_AT_ONCE)
        yield group
        mail_ids = mail_ids[len(group) :]


def fitting(mail_ids: Sequence[str], sizes: Sequence[int], most_octets: int) -> Sequence[str]:
    """The first of the mails, as many as have `most_octets` together; one at least."""
    total = 0
    for place, size in enumerate(sizes):
        total += size
        if place and total > most_octets:
            return mail_ids[:place]
    return mail_ids
