"""`invoices retention` from outside: what goes, what stays, and what can still be seen of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from storage.records.invoices import Environment
from tests import making
from tests.commands import ADDED_INVOICE_KEYS, INVOICE_KEYS, Commands
from tests.filed_mails import file_invoice


def test_a_retention_drill_says_what_would_go_and_a_run_deletes_it(commands: Commands) -> None:
    """31 days later the test invoice and its mail go, the productive one stays."""
    test = file_invoice(commands.url, environment=Environment.TEST)
    productive = file_invoice(commands.url, name="Other", addresses=())
    then = (making.NOW + timedelta(days=31)).isoformat()

    [drill] = commands.program("retention", "run", "--dry-run", "--now", then)
    _, *going = commands.program("retention", "run", "--dry-run", "--each", "--now", then)
    states_after_drill = {one["state"] for one in commands.lines("list")}
    [run] = commands.program("retention", "run", "--now", then)

    states = {one["id"]: one["state"] for one in commands.lines("list")}
    tombstone = commands.one("show", test.invoice_id)
    [company] = drill.pop("accounts")
    assert drill.pop("oldest") == company["oldest"] == "2026-12-24T09:00:00Z"
    assert (company["environment"], company["invoices"]) == ("test", 1)
    assert [(one["kind"], one["id"]) for one in going] == [
        ("invoice", test.invoice_id),
        ("mail", test.mail_id),
    ]
    assert drill == {
        "now": "2026-12-25T09:00:00Z",
        "dry_run": True,
        "productive": 0,
        "test": 1,
        "mails": 1,
        "invoice_tombstones": 0,
        "mail_tombstones": 0,
        "links": 0,
    }
    assert states_after_drill == {"available"}
    assert run == drill | {"dry_run": False}
    assert states == {test.invoice_id: "deleted", productive.invoice_id: "available"}
    assert set(tombstone) == INVOICE_KEYS | ADDED_INVOICE_KEYS
    assert (tombstone["invoice_number"], tombstone["format"], tombstone["attachments"]) == ("R-1", None, [])
    assert (tombstone["sender"]["reverse_path"], tombstone["seller"]["name"]) == (None, None)


def test_the_content_of_a_deleted_invoice_cannot_be_downloaded(on_sqlite: Commands, tmp_path: Path) -> None:
    """The sentence says since when."""
    filed = file_invoice(on_sqlite.url)
    on_sqlite.program("retention", "run", "--now", (making.NOW + timedelta(days=91)).isoformat())

    said = on_sqlite.refused("download", filed.invoice_id, "-o", str(tmp_path))

    assert said == f"Error: the content of invoice {filed.invoice_id} was deleted on 2027-02-23\n"
    assert on_sqlite.one("explain", filed.invoice_id)["sentences"][-1].startswith("Its content was deleted")
