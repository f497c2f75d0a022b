"""Nothing goes before its time: the database refuses; legal holds, the ledger of deletions, and the retention clock."""

import sqlalchemy as sa
from alembic import op

# ruff: noqa: S608  -- the statements are put together of nothing but what stands here

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Creates the tables of retention, and the triggers that hold off everybody, our own code included."""
    _create_tables()
    _narrow_indexes()
    for statement in _TRIGGERS[op.get_context().dialect.name]:
        op.execute(statement)


def _create_tables() -> None:
    instant = sa.DateTime(timezone=True)
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "retention_permit",
        sa.Column("id", number, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("as_if", instant, nullable=True),
        sa.Column("ledger_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_retention_permit"),
    )
    op.create_table(
        "retention_clock",
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("seen_at", instant, nullable=True),
        sa.Column("distrusted_at", instant, nullable=True),
        sa.Column("productive_deleted", sa.BigInteger(), nullable=False),
        sa.Column("test_deleted", sa.BigInteger(), nullable=False),
        sa.Column("mails_deleted", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_retention_clock"),
    )
    op.create_table(
        "legal_hold",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("subject_id", sa.String(length=36), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("set_at", instant, nullable=False),
        sa.Column("release_reason", sa.Text(), nullable=True),
        sa.Column("released_by", sa.Text(), nullable=True),
        sa.Column("released_at", instant, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_legal_hold"),
    )
    held = sa.text("released_at IS NULL")
    op.create_index(
        "uq_legal_hold_subject_id",
        "legal_hold",
        ["subject_id"],
        unique=True,
        sqlite_where=held,
        postgresql_where=held,
    )
    op.create_table(
        "retention_ledger",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, autoincrement=False
        ),
        sa.Column("at", instant, nullable=False),
        sa.Column("event", sa.String(length=32), nullable=False),
        sa.Column("subject_id", sa.String(length=36), nullable=True),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("content_digest", sa.LargeBinary(), nullable=True),
        sa.Column("keep_until", instant, nullable=False),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_retention_ledger"),
    )
    about = sa.text("subject_id IS NOT NULL")
    op.create_index(
        "ix_retention_ledger_subject_id",
        "retention_ledger",
        ["subject_id"],
        sqlite_where=about,
        postgresql_where=about,
    )


def _narrow_indexes() -> None:
    """Retention walks along these; what it has done already must not lie in its way."""
    for name, table, columns, condition in (
        ("ix_invoice_expires_at", "invoice", ["expires_at", "id"], "state = 'available'"),
        (
            "ix_received_mail_expires_at",
            "received_mail",
            ["expires_at", "id"],
            "state IN ('filed', 'quarantined')",
        ),
        ("ix_invoice_tombstone_until", "invoice", ["tombstone_until"], "tombstone_until IS NOT NULL"),
    ):
        op.drop_index(name, table)
        where = sa.text(condition)
        op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)


# The clock of a trigger is the database's own, but for a drill. A drill needs a permit, which is there within the one
# transaction only and names its entry in the ledger: whoever opens the gate by hand has to leave a trace.
_CLOCK = (
    "coalesce((SELECT max(as_if) FROM retention_permit WHERE kind = 'drill'),"
    " strftime('%Y-%m-%d %H:%M:%f', 'now') || '000')"
)
_RESCHEDULING = "EXISTS (SELECT 1 FROM retention_permit WHERE kind = 'reschedule')"


def _held(*subjects: str) -> str:
    wanted = ", ".join(subjects)
    return f"EXISTS (SELECT 1 FROM legal_hold WHERE released_at IS NULL AND subject_id IN ({wanted}))"


_INVOICE_HELD = _held("OLD.id", "OLD.mail_id", "OLD.account_id")
_MAIL_HELD = _held("OLD.id")
_INVOICES_NEED_IT = "EXISTS (SELECT 1 FROM invoice WHERE mail_id = OLD.id AND state = 'available')"
_STAYS = "stays until its time has come"
_NEVER = "never changes"


def _on_sqlite(name: str, event: str, table: str, when: str, message: str) -> str:
    return f"CREATE TRIGGER {name} BEFORE {event} ON {table} WHEN {when} BEGIN SELECT RAISE(ABORT, '{message}'); END"


_SQLITE = [
    _on_sqlite(
        "invoice_stays_delete",
        "DELETE",
        "invoice",
        f"OLD.state <> 'deleted' OR OLD.tombstone_until IS NULL OR OLD.tombstone_until > {_CLOCK} OR {_INVOICE_HELD}",
        f"an invoice {_STAYS}",
    ),
    _on_sqlite(
        "invoice_stays_update",
        "UPDATE OF state, content, same_invoice, invoice_number, issue_date, received_at",
        "invoice",
        "OLD.state = 'available' AND (NEW.state <> 'available' OR NEW.content IS NULL"
        " OR json_extract(NEW.content, '$.terms') IS NOT json_extract(OLD.content, '$.terms')"
        " OR json_extract(NEW.content, '$.document') IS NOT json_extract(OLD.content, '$.document')"
        " OR (NEW.same_invoice IS NULL AND OLD.same_invoice IS NOT NULL)"
        " OR (NEW.invoice_number IS NULL AND OLD.invoice_number IS NOT NULL)"
        " OR (NEW.issue_date IS NULL AND OLD.issue_date IS NOT NULL)"
        " OR NEW.received_at IS NOT OLD.received_at)"
        f" AND (OLD.expires_at > {_CLOCK} OR {_INVOICE_HELD})",
        f"an invoice {_STAYS}",
    ),
    _on_sqlite(
        "invoice_expiry",
        "UPDATE OF expires_at",
        "invoice",
        f"(NEW.expires_at IS NULL OR NEW.expires_at < OLD.expires_at) AND NOT {_RESCHEDULING}",
        "an expiry comes nearer by a rescheduling only",
    ),
    _on_sqlite(
        "invoice_tombstone",
        "UPDATE OF state, tombstone_until",
        "invoice",
        "OLD.state = 'deleted' AND (NEW.state <> 'deleted' OR NEW.tombstone_until IS NOT OLD.tombstone_until)",
        f"a tombstone {_NEVER}",
    ),
    _on_sqlite(
        "invoice_identity",
        "UPDATE OF id, mail_id, position, account_id",
        "invoice",
        "NEW.id <> OLD.id OR NEW.mail_id <> OLD.mail_id OR NEW.position <> OLD.position"
        " OR (NEW.account_id <> OLD.account_id AND EXISTS (SELECT 1 FROM invoice WHERE mail_id = NEW.mail_id"
        " AND position = NEW.position AND account_id = NEW.account_id))",
        f"which invoice of which mail it is {_NEVER}",
    ),
    _on_sqlite(
        "invoice_no_replace",
        "INSERT",
        "invoice",
        "EXISTS (SELECT 1 FROM invoice WHERE id = NEW.id) OR EXISTS (SELECT 1 FROM invoice"
        " WHERE mail_id = NEW.mail_id AND position = NEW.position AND account_id = NEW.account_id)",
        f"an invoice {_STAYS}; this one is on record",
    ),
    _on_sqlite(
        "mail_stays_delete",
        "DELETE",
        "received_mail",
        f"OLD.state <> 'deleted' OR OLD.tombstone_until IS NULL OR OLD.tombstone_until > {_CLOCK} OR {_MAIL_HELD}"
        " OR EXISTS (SELECT 1 FROM invoice WHERE mail_id = OLD.id)",
        f"a mail {_STAYS}",
    ),
    _on_sqlite(
        "mail_stays_update",
        "UPDATE OF state, reverse_path, forward_paths, peer, helo, trace, message_id, content",
        "received_mail",
        "OLD.state <> 'deleted' AND ("
        "NEW.state = 'deleted'"
        " OR (OLD.state = 'filed' AND NEW.state <> 'filed')"
        " OR NEW.reverse_path IS NOT OLD.reverse_path OR NEW.forward_paths IS NOT OLD.forward_paths"
        " OR NEW.peer IS NOT OLD.peer OR NEW.helo IS NOT OLD.helo OR NEW.trace IS NOT OLD.trace"
        " OR (OLD.state IN ('filed', 'quarantined')"
        " AND (NEW.content IS NOT OLD.content OR NEW.message_id IS NOT OLD.message_id))"
        f") AND (OLD.state NOT IN ('filed', 'quarantined') OR OLD.expires_at IS NULL OR OLD.expires_at > {_CLOCK}"
        f" OR {_MAIL_HELD} OR {_INVOICES_NEED_IT})",
        f"a mail {_STAYS}",
    ),
    _on_sqlite(
        "mail_expiry",
        "UPDATE OF expires_at",
        "received_mail",
        "OLD.expires_at IS NOT NULL AND ((NEW.expires_at IS NULL AND NEW.state <> 'received')"
        f" OR NEW.expires_at < OLD.expires_at) AND NOT {_RESCHEDULING}",
        "an expiry comes nearer by a rescheduling only",
    ),
    _on_sqlite(
        "mail_tombstone",
        "UPDATE OF state, tombstone_until",
        "received_mail",
        "OLD.state = 'deleted' AND (NEW.state <> 'deleted' OR NEW.tombstone_until IS NOT OLD.tombstone_until)",
        f"a tombstone {_NEVER}",
    ),
    _on_sqlite(
        "mail_identity",
        "UPDATE OF id, size, transfer_digest, received_at",
        "received_mail",
        "NEW.id <> OLD.id OR NEW.size <> OLD.size OR NEW.transfer_digest <> OLD.transfer_digest"
        " OR NEW.received_at <> OLD.received_at",
        f"what came in {_NEVER}",
    ),
    _on_sqlite(
        "mail_no_replace",
        "INSERT",
        "received_mail",
        "EXISTS (SELECT 1 FROM received_mail WHERE id = NEW.id)"
        " OR EXISTS (SELECT 1 FROM received_mail WHERE transfer_digest = NEW.transfer_digest)",
        f"a mail {_STAYS}; this one is on record",
    ),
    _on_sqlite(
        "mail_octets_stay",
        "DELETE",
        "mail_octets",
        "EXISTS (SELECT 1 FROM received_mail WHERE id = OLD.mail_id AND state <> 'deleted')",
        "octets stay until the time of their mail has come",
    ),
    _on_sqlite("mail_octets_no_update", "UPDATE", "mail_octets", "TRUE", f"what came in {_NEVER}"),
    _on_sqlite(
        "mail_octets_no_replace",
        "INSERT",
        "mail_octets",
        "EXISTS (SELECT 1 FROM mail_octets WHERE mail_id = NEW.mail_id AND position = NEW.position)",
        f"what came in {_NEVER}",
    ),
    _on_sqlite(
        "mail_extent_stays",
        "DELETE",
        "mail_extent",
        "EXISTS (SELECT 1 FROM received_mail WHERE id = OLD.mail_id AND state <> 'deleted')",
        "octets stay until the time of their mail has come",
    ),
    _on_sqlite(
        "mail_extent_no_update",
        "UPDATE",
        "mail_extent",
        "NEW.mail_id IS NOT NULL OR NEW.segment_id <> OLD.segment_id OR NEW.position <> OLD.position OR "
        "EXISTS (SELECT 1 FROM received_mail WHERE id = OLD.mail_id AND state <> 'deleted')",
        "octets stay until the time of their mail has come",
    ),
    _on_sqlite(
        "mail_extent_no_replace",
        "INSERT",
        "mail_extent",
        "EXISTS (SELECT 1 FROM mail_extent WHERE segment_id = NEW.segment_id AND position = NEW.position)"
        " OR EXISTS (SELECT 1 FROM mail_extent WHERE mail_id = NEW.mail_id)",
        f"what came in {_NEVER}",
    ),
    _on_sqlite(
        "octet_segment_stays",
        "DELETE",
        "octet_segment",
        "EXISTS (SELECT 1 FROM mail_extent WHERE segment_id = OLD.id)",
        "octets stay until the time of their mail has come",
    ),
    _on_sqlite("legal_hold_no_delete", "DELETE", "legal_hold", "TRUE", "a hold stays on record"),
    _on_sqlite(
        "legal_hold_no_update",
        "UPDATE",
        "legal_hold",
        "OLD.released_at IS NOT NULL OR NEW.released_at IS NULL OR NEW.id <> OLD.id OR NEW.kind <> OLD.kind"
        " OR NEW.subject_id <> OLD.subject_id OR NEW.reason <> OLD.reason OR NEW.set_by <> OLD.set_by"
        " OR NEW.set_at <> OLD.set_at",
        "a hold is released, and never changed otherwise",
    ),
    _on_sqlite(
        "legal_hold_no_replace",
        "INSERT",
        "legal_hold",
        "EXISTS (SELECT 1 FROM legal_hold WHERE id = NEW.id)"
        " OR EXISTS (SELECT 1 FROM legal_hold WHERE subject_id = NEW.subject_id AND released_at IS NULL)",
        "it is held already",
    ),
    _on_sqlite(
        "retention_ledger_no_update", "UPDATE", "retention_ledger", "TRUE", "the ledger is never edited"
    ),
    _on_sqlite(
        "retention_ledger_no_delete",
        "DELETE",
        "retention_ledger",
        f"OLD.keep_until > {_CLOCK} OR OLD.id = (SELECT max(id) FROM retention_ledger)"
        " OR OLD.id > (SELECT min(id) FROM retention_ledger)",
        "an entry of the ledger goes after its time, the oldest first",
    ),
    _on_sqlite(
        "retention_ledger_no_replace",
        "INSERT",
        "retention_ledger",
        "EXISTS (SELECT 1 FROM retention_ledger WHERE id = NEW.id)",
        "the ledger is never edited",
    ),
    _on_sqlite(
        "retention_permit_on_record",
        "INSERT",
        "retention_permit",
        "NOT EXISTS (SELECT 1 FROM retention_ledger WHERE id = NEW.ledger_id"
        " AND event = CASE NEW.kind WHEN 'drill' THEN 'drill' ELSE 'rescheduled' END)",
        "a permit needs its entry in the ledger",
    ),
    _on_sqlite(
        "retention_permit_no_update", "UPDATE", "retention_permit", "TRUE", "a permit is never edited"
    ),
]

_REFUSED = "USING ERRCODE = 'integrity_constraint_violation'"

_POSTGRESQL = [
    """
    CREATE FUNCTION retention_now() RETURNS timestamptz LANGUAGE sql STABLE AS $$
        SELECT coalesce((SELECT max(as_if) FROM retention_permit WHERE kind = 'drill'), now())
    $$
    """,
    f"""
    CREATE FUNCTION invoice_stays() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' THEN
            IF OLD.state <> 'deleted' OR OLD.tombstone_until IS NULL OR OLD.tombstone_until > retention_now()
                OR {_INVOICE_HELD}
            THEN RAISE EXCEPTION 'an invoice {_STAYS}' {_REFUSED}; END IF;
            RETURN OLD;
        END IF;
        IF NEW.id <> OLD.id OR NEW.mail_id <> OLD.mail_id OR NEW.position <> OLD.position
            THEN RAISE EXCEPTION 'which invoice of which mail it is {_NEVER}' {_REFUSED}; END IF;
        IF OLD.state = 'deleted'
            AND (NEW.state <> 'deleted' OR NEW.tombstone_until IS DISTINCT FROM OLD.tombstone_until)
            THEN RAISE EXCEPTION 'a tombstone {_NEVER}' {_REFUSED}; END IF;
        IF NEW.expires_at < OLD.expires_at AND NOT {_RESCHEDULING}
            THEN RAISE EXCEPTION 'an expiry comes nearer by a rescheduling only' {_REFUSED}; END IF;
        IF OLD.state = 'available' AND (NEW.state <> 'available' OR NEW.content IS NULL
            OR (NEW.content ->> 'terms') IS DISTINCT FROM (OLD.content ->> 'terms')
            OR (NEW.content ->> 'document') IS DISTINCT FROM (OLD.content ->> 'document')
            OR (NEW.same_invoice IS NULL AND OLD.same_invoice IS NOT NULL)
            OR (NEW.invoice_number IS NULL AND OLD.invoice_number IS NOT NULL)
            OR (NEW.issue_date IS NULL AND OLD.issue_date IS NOT NULL)
            OR NEW.received_at <> OLD.received_at)
            AND (OLD.expires_at > retention_now() OR {_INVOICE_HELD})
            THEN RAISE EXCEPTION 'an invoice {_STAYS}' {_REFUSED}; END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER invoice_stays BEFORE UPDATE OR DELETE ON invoice
    FOR EACH ROW EXECUTE FUNCTION invoice_stays()
    """,
    f"""
    CREATE FUNCTION mail_stays() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' THEN
            IF OLD.state <> 'deleted' OR OLD.tombstone_until IS NULL OR OLD.tombstone_until > retention_now()
                OR {_MAIL_HELD} OR EXISTS (SELECT 1 FROM invoice WHERE mail_id = OLD.id)
            THEN RAISE EXCEPTION 'a mail {_STAYS}' {_REFUSED}; END IF;
            RETURN OLD;
        END IF;
        IF NEW.id <> OLD.id OR NEW.size <> OLD.size OR NEW.transfer_digest <> OLD.transfer_digest
            OR NEW.received_at <> OLD.received_at
            THEN RAISE EXCEPTION 'what came in {_NEVER}' {_REFUSED}; END IF;
        IF OLD.state = 'deleted'
            AND (NEW.state <> 'deleted' OR NEW.tombstone_until IS DISTINCT FROM OLD.tombstone_until)
            THEN RAISE EXCEPTION 'a tombstone {_NEVER}' {_REFUSED}; END IF;
        IF OLD.expires_at IS NOT NULL AND ((NEW.expires_at IS NULL AND NEW.state <> 'received')
            OR NEW.expires_at < OLD.expires_at) AND NOT {_RESCHEDULING}
            THEN RAISE EXCEPTION 'an expiry comes nearer by a rescheduling only' {_REFUSED}; END IF;
        IF OLD.state <> 'deleted' AND (NEW.state = 'deleted'
            OR (OLD.state = 'filed' AND NEW.state <> 'filed')
            OR NEW.reverse_path IS DISTINCT FROM OLD.reverse_path
            OR NEW.forward_paths::text IS DISTINCT FROM OLD.forward_paths::text
            OR NEW.peer IS DISTINCT FROM OLD.peer OR NEW.helo IS DISTINCT FROM OLD.helo
            OR NEW.trace IS DISTINCT FROM OLD.trace
            OR (OLD.state IN ('filed', 'quarantined')
                AND (NEW.content::text IS DISTINCT FROM OLD.content::text
                    OR NEW.message_id IS DISTINCT FROM OLD.message_id)))
            AND (OLD.state NOT IN ('filed', 'quarantined') OR OLD.expires_at IS NULL
                OR OLD.expires_at > retention_now() OR {_MAIL_HELD} OR {_INVOICES_NEED_IT})
            THEN RAISE EXCEPTION 'a mail {_STAYS}' {_REFUSED}; END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER mail_stays BEFORE UPDATE OR DELETE ON received_mail
    FOR EACH ROW EXECUTE FUNCTION mail_stays()
    """,
    # Once a statement, not once a row: a mail of 35 MB has thousands of them.
    f"""
    CREATE FUNCTION octets_stay() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT 1 FROM gone JOIN received_mail ON received_mail.id = gone.mail_id
                   WHERE received_mail.state <> 'deleted')
            THEN RAISE EXCEPTION 'octets stay until the time of their mail has come' {_REFUSED}; END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER mail_octets_stay AFTER DELETE ON mail_octets REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION octets_stay()
    """,
    """
    CREATE TRIGGER mail_extent_stays AFTER DELETE ON mail_extent REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION octets_stay()
    """,
    """
    CREATE TRIGGER mail_extent_no_update AFTER UPDATE ON mail_extent REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION octets_stay()
    """,
    f"""
    CREATE FUNCTION refused() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '%', TG_ARGV[0] {_REFUSED}; END $$
    """,
    f"""
    CREATE TRIGGER mail_octets_no_update BEFORE UPDATE ON mail_octets
    FOR EACH ROW EXECUTE FUNCTION refused('what came in {_NEVER}')
    """,
    """
    CREATE TRIGGER legal_hold_no_delete BEFORE DELETE ON legal_hold
    FOR EACH ROW EXECUTE FUNCTION refused('a hold stays on record')
    """,
    """
    CREATE TRIGGER legal_hold_no_update BEFORE UPDATE ON legal_hold
    FOR EACH ROW WHEN (OLD.released_at IS NOT NULL OR NEW.released_at IS NULL OR NEW.id <> OLD.id
        OR NEW.kind <> OLD.kind OR NEW.subject_id <> OLD.subject_id OR NEW.reason <> OLD.reason
        OR NEW.set_by <> OLD.set_by OR NEW.set_at <> OLD.set_at)
    EXECUTE FUNCTION refused('a hold is released, and never changed otherwise')
    """,
    """
    CREATE TRIGGER retention_ledger_no_update BEFORE UPDATE ON retention_ledger
    FOR EACH ROW EXECUTE FUNCTION refused('the ledger is never edited')
    """,
    f"""
    CREATE FUNCTION ledger_stays() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT 1 FROM gone WHERE keep_until > retention_now())
            OR (EXISTS (SELECT 1 FROM gone) AND NOT EXISTS (SELECT 1 FROM retention_ledger))
            OR (SELECT max(id) FROM gone) > (SELECT min(id) FROM retention_ledger)
            THEN RAISE EXCEPTION 'an entry of the ledger goes after its time, the oldest first' {_REFUSED};
        END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER retention_ledger_stays AFTER DELETE ON retention_ledger REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_stays()
    """,
    f"""
    CREATE FUNCTION permit_on_record() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT EXISTS (SELECT 1 FROM retention_ledger WHERE id = NEW.ledger_id
            AND event = CASE NEW.kind WHEN 'drill' THEN 'drill' ELSE 'rescheduled' END)
            THEN RAISE EXCEPTION 'a permit needs its entry in the ledger' {_REFUSED}; END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER retention_permit_on_record BEFORE INSERT ON retention_permit
    FOR EACH ROW EXECUTE FUNCTION permit_on_record()
    """,
    f"""
    CREATE FUNCTION permit_is_closed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT 1 FROM retention_permit WHERE id = NEW.id)
            THEN RAISE EXCEPTION 'a permit ends with its transaction' {_REFUSED}; END IF;
        RETURN NULL;
    END $$
    """,
    """
    CREATE CONSTRAINT TRIGGER retention_permit_is_closed AFTER INSERT OR UPDATE ON retention_permit
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION permit_is_closed()
    """,
    *(
        f"""
        CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}
        FOR EACH STATEMENT EXECUTE FUNCTION refused('{table} {_STAYS}')
        """
        for table in (
            "invoice",
            "received_mail",
            "mail_octets",
            "mail_extent",
            "legal_hold",
            "retention_ledger",
        )
    ),
]

_TRIGGERS = {"sqlite": _SQLITE, "postgresql": _POSTGRESQL}
