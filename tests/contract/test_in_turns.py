"""The database that tests have one after the other is as empty for each as for the first."""

from __future__ import annotations

import psycopg
import pytest

from storage.store import Store
from tests import making
from tests.in_turns import InTurns


@pytest.fixture
def in_turns(postgres_server: str, postgres_pattern: str) -> InTurns:
    """One that no other test has."""
    return InTurns(postgres_server, postgres_pattern)


def _url(server: str, name: str, driver: str = "postgresql") -> str:
    return server.replace("postgresql://", f"{driver}://").replace("/postgres?", f"/{name}?")


_LEFT = """
SELECT (SELECT count(*) FROM received_mail), (SELECT count(*) FROM history_event),
    (SELECT count(*) FROM company_account),
    (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
        AND backend_type = 'client backend')
"""


def test_nobody_finds_what_another_has_left(in_turns: InTurns, postgres_server: str) -> None:
    """Else a test would pass or fail by what came before it: by rows, or by whoever is still connected."""
    name = in_turns.take()
    store = Store.open(_url(postgres_server, name, "postgresql+psycopg"))
    with store.transaction() as records:
        records.accounts.add(making.account())
    store.add_mails([making.incoming(b"a mail")])

    in_turns.give_back()
    again = in_turns.take()
    with psycopg.connect(_url(postgres_server, again)) as connection:
        left = connection.execute(_LEFT).fetchone()
    store.close()
    in_turns.drop()

    assert (again, left) == (name, (0, 0, 0, 0))


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE history_event DISABLE TRIGGER ALL",
        "ALTER TABLE received_mail ADD COLUMN another text",
        "UPDATE alembic_version SET version_num = '0001'",
        "DROP TABLE alembic_version",
    ],
)
def test_a_database_that_is_another_now_is_dropped(
    in_turns: InTurns, postgres_server: str, change: str
) -> None:
    """Some tests play the hand that takes a trigger off, or an older version; the next has to begin with ours."""
    name = in_turns.take()
    with psycopg.connect(_url(postgres_server, name), autocommit=True) as connection:
        connection.execute(change)

    in_turns.give_back()
    another = in_turns.take()
    in_turns.drop()

    assert another != name
