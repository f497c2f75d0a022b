"""What each connection to PostgreSQL needs to be safe, straight to the server or through a pooler (PgBouncer)."""

from __future__ import annotations

import select
from typing import Any

import psycopg
from sqlalchemy import Engine
from sqlalchemy.engine import URL

CONNECT_SECONDS = 5

ASK_AFTER_SECONDS = 5.0  # unused for longer, a connection is asked whether it still leads to its server

# A machine that vanished says nothing more: without these, a read would wait for its answer for hours.
_KEEPALIVE = {
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
_STRONG = (("on",), ("remote_apply",))  # what the server holds a commit to, at least, before it says yes

# For one transaction; a server default of "off" would make 250 a lie.
SET_LOCAL = "SET LOCAL synchronous_commit = on"


def connect_arguments(url: URL) -> dict[str, str | int]:
    """What is asked of libpq beside `url`, where that says nothing else.

    Of several hosts that one is taken which can be written: after a failover it may be any of them.
    """
    arguments: dict[str, str | int] = {
        "connect_timeout": CONNECT_SECONDS,
        "application_name": "invoices",
        **_KEEPALIVE,
    }
    if names_several_hosts(url):
        arguments["target_session_attrs"] = "read-write"
    return {name: value for name, value in arguments.items() if name not in url.query}


def names_several_hosts(url: URL) -> bool:
    """Whether a standby is named beside the primary."""
    hosts = url.query.get("host", url.host or "")
    return len(hosts) > 1 if isinstance(hosts, tuple) else "," in hosts


def connect(engine: Engine) -> psycopg.Connection[Any]:
    """A connection beside the pool, each statement of which is a transaction. Raises psycopg.Error."""
    _, named = engine.dialect.create_connect_args(engine.url)
    return psycopg.connect(autocommit=True, **{**connect_arguments(engine.url), **named})


def leads_through_pooler(connection: psycopg.Connection[Any]) -> bool:
    """A pooler gives itself away: the process that a client could cancel is not the one that answers."""
    process = connection.execute("SELECT pg_backend_pid()").fetchone()
    return process is not None and process[0] != connection.info.backend_pid


def prepare_session(connection: psycopg.Connection[Any]) -> bool:
    """Makes a new connection safe; True when it leads through a pooler, so that each transaction needs SET_LOCAL.

    A pooler that hands connections out by transaction forgets what a session prepared or set, or leaves it to
    somebody else.
    """
    pooled = leads_through_pooler(connection)
    if pooled:
        connection.prepare_threshold = None
    elif connection.execute("SHOW synchronous_commit").fetchone() not in _STRONG:
        connection.execute("SET synchronous_commit = on")
    connection.execute("SET TIME ZONE 'UTC'")  # a pooler keeps this one for its clients
    connection.commit()
    return pooled


def still_there(connection: psycopg.Connection[Any], unused_seconds: float) -> bool:
    """Whether a connection that lay in the pool can be used.

    To ask its server costs a round trip, as much as many a transaction. But a server that ends says so, and so does
    its machine for it: then there is something to read on the connection, which is silent otherwise. Of a machine that
    vanished nothing is heard; so what was not used for a while is asked.
    """
    if connection.closed:
        return False
    line = select.poll()
    line.register(connection.fileno(), select.POLLIN)
    if unused_seconds < ASK_AFTER_SECONDS and not line.poll(0):
        return True
    try:
        connection.autocommit = True
        connection.execute("")
        connection.autocommit = False
    except psycopg.Error:
        return False
    return True
