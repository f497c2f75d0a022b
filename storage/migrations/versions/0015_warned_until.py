"""Up to which expiry companies were warned by mail."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One more thing that retention knows of time."""
    op.add_column("retention_clock", sa.Column("warned_until", sa.DateTime(timezone=True), nullable=True))
