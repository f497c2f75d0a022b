"""Octets of filed mails may lie outside the database; they leave it only once they are there."""

import sqlalchemy as sa
from alembic import op

# ruff: noqa: S608  -- the statements are put together of nothing but what stands here

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_STAY = "octets stay until the time of their mail has come"
_NEVER = "what came in never changes"
_REFUSED = "USING ERRCODE = 'integrity_constraint_violation'"


def upgrade() -> None:
    """Creates the table, and has the triggers let octets go that lie elsewhere."""
    op.create_table(
        "mail_blob",
        sa.Column("key", sa.String(length=36), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("mail_id", sa.String(length=36), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("key", "place", name="pk_mail_blob"),
        sa.UniqueConstraint("mail_id", name="uq_mail_blob_mail_id"),
    )
    freed = sa.text("mail_id IS NULL")
    op.create_index("ix_mail_blob_freed", "mail_blob", ["key"], sqlite_where=freed, postgresql_where=freed)
    for statement in _TRIGGERS[op.get_context().dialect.name]:
        op.execute(statement)


def _needed(mail_id: str) -> str:
    """Its time has not come."""
    return f"EXISTS (SELECT 1 FROM received_mail WHERE id = {mail_id} AND state <> 'deleted')"


def _elsewhere(mail_id: str) -> str:
    return f"EXISTS (SELECT 1 FROM mail_blob WHERE mail_id = {mail_id})"


def _in_database(mail_id: str) -> str:
    return f"EXISTS (SELECT 1 FROM mail_octets WHERE mail_id = {mail_id})"


def _on_sqlite(name: str, event: str, table: str, when: str, message: str) -> str:
    return f"CREATE TRIGGER {name} BEFORE {event} ON {table} WHEN {when} BEGIN SELECT RAISE(ABORT, '{message}'); END"


_KEPT = f"{_needed('OLD.mail_id')} AND NOT {_elsewhere('OLD.mail_id')}"
_SQLITE = [
    "DROP TRIGGER mail_octets_stay",
    _on_sqlite("mail_octets_stay", "DELETE", "mail_octets", _KEPT, _STAY),
    "DROP TRIGGER mail_extent_stays",
    _on_sqlite("mail_extent_stays", "DELETE", "mail_extent", _KEPT, _STAY),
    "DROP TRIGGER mail_extent_no_update",
    _on_sqlite(
        "mail_extent_no_update",
        "UPDATE",
        "mail_extent",
        "NEW.mail_id IS NOT NULL OR NEW.segment_id <> OLD.segment_id OR NEW.position <> OLD.position"
        f" OR ({_KEPT})",
        _STAY,
    ),
    _on_sqlite("mail_blob_stays", "DELETE", "mail_blob", _needed("OLD.mail_id"), _STAY),
    _on_sqlite(
        "mail_blob_update",
        "UPDATE",
        "mail_blob",
        "NEW.key <> OLD.key OR NEW.size <> OLD.size OR NEW.sha256 <> OLD.sha256"
        " OR (NEW.mail_id IS NOT OLD.mail_id AND (NEW.mail_id IS NOT NULL"
        f" OR ({_needed('OLD.mail_id')} AND NOT {_in_database('OLD.mail_id')})))",
        _NEVER,
    ),
    _on_sqlite(
        "mail_blob_no_replace",
        "INSERT",
        "mail_blob",
        "EXISTS (SELECT 1 FROM mail_blob WHERE mail_id = NEW.mail_id)"
        " OR EXISTS (SELECT 1 FROM mail_blob WHERE key = NEW.key AND place = NEW.place)",
        _NEVER,
    ),
]
_POSTGRESQL = [
    f"""
    CREATE OR REPLACE FUNCTION octets_stay() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT 1 FROM gone JOIN received_mail ON received_mail.id = gone.mail_id
                   WHERE received_mail.state <> 'deleted' AND NOT {_elsewhere("gone.mail_id")})
            THEN RAISE EXCEPTION '{_STAY}' {_REFUSED}; END IF;
        RETURN NULL;
    END $$
    """,
    f"""
    CREATE FUNCTION mail_blob_stays() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' THEN
            IF {_needed("OLD.mail_id")} THEN RAISE EXCEPTION '{_STAY}' {_REFUSED}; END IF;
            RETURN OLD;
        END IF;
        IF NEW.key <> OLD.key OR NEW.size <> OLD.size OR NEW.sha256 <> OLD.sha256
            OR (NEW.mail_id IS DISTINCT FROM OLD.mail_id AND (NEW.mail_id IS NOT NULL
                OR ({_needed("OLD.mail_id")} AND NOT {_in_database("OLD.mail_id")})))
            THEN RAISE EXCEPTION '{_NEVER}' {_REFUSED}; END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER mail_blob_stays BEFORE UPDATE OR DELETE ON mail_blob
    FOR EACH ROW EXECUTE FUNCTION mail_blob_stays()
    """,
    f"""
    CREATE TRIGGER mail_blob_no_truncate BEFORE TRUNCATE ON mail_blob
    FOR EACH STATEMENT EXECUTE FUNCTION refused('{_STAY}')
    """,
]
_TRIGGERS = {"sqlite": _SQLITE, "postgresql": _POSTGRESQL}
