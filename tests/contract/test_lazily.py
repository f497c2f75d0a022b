"""Commits that do not wait for the disk: only those that say so, and never what is erased before they are durable."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from storage.blobs.octet_log import OctetLog
from storage.store import Store
from tests import making


def _syncs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is synced by our own hand, and when places in the log of octets are erased."""
    happened: list[str] = []
    sync, erase = os.fdatasync, OctetLog.erase

    def watched(descriptor: int) -> None:
        happened.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        sync(descriptor)

    def erased(log: OctetLog, extents: object) -> None:
        happened.append("erased")
        erase(log, extents)  # type: ignore[arg-type]  # handed on

    monkeypatch.setattr(os, "fdatasync", watched)
    monkeypatch.setattr(OctetLog, "erase", erased)
    return happened


def test_what_was_committed_lazily_is_on_record_for_everybody(store: Store) -> None:
    """It is a commit like any other, but for a power cut."""
    company = making.account()

    with store.transaction(lazily=True) as records:
        records.accounts.add(company)
    store.settle()

    with store.reading() as records:
        assert records.accounts.get(company.id) == company


def test_the_commits_of_others_wait_for_the_disk_as_before(store: Store) -> None:
    """A pooled connection that was lazy once would make a later 250 a lie."""
    waits = {"sqlite": ("PRAGMA synchronous", 2), "postgresql": ("SHOW synchronous_commit", "on")}
    question, full = waits[store._engine.dialect.name]
    for _ in range(3):
        with store.transaction(lazily=True) as records:
            records.accounts.add(making.account(name=str(datetime.now(UTC)), addresses=()))

    found = []
    for _ in range(3):
        with store._writing() as connection:
            found.append(connection.exec_driver_sql(question).scalar())

    assert found == [full] * 3


def test_the_journal_is_durable_before_anything_is_erased(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a power cut could bring a mail back whose octets are gone."""
    store = Store.open(f"sqlite:///{tmp_path / 'invoices.db'}")
    with store.transaction(lazily=True) as records:
        records.accounts.add(making.account())
    happened = _syncs(monkeypatch)

    store.octets.free()
    store.close()

    assert happened[:2] == ["invoices.db-wal", "erased"]
