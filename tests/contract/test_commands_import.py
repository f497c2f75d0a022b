"""`invoices import`: a company moves from one mailbox to another, or comes back into its own, and nothing is believed
that cannot be proven.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from storage.store import Store
from tests.commands import Commands, Form, commands_on
from tests.exported import ADDRESS, COMPANY, account, changed, exported, mails, of_record

SAME = {
    *(
        "id",
        "mail_id",
        "matched_by",
        "environment",
        "environment_reason",
        "state",
        "received_at",
        "expires_at",
    ),
    *(
        "invoice_number",
        "issue_date",
        "seller",
        "buyer",
        "total_with_vat",
        "attachments",
        "sender",
        "warnings",
    ),
    *("sender_warnings", "second_look", "duplicate_of"),
}


@pytest.fixture
def there(another: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """Another mailbox on the same engine."""
    return commands_on(another(), tmp_path / "there", monkeypatch)


def _imported(commands: Commands, file: Path, *more: str) -> list[Form]:
    return commands.lines("import", str(file), *more)


def _outcomes(rows: list[Form]) -> list[str]:
    return [row["outcome"] for row in rows]


def test_a_company_moves_to_another_mailbox(commands: Commands, there: Commands, tmp_path: Path) -> None:
    """With its mails octet for octet, what people did, the same ids, and the expiry that was decided at receipt."""
    file = exported(commands, tmp_path)
    before = {one["id"]: one for one in commands.lines("list")}
    first = min(before)
    store = Store.open(commands.url)
    with store.transaction() as records:
        inbox = records.inbox(before[first]["account"]["id"])
        inbox.set_done([first], at=datetime(2026, 11, 1, tzinfo=UTC), by="nobody")
        inbox.set_note(first, "paid")
    store.close()
    file.unlink()
    commands.program("export", "--account", COMPANY, "-o", str(file), "--acknowledge")
    account(there, "Another name")

    rows = _imported(there, file, "--account", "Another name")

    after = {one["id"]: one for one in there.lines("list")}
    assert _outcomes(rows) == ["imported"] * 3
    assert {key: _same(one) for key, one in after.items()} == {key: _same(one) for key, one in before.items()}
    assert {one["account"]["name"] for one in after.values()} == {"Another name"}
    for one in before:
        told, lived = there.lines("history", one), commands.lines("history", one)
        assert told[:-1] == lived[: len(told) - 1]
        assert (told[-1]["event"], told[-1]["detail"]["from"]) == ("imported", "http://127.0.0.1:8080")
        assert there.one("explain", one)["sentences"]
        assert _original(there, one, tmp_path) == _original(commands, one, tmp_path)
    store = Store.open(there.url)
    with store.reading() as records:
        handling = records.inbox(after[first]["account"]["id"]).handling(first)
    store.close()
    assert (handling.note, handling.done_at) == ("paid", datetime(2026, 11, 1, tzinfo=UTC))
    assert there.one("verify")["findings"] == 0


def _same(invoice: Form) -> Form:
    return {key: value for key, value in invoice.items() if key in SAME}


def _original(commands: Commands, invoice_id: str, folder: Path) -> bytes:
    commands.lines("download", invoice_id, "--original", "-o", str(folder / "original"))
    return (folder / "original").read_bytes()


def test_a_dry_run_says_what_would_come_and_writes_nothing(
    export_of_three: Path, on_sqlite: Commands
) -> None:
    """To be given before the import itself; people read it line by line."""
    account(on_sqlite)

    rows = _imported(on_sqlite, export_of_three, "--account", COMPANY, "--dry-run")
    shown = on_sqlite.call("import", str(export_of_three), "--account", COMPANY, "--dry-run").output

    assert [(row["outcome"], row["dry_run"], row["differences"]) for row in rows] == [
        ("imported", True, [])
    ] * 3
    assert shown.count("would be imported") == 3
    assert shown.endswith('It would be, for "Company Ltd": 3 imported. Nothing was written.\n')
    assert on_sqlite.lines("mail", "list") == []


def test_what_is_on_record_comes_no_second_time(commands: Commands, there: Commands, tmp_path: Path) -> None:
    """Neither from the same file, nor where the same mail came in by itself."""
    file = exported(commands, tmp_path)
    account(there)
    there.program("replay", str(tmp_path / "mails/1-productive.eml"), "--to", ADDRESS)
    [own] = there.lines("list")

    first = _imported(there, file, "--account", COMPANY)
    second = _imported(there, file, "--account", COMPANY)
    home = _imported(commands, file)

    assert sorted(_outcomes(first)) == ["imported", "imported", "on-record"]
    assert {row["reason"] for row in first} == {
        None,
        f"the same mail is here, and its invoice is {own['id']}",
    }
    assert _outcomes(second) == _outcomes(home) == ["on-record"] * 3
    assert len(there.lines("list")) == len(there.lines("mail", "list")) == 3


def test_what_was_deleted_stays_deleted(commands: Commands, tmp_path: Path) -> None:
    """Retention would have been for nothing; the tombstone knows it."""
    file = exported(commands, tmp_path)
    later = (datetime.now(UTC) + timedelta(days=31)).isoformat()
    commands.program("retention", "run", "--now", later)

    rows = _imported(commands, file)

    assert sorted(_outcomes(rows)) == ["deleted", "on-record", "on-record"]
    assert {one["state"] for one in commands.lines("list") if one["environment"] == "test"} == {"deleted"}


def test_what_has_expired_is_not_brought_back(
    export_of_three: Path, on_sqlite: Commands, tmp_path: Path
) -> None:
    """An import must not be the way around retention."""
    past = (datetime.now(UTC) - timedelta(days=1)).isoformat()

    def expired(record: dict[str, Any]) -> None:
        record["expires_at"] = past
        for event in record["events"]:
            if event["event"] == "recorded":
                event["detail"]["expires_at"] = past

    file = changed(_copy(export_of_three, tmp_path), {"record.json": of_record(expired)})
    account(on_sqlite)

    rows = _imported(on_sqlite, file, "--account", COMPANY)

    assert [(row["outcome"], row["reason"]) for row in rows] == [
        ("expired", f"its time came on {past[:10]}")
    ] * 3
    assert on_sqlite.lines("mail", "list") == []


def test_a_mail_of_two_companies_comes_once_and_stays_for_both(
    commands: Commands, there: Commands, tmp_path: Path
) -> None:
    """Each company has a file of its own, and either may be the first."""
    mail = mails(tmp_path / "mails")[0]
    for commands_ in (commands, there):
        account(commands_)
        account(commands_, "Other", "invoices@other.example")
    commands.program("replay", str(mail), "--to", ADDRESS, "--to", "invoices@other.example")
    rows = []
    for name in (COMPANY, "Other"):
        commands.program("export", "--account", name, "-o", str(tmp_path / f"{name}.zip"))

        rows += _imported(there, tmp_path / f"{name}.zip", "--account", name)

    assert _outcomes(rows) == ["imported"] * 2
    assert len(there.lines("mail", "list")) == 1
    assert {one["account"]["name"] for one in there.lines("list")} == {COMPANY, "Other"}
    assert there.one("verify")["findings"] == 0


def test_what_todays_reader_reads_otherwise_is_told(
    export_of_three: Path, on_sqlite: Commands, tmp_path: Path
) -> None:
    """On record is what it reads in the octets, whatever the file says of them."""

    def dearer(record: dict[str, Any]) -> None:
        record["reading"]["terms"]["total_with_vat"] = "9999999.00"

    file = changed(_copy(export_of_three, tmp_path), {"record.json": of_record(dearer)})
    account(on_sqlite)

    rows = _imported(on_sqlite, file, "--account", COMPANY)

    history = on_sqlite.lines("history", rows[0]["invoice_id"])
    total = on_sqlite.one("show", rows[0]["invoice_id"])["total_with_vat"]
    [difference] = rows[0]["differences"]
    assert (difference["before"], difference["after"]) == ("9999999.00", total)
    assert next(one for one in history if one["event"] == "imported")["detail"]["differences"] == "1"


def _longer(record: dict[str, Any]) -> None:
    record["expires_at"] = "2099-01-01T00:00:00Z"


def _without_beginning(record: dict[str, Any]) -> None:
    record["events"] = [event for event in record["events"] if event["event"] != "received"]


def _silent(record: dict[str, Any]) -> None:
    record["events"][0]["detail"] = {}


def _of_another(record: dict[str, Any]) -> None:
    record["account_id"] = "another"


def _of_another_mail(record: dict[str, Any]) -> None:
    record["mail"]["envelope"]["reverse_path"] = "somebody@else.example"


def _from_tomorrow(record: dict[str, Any]) -> None:
    record["mail"]["envelope"]["received_at"] = "2099-01-01T00:00:00Z"


def _nowhere(record: dict[str, Any]) -> None:
    record["reading"]["document"]["sha256"] = "0" * 64


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_longer, "its expiry is not the one that its history tells"),
        (_without_beginning, "its history does not begin with its beginning"),
        (_silent, "its history lacks what its events say"),
        (_of_another, "it is of another company than the file"),
        (_of_another_mail, "its original is not the mail that its record tells of"),
        (_from_tomorrow, "it says that it came in later than now; is the clock of this machine right?"),
        (_nowhere, "today's reader finds no such invoice in its mail; `invoices replay` files the original"),
    ],
)
def test_an_invoice_that_cannot_be_as_it_says_is_refused(
    export_of_three: Path,
    on_sqlite: Commands,
    tmp_path: Path,
    change: Callable[[dict[str, Any]], object],
    reason: str,
) -> None:
    """Whoever changes a file makes its checksums anew; the others in it come all the same."""
    [first, *_] = _folders(export_of_three)
    file = changed(_copy(export_of_three, tmp_path), {f"{first}/record.json": of_record(change)})
    account(on_sqlite)

    done = on_sqlite.call("import", str(file), "--account", COMPANY, "--json")

    rows = {row["folder"]: row for row in map(json.loads, done.stdout.splitlines())}
    assert done.exit_code == 1
    assert (rows[first]["outcome"], rows[first]["reason"]) == ("refused", reason)
    assert sorted(_outcomes(list(rows.values()))) == ["imported", "imported", "refused"]


def _copy(file: Path, folder: Path) -> Path:
    return Path(shutil.copy(file, folder / "export.zip"))


def _folders(file: Path) -> list[str]:
    with zipfile.ZipFile(file) as archive:
        return sorted({name.partition("/")[0] for name in archive.namelist() if "/" in name})


def test_the_account_has_to_be_there_or_named(export_of_three: Path, on_sqlite: Commands) -> None:
    """A company is not made by a file from somewhere."""
    refused = on_sqlite.refused("import", str(export_of_three))
    unknown = on_sqlite.refused("import", str(export_of_three), "--account", "Nobody")

    assert refused == (
        'Error: the account of "Company Ltd" is not here: name one with --account, or make it with '
        "`invoices account add`\n"
    )
    assert unknown == 'Error: there is no account "Nobody"\n'
