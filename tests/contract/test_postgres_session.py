"""What a connection to PostgreSQL relies on holds, straight to the server and behind PgBouncer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from sqlalchemy.engine import make_url

from storage.database.engine import WRITES, open_engine
from storage.database.postgres_session import ASK_AFTER_SECONDS, connect_arguments, still_there
from storage.errors import StorageUnavailable
from storage.queue.incoming_postgres import PostgresIncoming
from storage.records.mails import IncomingMail
from storage.store import Store
from tests import making
from tests.peers import programs

WAYS = ["postgres_url", *(["pooled_url"] if "pgbouncer" not in programs.left_out_here() else [])]
Server = psycopg.Connection[tuple[object, ...]]


@pytest.fixture(params=WAYS)
def url(request: pytest.FixtureRequest) -> str:
    """An empty database, each way."""
    return str(request.getfixturevalue(request.param))


@pytest.fixture
def server(postgres_server: str) -> Iterator[Server]:
    """Its administrator."""
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        yield connection
        _wait_for_standby(connection, "")


def _wait_for_standby(server: Server, name: str) -> None:
    """From now on commits wait for this standby; for none without a name."""
    server.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{name}'")
    server.execute("SELECT pg_reload_conf()")
    while server.execute("SHOW synchronous_standby_names").fetchone() != (name,):
        time.sleep(0.01)


def test_a_commit_waits_for_the_disk_whatever_the_servers_default_is(url: str, server: Server) -> None:
    """A 250 means stable storage; and behind a pooler nothing that a session set can be relied on."""
    server.execute(f'ALTER DATABASE "{make_url(url).database}" SET synchronous_commit = off')
    engine = open_engine(url)

    with engine.connect().execution_options(**{WRITES: True}) as connection:
        commits = connection.exec_driver_sql("SHOW synchronous_commit").scalar()
    engine.dispose()

    assert commits == "on"


def test_a_mail_that_came_again_while_its_first_copy_was_deleted_is_no_promise(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second was not stored as the first was there, which then went: an id of neither would be a mail lost."""
    store = Store.open(url)
    store.add_mails([making.incoming(b"m")])

    monkeypatch.setattr(PostgresIncoming, "_stored", lambda *_: {})  # its question finds nothing any more
    with pytest.raises(StorageUnavailable):
        store.add_mails([making.incoming(b"m")])
    store.close()


def test_a_commit_that_did_not_wait_for_the_standby_is_no_promise(url: str, server: Server) -> None:
    """PostgreSQL reports it as done, with a warning; after a failover the mail would be lost."""
    store, mail = Store.open(url), making.incoming()
    _wait_for_standby(server, "nobody")
    waiting = (
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND datname = %s"
    )

    with ThreadPoolExecutor() as pool:
        added = pool.submit(store.add_mails, [mail])
        while not added.done():
            server.execute(waiting, (make_url(url).database,))
            time.sleep(0.01)
    _wait_for_standby(server, "")
    [again] = store.add_mails([making.incoming()])  # the sender tries again
    store.close()

    with pytest.raises(StorageUnavailable, match="replicat"):
        added.result()
    assert (again.mail_id, again.duplicate) == (mail.id, True)


def test_a_statement_may_be_prepared_by_many_clients_at_once(url: str) -> None:
    """Behind a pooler they share connections, and would find each other's statements or none."""
    stores = [Store.open(url) for _ in range(3)]
    mails = [[making.incoming(b"%d %d" % (of, number)) for number in range(20)] for of in range(3)]

    def work(store: Store, own: list[IncomingMail]) -> None:
        for mail in own:
            store.add_mails([mail])
            with store.reading() as records:
                records.mails.get(mail.id)

    with ThreadPoolExecutor() as pool:
        list(pool.map(work, stores, mails))
    with stores[0].reading() as records:
        kept = len(records.mails.select())
    for store in stores:
        store.close()

    assert kept == 60


def test_of_several_hosts_the_one_that_can_be_written_is_taken() -> None:
    """Unless the address says otherwise; a single host is taken as it is, so that what it lacks can be told."""
    several = "postgresql+psycopg://invoices@/invoices?host=one.example,two.example"
    one = "postgresql+psycopg://invoices@one.example/invoices"

    asked = [
        connect_arguments(make_url(url)).get("target_session_attrs")
        for url in (several, f"{several}&target_session_attrs=any", one)
    ]

    assert asked == ["read-write", None, None]


def test_a_standby_that_no_commit_waits_for_is_told(postgres_url: str, server: Server) -> None:
    """Who names two hosts counts on the second one; it would lack what was promised last."""
    before, _, query = postgres_url.partition("?")
    host = dict(part.split("=", 1) for part in query.split("&"))["host"]
    two = f"{before}?host={host},{host}"
    alone, paired = Store.probe(postgres_url), Store.probe(two)
    _wait_for_standby(server, "other")

    waited_for = Store.probe(two)

    assert [probe and probe.remark and probe.remark[:34] for probe in (alone, paired, waited_for)] == [
        None,
        "no commit waits for a standby, so ",
        None,
    ]


def test_a_connection_that_its_server_ended_is_noticed_before_it_is_used(
    postgres_url: str, server: Server
) -> None:
    """A server that was started anew costs no mail a second try, though connections just used are not asked."""
    store, engine = Store.open(postgres_url), open_engine(postgres_url)
    with store.asking() as records:
        records.mails.queued()
    driver = engine.raw_connection().driver_connection
    assert driver is not None
    before = [still_there(driver, seconds) for seconds in (0.0, ASK_AFTER_SECONDS)]

    server.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s",
        (make_url(postgres_url).database,),
    )
    after = [still_there(driver, seconds) for seconds in (0.0, ASK_AFTER_SECONDS)]
    with store.transaction() as records:
        queued = records.mails.queued()
    store.close()
    engine.dispose()

    assert before == [True, True]
    assert after == [False, False]
    assert queued == 0


def test_a_single_question_leaves_no_transaction_open(postgres_url: str, server: Server) -> None:
    """An open one costs two more round trips, and keeps a vacuum from what is dead."""
    store = Store.open(postgres_url)
    asking = "SELECT array_agg(state) FROM pg_stat_activity WHERE datname = %s"

    with store.asking() as records:
        records.mails.queued()
        asked = server.execute(asking, (make_url(postgres_url).database,)).fetchone()
    with store.reading() as records:
        records.mails.queued()
        read = server.execute(asking, (make_url(postgres_url).database,)).fetchone()
    store.close()

    assert (asked, read) == ((["idle"],), (["idle in transaction"],))
