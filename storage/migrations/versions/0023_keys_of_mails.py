"""A key for each mail whose octets lie encrypted outside the database; it goes with its mail, and not before."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_STAYS = "the key of a mail stays until the time of the mail has come"
_NEVER = "the key of a mail never changes"
_NEEDED = "EXISTS (SELECT 1 FROM received_mail WHERE id = OLD.mail_id AND state <> 'deleted')"
_REFUSED = "USING ERRCODE = 'integrity_constraint_violation'"


def upgrade() -> None:
    """Creates the table, and the triggers that guard it: without its key a mail is lost."""
    op.create_table(
        "mail_key",
        sa.Column("mail_id", sa.String(length=36), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("mail_id", name="pk_mail_key"),
    )
    for statement in _TRIGGERS[op.get_context().dialect.name]:
        op.execute(statement)


def _on_sqlite(name: str, event: str, when: str, message: str) -> str:
    return f"CREATE TRIGGER {name} BEFORE {event} ON mail_key WHEN {when} BEGIN SELECT RAISE(ABORT, '{message}'); END"


_SQLITE = [
    _on_sqlite("mail_key_stays", "DELETE", _NEEDED, _STAYS),
    _on_sqlite("mail_key_no_update", "UPDATE", "TRUE", _NEVER),
    _on_sqlite(
        "mail_key_no_replace",
        "INSERT",
        "EXISTS (SELECT 1 FROM mail_key WHERE mail_id = NEW.mail_id)",
        _NEVER,
    ),
]
_POSTGRESQL = [
    f"""
    CREATE FUNCTION mail_key_stays() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' THEN RAISE EXCEPTION '{_NEVER}' {_REFUSED}; END IF;
        IF {_NEEDED} THEN RAISE EXCEPTION '{_STAYS}' {_REFUSED}; END IF;
        RETURN OLD;
    END $$
    """,
    """
    CREATE TRIGGER mail_key_stays BEFORE UPDATE OR DELETE ON mail_key
    FOR EACH ROW EXECUTE FUNCTION mail_key_stays()
    """,
    f"""
    CREATE TRIGGER mail_key_no_truncate BEFORE TRUNCATE ON mail_key
    FOR EACH STATEMENT EXECUTE FUNCTION refused('{_STAYS}')
    """,
]
_TRIGGERS = {"sqlite": _SQLITE, "postgresql": _POSTGRESQL}
