"""`invoices hold` from outside: what is held stays, and everybody can see why."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import create_engine, text

from tests import making
from tests.commands import Commands
from tests.filed_mails import file_invoice

LATER = (making.NOW + timedelta(days=91)).isoformat()


def test_a_hold_keeps_an_invoice_and_its_release_lets_it_go(commands: Commands) -> None:
    """Both with their reason, in the list, in the history and in sentences."""
    filed = file_invoice(commands.url)

    made = commands.one("hold", "set", filed.invoice_id, "--reason", "a tax audit")
    [held] = commands.program("retention", "run", "--now", LATER)
    listed = commands.one("hold", "list")
    ended = commands.one("hold", "release", filed.invoice_id, "--reason", "the audit is over")
    [gone] = commands.program("retention", "run", "--now", LATER)

    assert (made["kind"], made["subject_id"], made["reason"]) == ("invoice", filed.invoice_id, "a tax audit")
    assert listed == made
    assert (held["productive"], gone["productive"]) == (0, 1)
    assert (ended["id"], ended["release_reason"]) == (made["id"], "the audit is over")
    assert commands.lines("hold", "list") == []
    assert commands.one("hold", "list", "--all")["id"] == made["id"]
    events = [event["event"] for event in commands.lines("history", filed.invoice_id)]
    assert events[-5:] == ["held", "hold-released", "expired", "deleted", "mail-deleted"]
    told = commands.one("explain", filed.invoice_id)["sentences"]
    assert any(sentence.endswith("holds it beyond its time (a tax audit).") for sentence in told)


def test_a_company_is_held_by_its_name(on_sqlite: Commands) -> None:
    """All its invoices, the mails they are in, and nobody else's."""
    own = file_invoice(on_sqlite.url)
    file_invoice(on_sqlite.url, name="Other", addresses=())
    on_sqlite.one("hold", "set", "Company Ltd", "--account", "--reason", "a lawsuit")

    [swept] = on_sqlite.program("retention", "run", "--now", LATER)

    states = {one["id"]: one["state"] for one in on_sqlite.lines("list")}
    assert (swept["productive"], swept["mails"], states[own.invoice_id]) == (1, 1, "available")


def test_what_is_not_there_or_gone_cannot_be_held(on_sqlite: Commands) -> None:
    """Nor released."""
    filed = file_invoice(on_sqlite.url)
    on_sqlite.program("retention", "run", "--now", LATER)

    gone = on_sqlite.refused("hold", "set", filed.invoice_id, "--reason", "late")
    missing = on_sqlite.refused("hold", "set", "nothing", "--reason", "none")
    free = on_sqlite.refused("hold", "release", filed.invoice_id, "--reason", "none")

    assert gone.endswith("is deleted; there is nothing to hold\n")
    assert missing == "Error: there is no invoice and no mail nothing\n"
    assert free == f"Error: there is no hold on {filed.invoice_id}\n"


def test_a_run_by_a_wrong_clock_deletes_nothing_until_an_operator_says_it_is_right(
    on_sqlite: Commands,
) -> None:
    """The last run is ten years before this one."""
    file_invoice(on_sqlite.url)
    on_sqlite.program("retention", "run", "--clock-is-right")
    _turn_back_the_clock_of_the_last_run(on_sqlite)

    refused = on_sqlite.call("retention", "run", "--json")
    [swept] = on_sqlite.program("retention", "run", "--clock-is-right")

    assert refused.exit_code == 1
    assert refused.stderr.endswith("say so with --clock-is-right; nothing was deleted\n")
    assert swept["dry_run"] is False
    assert len(on_sqlite.program("retention", "run")) == 1, "once said, it goes on by itself"


def _turn_back_the_clock_of_the_last_run(commands: Commands) -> None:
    engine = create_engine(commands.url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE retention_clock SET seen_at = '2016-01-01 00:00:00.000000'"))
    engine.dispose()
