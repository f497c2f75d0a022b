"""The inboxes of the companies: narrow entries, the words they are found by, who has seen what, tokens of programs."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from storage.filed import inbox_words

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_AT_ONCE = 500
_BY_OCTETS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Creates the tables, and enters the invoices that are on record."""
    op.create_table(
        "inbox_entry",
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("invoice_id", sa.String(length=36), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("environment", sa.String(length=16), nullable=False),
        sa.Column("invoice_number", sa.Text(), nullable=True),
        sa.Column("issue_date", sa.Text(), nullable=False),
        sa.Column("seller_name", sa.Text(), nullable=True),
        sa.Column("seller_key", _BY_OCTETS, nullable=False),
        sa.Column("total", sa.Text(), nullable=True),
        sa.Column("total_key", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("warnings", sa.Integer(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_by", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("account_id", "invoice_id", name=op.f("pk_inbox_entry")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "inbox_word",
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("word", _BY_OCTETS, nullable=False),
        sa.Column("invoice_id", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "word", "invoice_id", name=op.f("pk_inbox_word")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "invoice_seen",
        sa.Column("user_id", sa.String(length=36), nullable=False),
        sa.Column("invoice_id", sa.String(length=36), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "invoice_id", name=op.f("pk_invoice_seen")),
    )
    op.create_index("ix_invoice_seen_invoice_id", "invoice_seen", ["invoice_id"])
    op.create_table(
        "api_token",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("account_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("token_digest", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["company_account.id"], name=op.f("fk_api_token_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_api_token_token_digest")),
    )
    op.create_index("ix_api_token_account_id", "api_token", ["account_id"])
    _enter_invoices()
    for name, key in (
        ("received", "received_at"),
        ("issued", "issue_date"),
        ("seller", "seller_key"),
        ("total", "total_key"),
    ):
        op.create_index(f"ix_inbox_entry_{name}", "inbox_entry", ["account_id", key, "invoice_id"])


def _enter_invoices() -> None:
    connection = op.get_bind()
    entries = sa.table(
        "inbox_entry",
        *(sa.column(name) for name in _COLUMNS),
        sa.column("received_at", sa.DateTime(timezone=True)),
        sa.column("total_key", sa.BigInteger()),
    )
    words = sa.table("inbox_word", *(sa.column(name) for name in ("account_id", "word", "invoice_id")))
    for rows in _invoices(connection):
        found = {row.id: _words(row) for row in rows}
        connection.execute(sa.insert(entries), [_entry(row, found[row.id]) for row in rows])
        of_all = [
            {"account_id": row.account_id, "word": word, "invoice_id": row.id}
            for row in rows
            for word in found[row.id]
        ]
        if of_all:
            connection.execute(sa.insert(words), of_all)


def _invoices(connection: sa.Connection) -> Iterator[list[Any]]:
    invoice = sa.table(
        "invoice",
        *(
            sa.column(name)
            for name in ("id", "account_id", "state", "environment", "invoice_number", "issue_date")
        ),
        sa.column("received_at", sa.DateTime(timezone=True)),
        sa.column("content", sa.JSON()),
    )
    last = ""
    while True:
        rows = list(
            connection.execute(
                sa.select(invoice).where(invoice.c.id > last).order_by(invoice.c.id).limit(_AT_ONCE)
            )
        )
        if not rows:
            return
        yield rows
        last = rows[-1].id


_COLUMNS = (
    *("account_id", "invoice_id", "state", "environment", "invoice_number", "issue_date"),
    *("seller_name", "seller_key", "total", "currency", "warnings", "words"),
)


def _entry(row: Any, words: list[str]) -> dict[str, Any]:
    content = row.content or {}
    terms = content.get("terms") or {}
    total = terms.get("total_with_vat") or terms.get("amount_due")
    seller = (terms.get("seller") or {}).get("name")
    return {
        "account_id": row.account_id,
        "invoice_id": row.id,
        "received_at": row.received_at,
        "state": row.state,
        "environment": row.environment,
        "invoice_number": row.invoice_number,
        "issue_date": row.issue_date or "",
        "seller_name": seller,
        "seller_key": inbox_words.sort_key(seller),
        "total": total,
        "total_key": inbox_words.cents(total),
        "currency": terms.get("currency"),
        "warnings": len(content.get("warnings") or ()),
        "words": "".join(f" {word}" for word in words),
    }


def _words(row: Any) -> list[str]:
    content = row.content or {}
    terms = content.get("terms") or {}
    seller = terms.get("seller") or {}
    return inbox_words.words_of(
        number=row.invoice_number,
        total=terms.get("total_with_vat") or terms.get("amount_due"),
        texts=(
            *(seller.get("name"), seller.get("vat_id")),
            *(terms.get("buyer_reference"), terms.get("order_reference")),
            inbox_words.document_words((content.get("document") or {}).get("name")),
        ),
    )
