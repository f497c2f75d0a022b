"""Beside each mail who really sent it, and when that is to be checked."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Mails that are on record already are left as they are: their senders' keys may be gone."""
    op.add_column("received_mail", sa.Column("authentication", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("received_mail", sa.Column("sender_check_at", sa.DateTime(timezone=True), nullable=True))
    waits = sa.text("sender_check_at IS NOT NULL")
    op.create_index(
        "ix_received_mail_sender_check_at",
        "received_mail",
        ["sender_check_at"],
        sqlite_where=waits,
        postgresql_where=waits,
    )
