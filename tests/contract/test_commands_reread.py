"""`invoices reread` and `invoices requeue` from outside: a newer reader is tried on what is there, and then used."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import create_engine, text

from tests.commands import MAIL_KEYS, Commands
from tests.filed_mails import file_in_quarantine, file_invoice

SAMPLES = Path(__file__).parents[2] / "fixtures/mail"
TO = "einkauf@neukunde.example"


def _as_an_older_reader_left_it(url: str, statement: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("DROP TRIGGER mail_stays_update"))  # nobody can change it otherwise
        connection.execute(text(statement))
    engine.dispose()


def test_what_the_reader_of_today_reads_the_same_is_not_shown(commands: Commands) -> None:
    """Nothing is different right after a mail was filed, whatever is in it."""
    [row] = commands.program("replay", str(SAMPLES / "unknown-recipient/message.eml"), "--to", TO)
    commands.program("replay", str(SAMPLES / "plain-letter"), "--to", TO)

    assert commands.program("reread") == []
    assert commands.program("reread", row["mail_id"]) == []


def test_what_would_be_read_otherwise_is_shown_and_not_changed(on_sqlite: Commands) -> None:
    """An older reader took the document for something beside the invoice."""
    [row] = on_sqlite.program("replay", str(SAMPLES / "unknown-recipient/message.eml"), "--to", TO)
    [invoice] = row["invoices"]
    _as_an_older_reader_left_it(
        on_sqlite.url, """UPDATE received_mail SET content = replace(content, '"invoice"', '"attachment"')"""
    )

    [shown] = on_sqlite.program("reread")

    assert (shown["mail_id"], shown["outcome"], shown["state"]) == (row["mail_id"], "recorded", "filed")
    assert shown["changes"] == [
        {"what": f"part {invoice['document']}", "before": "attachment", "after": "invoice"}
    ]
    assert on_sqlite.program("reread") == [shown], "nothing was changed"


def test_what_is_in_quarantine_is_filed_again(commands: Commands) -> None:
    """All of it, as after the update that can read it; what it holds is no invoice, so it leaves as that."""
    mail_ids = {file_in_quarantine(commands.url) for _ in range(3)}

    rows = commands.program("requeue", "--all")

    assert [list(row) for row in rows] == [MAIL_KEYS] * 3
    assert {row["mail_id"]: row["outcome"] for row in rows} == dict.fromkeys(mail_ids, "no-invoice")
    for mail_id in mail_ids:
        events = [event["event"] for event in commands.lines("history", mail_id)]
        assert events == ["received", "quarantined", "retried", "no-invoice"]
    assert commands.program("requeue", "--all") == []


def test_of_several_mails_all_are_filed_again_or_none(on_sqlite: Commands) -> None:
    """One that is not in quarantine is a slip, and nothing is done by halves."""
    quarantined, filed = file_in_quarantine(on_sqlite.url), file_invoice(on_sqlite.url)

    said = on_sqlite.refused("requeue", quarantined, filed.mail_id)

    assert said == f"Error: no mail {filed.mail_id} is in quarantine\n"
    assert on_sqlite.one("mail", "show", quarantined)["state"] == "quarantined"
    assert "name the mails" in on_sqlite.misused("requeue")
