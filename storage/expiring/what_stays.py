"""Says of every table and column what becomes of it when an invoice or its mail is deleted; a test wants no gap."""

from __future__ import annotations

from enum import StrEnum

from storage.tables import Base


class Fate(StrEnum):
    """What becomes of a column, or of the rows of a table."""

    EMPTIED_WITH_INVOICE = "emptied when the invoice is deleted"
    EMPTIED_WITH_MAIL = "emptied when the mail is deleted"
    GOES_WITH_INVOICE = "its rows go when the invoice is deleted"  # found by invoice_id
    GOES_WITH_EITHER = "its rows go when the invoice is deleted, or the mail"  # found by both
    GOES_WITH_MAIL = "its rows go when the mail is deleted"  # found by mail_id
    TOMBSTONE = "stays in the tombstone, and goes with it"
    APART = "holds nothing of an invoice or a mail"


_INVOICE = {
    Fate.EMPTIED_WITH_INVOICE: {"content", "evidence", "same_invoice", "validation"},
    Fate.TOMBSTONE: {
        *("id", "mail_id", "position", "account_id", "matched_by", "environment", "environment_reason"),
        *("state", "received_at", "expires_at", "invoice_number", "issue_date", "duplicate_of"),
        *("deleted_at", "tombstone_until"),
        *("validation_status", "validated_at", "validation_tries", "validation_after"),
    },
}
_MAIL = {
    Fate.EMPTIED_WITH_MAIL: {
        *(
            "reason",
            "reverse_path",
            "forward_paths",
            "peer",
            "helo",
            "trace",
            "message_id",
            "content",
            "assignment",
            "lane",
            "authentication",
            "sender_check_at",
        ),
    },
    Fate.TOMBSTONE: {
        *("id", "received_at", "state", "outcome", "tls", "size", "transfer_digest", "failures"),
        *("claimed_by", "claimed_until", "not_before", "expires_at", "deleted_at", "tombstone_until"),
    },
}
COLUMNS = {
    f"{table}.{column}": fate
    for table, fates in (("invoice", _INVOICE), ("received_mail", _MAIL))
    for fate, columns in fates.items()
    for column in columns
}
TABLES = {
    "act": Fate.APART,
    "api_token": Fate.APART,
    "account_claim": Fate.APART,
    "account_key": Fate.APART,
    "company_account": Fate.APART,
    "contracting_partner": Fate.APART,
    "history_event": Fate.TOMBSTONE,
    "inbox_entry": Fate.TOMBSTONE,  # InboxEntries.empty leaves number and dates
    "inbox_word": Fate.TOMBSTONE,  # the same leaves those of the number
    "invoice_seen": Fate.TOMBSTONE,
    "joining_domain": Fate.APART,
    "legal_hold": Fate.APART,
    "mail_blob": Fate.GOES_WITH_MAIL,  # by way of its place, which deletes the object
    "mail_extent": Fate.GOES_WITH_MAIL,  # by way of the log of octets, which erases the place
    "mail_key": Fate.GOES_WITH_MAIL,
    "mail_octets": Fate.GOES_WITH_MAIL,
    "membership": Fate.APART,
    "octet_segment": Fate.APART,
    "one_time_code": Fate.APART,
    "portal_operator": Fate.APART,
    "outbound_hold": Fate.APART,
    "outbound_mail": Fate.GOES_WITH_EITHER,
    "partner_key": Fate.APART,
    "portal_session": Fate.APART,
    "portal_user": Fate.APART,
    "registration_link": Fate.APART,
    "retention_clock": Fate.APART,
    "retention_ledger": Fate.TOMBSTONE,
    "retention_permit": Fate.APART,
    "partner_trait": Fate.APART,
    "tally": Fate.APART,
    "second_look": Fate.GOES_WITH_INVOICE,
    "sender_warning": Fate.GOES_WITH_INVOICE,
    "throttle": Fate.APART,
    "authenticator": Fate.APART,
    "passkey": Fate.APART,
    "recovery_code": Fate.APART,
    "webhook": Fate.APART,
    "webhook_delivery": Fate.GOES_WITH_INVOICE,
}
_BY_OCTETS = {"mail_blob", "mail_extent", "mail_octets"}  # which StoredOctets deletes


def emptied(fate: Fate) -> dict[str, None]:
    """The columns to empty, each with nothing."""
    return {name.partition(".")[2]: None for name, one in COLUMNS.items() if one is fate}


def tables(fate: Fate) -> list[str]:
    """The tables whose rows are to be deleted along, those of octets apart."""
    wanted = (fate, Fate.GOES_WITH_EITHER)
    return [name for name, one in TABLES.items() if one in wanted and name not in _BY_OCTETS]


def undecided() -> set[str]:
    """Tables and columns that are there without a decision, and decisions about what is not there."""
    there = {name for name in Base.metadata.tables if name not in ("invoice", "received_mail")}
    for table in ("invoice", "received_mail"):
        there |= {f"{table}.{column.name}" for column in Base.metadata.tables[table].columns}
    return there ^ (COLUMNS.keys() | TABLES.keys())
