"""A real PgBouncer in transaction mode, on loopback: each transaction gets whatever connection is free."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from tests.object_store import free_port
from tests.peers import programs

# As Debian's file has it, apart from the mode. Few connections to the server, so that clients really take turns.
_SETTINGS = """
[databases]
* = host={host} port={port} user={user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 4
max_client_conn = 200
server_round_robin = 1
logfile = {folder}/log
pidfile = {folder}/pid
"""
_PATIENCE_SECONDS = 20.0


def is_installed() -> bool:
    """Whether there is one on this machine."""
    return programs.find("pgbouncer") is not None


@contextmanager
def pooled(server: str) -> Iterator[str]:
    """The URL of the same databases behind a pooler; `server` is a libpq URL."""
    parts = conninfo_to_dict(server)
    host, port, user = (str(parts.get(key) or usual) for key, usual in _USUAL)
    listen = free_port()
    with tempfile.TemporaryDirectory(prefix="pooler-") as name:
        folder = Path(name)
        file = folder / "pgbouncer.ini"
        file.write_text(
            _SETTINGS.format(host=host, port=port, user=user, listen=listen, folder=folder), encoding="utf-8"
        )
        account = _account(host)
        if account is not None:
            os.chown(folder, account, -1)
        program = programs.find("pgbouncer") or "pgbouncer"
        with (folder / "output").open("wb") as output:
            pooler = subprocess.Popen([program, str(file)], stdout=output, stderr=output, user=account)
        try:
            _wait_for(pooler, listen, folder / "output")
            yield f"postgresql://{user}@127.0.0.1:{listen}/postgres"
        finally:
            pooler.kill()
            pooler.wait()


_USUAL = (("host", "127.0.0.1"), ("port", "5432"), ("user", "postgres"))


def _account(host: str) -> int | None:
    """Who it runs as when we are root, which it refuses: who owns the socket of the server, or nobody."""
    if os.geteuid() != 0:
        return None
    nobody = 65534
    return Path(host).stat().st_uid if host.startswith("/") else nobody


def _wait_for(pooler: subprocess.Popen[bytes], port: int, output: Path) -> None:
    give_up_at = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if pooler.poll() is not None or time.monotonic() > give_up_at:
                raise RuntimeError(output.read_text(encoding="utf-8")) from None
            time.sleep(0.02)
        else:
            return
