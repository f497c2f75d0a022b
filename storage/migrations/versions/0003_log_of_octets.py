"""A log of octets beside an SQLite database; on PostgreSQL, chunks that fill a page."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing that is there moves: chunks of before stay where they are, and are read as ever."""
    op.create_table(
        "octet_segment",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("claims", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_octet_segment"),
    )
    op.create_table(
        "mail_extent",
        sa.Column("segment_id", sa.String(length=36), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("mail_id", sa.String(length=36), nullable=True),
        sa.ForeignKeyConstraint(["segment_id"], ["octet_segment.id"], name="fk_mail_extent_segment_id"),
        sa.PrimaryKeyConstraint("segment_id", "position", name="pk_mail_extent"),
        sa.UniqueConstraint("mail_id", name="uq_mail_extent_mail_id"),
    )
    if op.get_context().dialect.name == "postgresql":
        op.execute("ALTER TABLE mail_octets DROP CONSTRAINT fk_mail_octets_mail_id")
        # A row that fits a page stays whole. In pieces of 2 KB in a table beside it, it costs twice the time.
        op.execute("ALTER TABLE mail_octets SET (toast_tuple_target = 8160)")
    else:
        op.execute("ALTER TABLE mail_octets RENAME TO mail_octets_0002")
        op.create_table(
            "mail_octets",
            sa.Column("mail_id", sa.String(length=36), nullable=False),
            sa.Column("position", sa.Integer(), nullable=False),
            sa.Column("octets", sa.LargeBinary(), nullable=False),
            sa.PrimaryKeyConstraint("mail_id", "position", name="pk_mail_octets"),
        )
        op.execute("INSERT INTO mail_octets SELECT mail_id, position, octets FROM mail_octets_0002")
        op.drop_table("mail_octets_0002")
