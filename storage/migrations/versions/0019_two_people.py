"""What the first of two people said of an invoice that waits for both."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nobody has said anything yet."""
    op.create_table(
        "second_look",
        sa.Column("invoice_id", sa.String(length=36), nullable=False),
        sa.Column("approved_by", sa.String(length=36), nullable=False),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("invoice_id", name=op.f("pk_second_look")),
    )
    waiting = sa.text("second_look IN ('waiting', 'withheld', 'rejected')")
    op.create_index(
        "ix_inbox_entry_second_look",
        "inbox_entry",
        ["account_id", "invoice_id"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
