"""What validation found, beside the entries of the inboxes, so that those with errors are found quickly."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The entries get what stands beside their invoices."""
    op.add_column("inbox_entry", sa.Column("validation_status", sa.String(length=20), nullable=True))
    op.execute(
        "UPDATE inbox_entry SET validation_status ="
        " (SELECT invoice.validation_status FROM invoice WHERE invoice.id = inbox_entry.invoice_id)"
        " WHERE EXISTS (SELECT 1 FROM invoice"
        " WHERE invoice.id = inbox_entry.invoice_id AND invoice.validation_status IS NOT NULL)"
    )
    op.create_index(
        "ix_inbox_entry_invalid",
        "inbox_entry",
        ["account_id", "received_at", "invoice_id"],
        sqlite_where=sa.text("validation_status = 'invalid'"),
        postgresql_where=sa.text("validation_status = 'invalid'"),
    )
