"""An index of what a company's inbox warns of: invoices that are deleted soon."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Of available invoices only, as retention's own."""
    available = sa.text("state = 'available'")
    op.create_index(
        "ix_invoice_account_id_expires_at",
        "invoice",
        ["account_id", "expires_at"],
        sqlite_where=available,
        postgresql_where=available,
    )
