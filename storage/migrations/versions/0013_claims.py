"""Identifiers that accounts claim, and who proved those that they have."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What is there was entered by operators, or came with an invitation."""
    op.add_column("account_key", sa.Column("proven_by", sa.Text(), nullable=True))
    op.add_column("account_key", sa.Column("proven_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "account_claim",
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("code_digest", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["company_account.id"], name=op.f("fk_account_claim_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", "kind", "value", name=op.f("pk_account_claim")),
    )
