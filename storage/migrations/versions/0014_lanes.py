"""The queue has lanes, one for each domain of reverse-paths, so that senders take turns."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column and its index; what is in the queue already shares a lane."""
    op.add_column(
        "received_mail",
        sa.Column("lane", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=True),
    )
    op.execute("UPDATE received_mail SET lane = '' WHERE state IN ('received', 'claimed')")
    queued = sa.text("state IN ('received', 'claimed')")
    op.create_index(
        "ix_received_mail_lane", "received_mail", ["lane", "id"], sqlite_where=queued, postgresql_where=queued
    )
