"""A sender wired as the program wires it, with a clock that the test moves, and a post office that takes its mails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from config.load import load
from outbound import running
from outbound.sending import Sending
from reading.sandbox import ReaderPool
from storage.store import Store
from tests import making
from tests.post_office import PostOffice, post_office


@dataclass
class Clock:
    """Stands still until it is moved."""

    at: datetime = field(default=making.NOW)

    def __call__(self) -> datetime:
        return self.at

    def pass_(self, time: timedelta) -> None:
        """Lets time pass."""
        self.at += time


@pytest.fixture
def clock() -> Clock:
    """The sender's clock."""
    return Clock()


@pytest.fixture
def office() -> Iterator[PostOffice]:
    """A mail server that takes everything."""
    with post_office() as opened:
        yield opened


@pytest.fixture
def store(sqlite_url: str) -> Iterator[Store]:
    """An empty store on SQLite; the contract tests hold the outbox to both engines."""
    opened = Store.open(sqlite_url)
    yield opened
    opened.close()


@pytest.fixture
def readers() -> Iterator[ReaderPool]:
    """A reader process that takes documents out of mails."""
    with ReaderPool(1) as pool:
        yield pool


@pytest.fixture
def sending(
    store: Store,
    office: PostOffice,
    readers: ReaderPool,
    clock: Clock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Sending:
    """A sender on the store that hands everything to the post office."""
    monkeypatch.setattr("outbound.smarthost._TRIES", 1)
    return sender(store, readers, clock, tmp_path, OUTBOUND__SMARTHOST=office.address)


def sender(store: Store, readers: ReaderPool, clock: Clock, folder: Path, **settings: str) -> Sending:
    """A sender with some settings; each has a name of its own."""
    environment = {
        "INVOICES_DATA_DIR": str(folder),
        "INVOICES_REGISTRATION__BASE_URL": "https://invoices.example.com",
        "INVOICES_OUTBOUND__MAIL_FROM": "postfach@invoices.example.com",
        "INVOICES_OUTBOUND__SENDER_NAME": "Rechnungspostfach",
        **{f"INVOICES_{key}": value for key, value in settings.items()},
    }
    wired = running.wired(load(None, environment), store, readers)
    wired._wiring = replace(wired._wiring, now=clock)
    return wired
