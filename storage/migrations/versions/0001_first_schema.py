"""The first schema: the queue, accounts, partners, invoices, links and the history that nobody edits."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Creates every table, and the triggers that keep the history as it is."""
    _create_tables()
    for statement in _TRIGGERS[op.get_context().dialect.name]:
        op.execute(statement)


def _create_tables() -> None:
    op.create_table(
        "company_account",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("invited_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_company_account")),
    )
    op.create_table(
        "contracting_partner",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("trust", sa.String(length=16), nullable=False),
        sa.Column("environment", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_seen", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contracting_partner")),
        sa.UniqueConstraint("name", name=op.f("uq_contracting_partner_name")),
    )
    op.create_table(
        "history_event",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False
        ),
        sa.Column("mail_id", sa.String(length=36), nullable=True),
        sa.Column("invoice_id", sa.String(length=36), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event", sa.String(length=32), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("detail", sa.JSON(none_as_null=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_history_event")),
    )
    op.create_index(op.f("ix_history_event_invoice_id"), "history_event", ["invoice_id"], unique=False)
    op.create_index(op.f("ix_history_event_mail_id"), "history_event", ["mail_id"], unique=False)
    op.create_table(
        "received_mail",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("reverse_path", sa.Text(), nullable=True),
        sa.Column("forward_paths", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("peer", sa.Text(), nullable=True),
        sa.Column("helo", sa.Text(), nullable=True),
        sa.Column("tls", sa.Boolean(), nullable=False),
        sa.Column("trace", sa.LargeBinary(), nullable=True),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("transfer_digest", sa.LargeBinary(), nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("claimed_by", sa.Text(), nullable=True),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("message_id", sa.Text(), nullable=True),
        sa.Column("content", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tombstone_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_received_mail")),
        sa.UniqueConstraint("transfer_digest", name=op.f("uq_received_mail_transfer_digest")),
    )
    op.create_index("ix_received_mail_expires_at", "received_mail", ["expires_at"], unique=False)
    op.create_index(
        "ix_received_mail_queue",
        "received_mail",
        ["id"],
        unique=False,
        sqlite_where=sa.text("state IN ('received', 'claimed')"),
        postgresql_where=sa.text("state IN ('received', 'claimed')"),
    )
    op.create_index("ix_received_mail_tombstone_until", "received_mail", ["tombstone_until"], unique=False)
    op.create_table(
        "account_key",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["company_account.id"], name=op.f("fk_account_key_account_id")
        ),
        sa.PrimaryKeyConstraint("kind", "value", name=op.f("pk_account_key")),
    )
    op.create_index(op.f("ix_account_key_account_id"), "account_key", ["account_id"], unique=False)
    op.create_table(
        "invoice",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("mail_id", sa.String(length=36), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("matched_by", sa.Text(), nullable=True),
        sa.Column("environment", sa.String(length=16), nullable=False),
        sa.Column("environment_reason", sa.Text(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("invoice_number", sa.Text(), nullable=True),
        sa.Column("issue_date", sa.Text(), nullable=True),
        sa.Column("content", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("same_invoice", sa.LargeBinary(), nullable=True),
        sa.Column("duplicate_of", sa.String(length=36), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tombstone_until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["company_account.id"], name=op.f("fk_invoice_account_id")),
        sa.ForeignKeyConstraint(["mail_id"], ["received_mail.id"], name=op.f("fk_invoice_mail_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice")),
    )
    op.create_index(
        "ix_invoice_account_id_received_at", "invoice", ["account_id", "received_at"], unique=False
    )
    op.create_index(
        "ix_invoice_account_id_same_invoice", "invoice", ["account_id", "same_invoice"], unique=False
    )
    op.create_index(
        "ix_invoice_expires_at",
        "invoice",
        ["expires_at"],
        unique=False,
        sqlite_where=sa.text("state = 'available'"),
        postgresql_where=sa.text("state = 'available'"),
    )
    op.create_index("ix_invoice_tombstone_until", "invoice", ["tombstone_until"], unique=False)
    op.create_index(
        "uq_invoice_mail_id_position_account_id",
        "invoice",
        ["mail_id", "position", "account_id"],
        unique=True,
    )
    op.create_table(
        "mail_octets",
        sa.Column("mail_id", sa.String(length=36), nullable=False),
        sa.Column("octets", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["mail_id"], ["received_mail.id"], name=op.f("fk_mail_octets_mail_id")),
        sa.PrimaryKeyConstraint("mail_id", name=op.f("pk_mail_octets")),
    )
    op.create_table(
        "partner_key",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("partner_id", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["contracting_partner.id"], name=op.f("fk_partner_key_partner_id")
        ),
        sa.PrimaryKeyConstraint("kind", "value", name=op.f("pk_partner_key")),
    )
    op.create_index(op.f("ix_partner_key_partner_id"), "partner_key", ["partner_id"], unique=False)
    op.create_table(
        "registration_link",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("token_digest", sa.LargeBinary(), nullable=False),
        sa.Column("newest", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("redeemed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["company_account.id"], name=op.f("fk_registration_link_account_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registration_link")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_registration_link_token_digest")),
    )
    op.create_index(
        op.f("ix_registration_link_account_id"), "registration_link", ["account_id"], unique=False
    )
    op.create_index(
        "uq_registration_link_email",
        "registration_link",
        ["email"],
        unique=True,
        sqlite_where=sa.text("newest"),
        postgresql_where=sa.text("newest"),
    )


# What is on record cannot be changed by whoever can write to the tables, and it goes only after what it is
# about has gone. SQLite's "INSERT OR REPLACE" deletes without asking delete triggers, hence the third one.
_TRIGGERS = {
    "sqlite": [
        """
        CREATE TRIGGER history_event_no_update BEFORE UPDATE ON history_event
        BEGIN SELECT RAISE(ABORT, 'history is never edited'); END
        """,
        """
        CREATE TRIGGER history_event_no_delete BEFORE DELETE ON history_event
        WHEN CASE WHEN OLD.invoice_id IS NULL
             THEN EXISTS (SELECT 1 FROM received_mail WHERE id = OLD.mail_id)
             ELSE EXISTS (SELECT 1 FROM invoice WHERE id = OLD.invoice_id) END
        BEGIN SELECT RAISE(ABORT, 'history stays as long as what it is about'); END
        """,
        """
        CREATE TRIGGER history_event_no_replace BEFORE INSERT ON history_event
        WHEN EXISTS (SELECT 1 FROM history_event WHERE id = NEW.id)
        BEGIN SELECT RAISE(ABORT, 'history is never edited'); END
        """,
    ],
    "postgresql": [
        """
        CREATE FUNCTION history_event_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'DELETE' THEN
                IF OLD.invoice_id IS NULL THEN
                    IF NOT EXISTS (SELECT 1 FROM received_mail WHERE id = OLD.mail_id)
                        THEN RETURN OLD; END IF;
                ELSIF NOT EXISTS (SELECT 1 FROM invoice WHERE id = OLD.invoice_id) THEN RETURN OLD;
                END IF;
                RAISE EXCEPTION 'history stays as long as what it is about'
                    USING ERRCODE = 'integrity_constraint_violation';
            END IF;
            RAISE EXCEPTION 'history is never edited' USING ERRCODE = 'integrity_constraint_violation';
        END $$
        """,
        """
        CREATE TRIGGER history_event_is_kept BEFORE UPDATE OR DELETE ON history_event
        FOR EACH ROW EXECUTE FUNCTION history_event_is_kept()
        """,
        """
        CREATE TRIGGER history_event_no_truncate BEFORE TRUNCATE ON history_event
        FOR EACH STATEMENT EXECUTE FUNCTION history_event_is_kept()
        """,
    ],
}
