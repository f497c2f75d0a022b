"""An index by which mails of ours go along with the mail that they tell of, without a look at all others."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Of those that tell of a mail only, as the one of invoices."""
    condition = sa.text("mail_id IS NOT NULL")
    op.create_index(
        "ix_outbound_mail_mail_id",
        "outbound_mail",
        ["mail_id"],
        sqlite_where=condition,
        postgresql_where=condition,
    )
