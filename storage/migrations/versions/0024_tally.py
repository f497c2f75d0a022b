"""Kept numbers of mails, invoices and what is sent; the first run of retention counts what is there already."""

import sqlalchemy as sa
from alembic import op

# ruff: noqa: S608  -- the statements are put together of nothing but what stands here

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

# What is sent goes along when its invoice is deleted, so that only the database sees in which state it was.
_TOLD = {"outbound_mail": ("outbound", "'queued', 'held'"), "webhook_delivery": ("call", "'waiting'")}


def upgrade() -> None:
    """An empty table: to count ten million records here would keep mail waiting."""
    op.create_table(
        "tally",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tally"),
    )
    op.add_column("retention_clock", sa.Column("counted_at", sa.DateTime(timezone=True), nullable=True))
    triggers = {"sqlite": _on_sqlite, "postgresql": _on_postgresql}[op.get_context().dialect.name]
    for table, (kind, waiting) in _TOLD.items():
        for statement in triggers(table, kind, waiting):
            op.execute(statement)


def _on_sqlite(table: str, kind: str, waiting: str) -> list[str]:
    def told(state: str, number: int) -> str:
        return f"SELECT '{kind} ' || {state}, {number} WHERE {state} NOT IN ({waiting})"

    into, changed = "INSERT INTO tally (kind, number)", "WHEN OLD.state <> NEW.state"
    both = f"{told('OLD.state', -1)} UNION ALL {told('NEW.state', 1)}"
    return [
        f"CREATE TRIGGER {table}_told_change AFTER UPDATE OF state ON {table} {changed} BEGIN {into} {both}; END",
        f"CREATE TRIGGER {table}_told_end AFTER DELETE ON {table} BEGIN {into} {told('OLD.state', -1)}; END",
    ]


def _on_postgresql(table: str, kind: str, waiting: str) -> list[str]:
    return [
        f"""
        CREATE FUNCTION {table}_told() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.state NOT IN ({waiting}) THEN
                INSERT INTO tally (kind, number) VALUES ('{kind} ' || OLD.state, -1);
            END IF;
            IF TG_OP = 'UPDATE' AND NEW.state NOT IN ({waiting}) THEN
                INSERT INTO tally (kind, number) VALUES ('{kind} ' || NEW.state, 1);
            END IF;
            RETURN NULL;
        END $$
        """,
        f"""
        CREATE TRIGGER {table}_told_change AFTER UPDATE OF state ON {table}
        FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION {table}_told()
        """,
        f"CREATE TRIGGER {table}_told_end AFTER DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_told()",
    ]
