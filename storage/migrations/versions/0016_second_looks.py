"""What warnings about a sender do, for each account, and the invoices that somebody has to look at."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing is held that was not."""
    op.add_column(
        "company_account",
        sa.Column("warning_policy", sa.String(length=16), server_default=sa.text("'note'"), nullable=False),
    )
    op.add_column("inbox_entry", sa.Column("second_look", sa.String(length=16), nullable=True))
