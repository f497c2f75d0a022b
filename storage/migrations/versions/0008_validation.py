"""What each invoice is worth; invoices from before wait for it like new ones."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Columns that SQLite can add without copying the table, and an index of those that wait."""
    op.add_column("invoice", sa.Column("validation_status", sa.String(20)))
    op.add_column("invoice", sa.Column("validation", sa.JSON(none_as_null=True)))
    op.add_column("invoice", sa.Column("validated_at", sa.DateTime(timezone=True)))
    op.add_column(
        "invoice", sa.Column("validation_tries", sa.Integer(), nullable=False, server_default=sa.text("0"))
    )
    op.add_column("invoice", sa.Column("validation_after", sa.DateTime(timezone=True)))
    waiting = sa.text("validation_status IS NULL AND state = 'available'")
    op.create_index(
        "ix_invoice_unvalidated", "invoice", ["id"], sqlite_where=waiting, postgresql_where=waiting
    )
