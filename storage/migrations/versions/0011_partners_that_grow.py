"""Partners that are put on record by their first invoice, what came with their invoices, and warnings about senders."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Partners of before were made by an operator."""
    op.add_column(
        "contracting_partner",
        sa.Column("origin", sa.String(length=16), server_default=sa.text("'operator'"), nullable=False),
    )
    op.add_column(
        "contracting_partner",
        sa.Column("invoices", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )
    op.create_table(
        "partner_trait",
        sa.Column("partner_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["contracting_partner.id"], name=op.f("fk_partner_trait_partner_id")
        ),
        sa.PrimaryKeyConstraint("partner_id", "kind", "value", name=op.f("pk_partner_trait")),
    )
    op.create_table(
        "sender_warning",
        sa.Column("invoice_id", sa.String(length=36), nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("evidence", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("invoice_id", "code", name=op.f("pk_sender_warning")),
    )
    op.create_index(
        "ix_invoice_account_id_invoice_number", "invoice", ["account_id", "invoice_number"], unique=False
    )
