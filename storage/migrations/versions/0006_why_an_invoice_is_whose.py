"""Evidence beside each invoice, and operators' decisions beside mails."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Invoices of before have no evidence; the rule that found their account is on record all the same."""
    op.add_column("invoice", sa.Column("evidence", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("received_mail", sa.Column("assignment", sa.JSON(none_as_null=True), nullable=True))
