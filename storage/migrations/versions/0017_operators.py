"""People who run the mailbox, and what people decided that is no single mail's or invoice's history."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nobody is an operator until a command says so."""
    op.create_table(
        "portal_operator",
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("given_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["portal_user.id"], name=op.f("fk_portal_operator_user_id")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_portal_operator")),
    )
    op.create_table(
        "act",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("subject_id", sa.String(length=36), nullable=False),
        sa.Column("detail", sa.JSON(none_as_null=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_act")),
    )
    op.create_index(op.f("ix_act_subject_id"), "act", ["subject_id"])
    for statement in _TRIGGERS[op.get_context().dialect.name]:
        op.execute(statement)


# As those of history_event; acts are about what stays, so they stay, too.
_TRIGGERS = {
    "sqlite": [
        """
        CREATE TRIGGER act_no_update BEFORE UPDATE ON act
        BEGIN SELECT RAISE(ABORT, 'what was decided is never edited'); END
        """,
        """
        CREATE TRIGGER act_no_delete BEFORE DELETE ON act
        BEGIN SELECT RAISE(ABORT, 'what was decided stays on record'); END
        """,
        """
        CREATE TRIGGER act_no_replace BEFORE INSERT ON act
        WHEN EXISTS (SELECT 1 FROM act WHERE id = NEW.id)
        BEGIN SELECT RAISE(ABORT, 'what was decided is never edited'); END
        """,
    ],
    "postgresql": [
        """
        CREATE FUNCTION act_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'what was decided stays on record as it is'
                USING ERRCODE = 'integrity_constraint_violation';
        END $$
        """,
        """
        CREATE TRIGGER act_is_kept BEFORE UPDATE OR DELETE ON act
        FOR EACH ROW EXECUTE FUNCTION act_is_kept()
        """,
        """
        CREATE TRIGGER act_no_truncate BEFORE TRUNCATE ON act
        FOR EACH STATEMENT EXECUTE FUNCTION act_is_kept()
        """,
    ],
}
