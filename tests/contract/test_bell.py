"""Workers on other machines are woken by PostgreSQL; where that cannot be, they look for themselves."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy.engine import make_url

from ingest.waking import Hearing, Ringing
from storage.store import Store
from tests.peers import programs

PATIENCE_SECONDS = 30.0


class _Woken:
    """Counts how often somebody was woken."""

    def __init__(self) -> None:
        self.times = 0
        self._heard = threading.Condition()

    def __call__(self) -> None:
        with self._heard:
            self.times += 1
            self._heard.notify_all()

    def wait(self, times: int) -> bool:
        """Whether it was so often, within the time a test has."""
        with self._heard:
            return self._heard.wait_for(lambda: self.times >= times, PATIENCE_SECONDS)


@pytest.fixture
def nodes(postgres_url: str) -> Iterator[tuple[Store, Store]]:
    """One that takes mail, one that files it."""
    stores = Store.open(postgres_url), Store.open(postgres_url)
    yield stores
    for store in stores:
        store.close()


@pytest.fixture
def woken(nodes: tuple[Store, Store]) -> Iterator[_Woken]:
    """The worker of the second node listens."""
    told = _Woken()
    hearing = Hearing(nodes[1], told)
    hearing.start()
    told.wait(1)
    yield told
    hearing.stop()


@pytest.fixture
def ringing(nodes: tuple[Store, Store]) -> Iterator[Ringing]:
    """The first node tells of mail."""
    started = Ringing(nodes[0])
    started.start()
    yield started
    started.stop()


def test_whoever_listens_hears_the_bell(woken: _Woken, ringing: Ringing) -> None:
    """And is woken once at the beginning, for mail that came before it listened."""
    before = woken.times

    ringing.ring()

    assert (before, woken.wait(2)) == (1, True)


def test_a_lost_connection_is_made_again(
    woken: _Woken, ringing: Ringing, postgres_url: str, postgres_server: str
) -> None:
    """After a failover the worker listens to the new server; what came meanwhile is looked for at once."""
    listening = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND query LIKE 'LISTEN%%'"
    )
    with psycopg.connect(postgres_server) as server:
        server.execute(listening, (make_url(postgres_url).database,))

    heard_again = woken.wait(2)
    ringing.ring()

    assert heard_again
    assert woken.wait(3)


def test_sqlite_has_no_bell(tmp_path: str) -> None:
    """One machine; whoever takes mail in wakes the worker of its own process."""
    store = Store.open(f"sqlite:///{tmp_path}/invoices.db")
    ringing, hearing = Ringing(store), Hearing(store, lambda: None)
    ringing.start()
    hearing.start()
    ringing.ring()
    ringing.stop()
    hearing.stop()

    bell = store.bell
    store.close()

    assert bell is None


if "pgbouncer" not in programs.left_out_here():

    def test_behind_a_pooler_nobody_is_woken_and_nothing_fails(pooled_url: str) -> None:
        """LISTEN would stay on a connection that the next transaction of somebody else gets."""
        store, told = Store.open(pooled_url), _Woken()
        hearing = Hearing(store, told)
        ringing = Ringing(store)
        ringing.start()
        hearing.start()
        ringing.ring()
        hearing._thread.join(PATIENCE_SECONDS)

        listens = hearing._thread.is_alive()
        hearing.stop()
        ringing.stop()
        store.close()

        assert (listens, told.times) == (False, 0)
