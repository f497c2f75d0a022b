"""Octets of mails in chunks, so that no large mail has to be in memory whole; narrower indexes."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Most rows have no value there, and each entry costs a write before every 250.
_NARROWED = [
    ("ix_received_mail_expires_at", "received_mail", "expires_at"),
    ("ix_received_mail_tombstone_until", "received_mail", "tombstone_until"),
    ("ix_history_event_invoice_id", "history_event", "invoice_id"),
]


def upgrade() -> None:
    """Moves what is there: each mail so far becomes one chunk."""
    if op.get_context().dialect.name == "postgresql":
        op.execute("ALTER TABLE mail_octets ADD COLUMN position INTEGER NOT NULL DEFAULT 0")
        op.execute("ALTER TABLE mail_octets ALTER COLUMN position DROP DEFAULT")
        op.execute("ALTER TABLE mail_octets DROP CONSTRAINT pk_mail_octets")
        op.execute("ALTER TABLE mail_octets ADD CONSTRAINT pk_mail_octets PRIMARY KEY (mail_id, position)")
        # Invoices are base64 of what is compressed already: trying again costs more than writing it.
        op.execute("ALTER TABLE mail_octets ALTER COLUMN octets SET STORAGE EXTERNAL")
    else:
        op.execute("ALTER TABLE mail_octets RENAME TO mail_octets_0001")
        op.create_table(
            "mail_octets",
            sa.Column("mail_id", sa.String(length=36), nullable=False),
            sa.Column("position", sa.Integer(), nullable=False),
            sa.Column("octets", sa.LargeBinary(), nullable=False),
            sa.ForeignKeyConstraint(["mail_id"], ["received_mail.id"], name="fk_mail_octets_mail_id"),
            sa.PrimaryKeyConstraint("mail_id", "position", name="pk_mail_octets"),
        )
        op.execute("INSERT INTO mail_octets SELECT mail_id, 0, octets FROM mail_octets_0001")
        op.drop_table("mail_octets_0001")
    for name, table, column in _NARROWED:
        op.drop_index(name, table)
        condition = sa.text(f"{column} IS NOT NULL")
        op.create_index(name, table, [column], sqlite_where=condition, postgresql_where=condition)
