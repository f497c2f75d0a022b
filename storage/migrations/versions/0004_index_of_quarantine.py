"""An index of the mails in quarantine, which are counted at each look at the metrics."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """It is as small as the quarantine."""
    quarantined = sa.text("state = 'quarantined'")
    op.create_index(
        "ix_received_mail_quarantine",
        "received_mail",
        ["id"],
        sqlite_where=quarantined,
        postgresql_where=quarantined,
    )
