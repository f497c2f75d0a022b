"""A mail on its way in: in memory while there is room, else in a file without a name; nothing stays behind."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
from pathlib import Path

import pytest

from ingest.receiving import spool
from ingest.receiving.spool import MemoryBudget, Spool
from storage.records.mails import CHUNK_OCTETS


def _filled(budget: MemoryBudget, folder: Path, pieces: list[bytes]) -> Spool:
    async def fill() -> Spool:
        mail = Spool(budget, folder)
        for piece in pieces:
            if not mail.add(piece):
                await mail.spill(piece)
        return mail

    return asyncio.run(fill())


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("budget", [0, 1000, 10**9])
@pytest.mark.parametrize("pieces", [0, 1, 7, 400])
def test_the_content_is_the_same_wherever_it_is_kept(tmp_path: Path, budget: int, pieces: int) -> None:
    """It may be read as often as a commit has to be tried, in chunks that fit."""
    parts = [os.urandom(9_000) for _ in range(pieces)]
    whole = b"".join(parts)

    mail = _filled(MemoryBudget(budget), tmp_path, parts)

    assert mail.size == len(whole)
    for _ in range(2):
        chunks = list(mail.chunks())
        assert b"".join(chunks) == whole
        assert max(map(len, chunks), default=0) <= CHUNK_OCTETS
    assert mail.spilled is (len(whole) > budget or len(whole) > spool.LARGEST_IN_MEMORY)
    assert list(tmp_path.iterdir()) == []


def test_memory_and_file_are_given_back_with_the_last_that_holds_it(tmp_path: Path) -> None:
    """A commit that still reads it when its session is gone must not find another file under its number."""
    before = _open_files()
    budget = MemoryBudget(10_000)
    small = _filled(budget, tmp_path, [b"x" * 10_000])
    large = _filled(budget, tmp_path, [b"y" * 10_000])
    held = large.chunks()

    assert not budget.take(1)
    del small, large
    gc.collect()

    assert budget.take(10_000)
    assert next(held) == b"y" * 10_000
    del held
    gc.collect()
    assert _open_files() == before


def test_spilling_makes_room_in_memory(tmp_path: Path) -> None:
    """A mail that grows too large for memory takes none of it any more."""
    budget = MemoryBudget(3 * 1024 * 1024)

    _large = _filled(budget, tmp_path, [b"x" * 1024 * 1024] * 3)

    assert budget.take(3 * 1024 * 1024)


def test_a_disk_that_does_not_take_it_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was taken so far is given back all the same."""

    def full(_: int, __: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = _open_files()
    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space left"):
        _filled(MemoryBudget(0), tmp_path, [b"x"])
    monkeypatch.undo()
    gc.collect()

    assert _open_files() == before
