"""`invoices replay` from outside: mails are read as the daemon reads them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from tests.commands import ADDED_INVOICE_KEYS, INVOICE_KEYS, Commands

SAMPLES = Path(__file__).parents[2] / "fixtures/mail"
REPLAY_KEYS = [
    *("source", "message_id", "mail_id", "outcome", "reason", "account", "matched_by", "invoices"),
    "registration_links",
]


def test_a_replayed_mail_has_the_keys_of_the_contract(commands: Commands, tmp_path: Path) -> None:
    """An invoice for nobody yet: an invited account, and a link that `link list` shows again."""
    sample = SAMPLES / "unknown-recipient/message.eml"

    [row] = commands.program("replay", str(sample), "--to", "einkauf@neukunde.example")
    [again] = commands.program("replay", str(sample), "--to", "einkauf@neukunde.example")

    [invoice] = row["invoices"]
    [link] = commands.lines("link", "list")
    assert list(row) == REPLAY_KEYS
    assert (row["source"], row["outcome"], row["reason"]) == (str(sample), "recorded", None)
    assert (row["matched_by"], row["account"]) == ("invitation", invoice["account"])
    assert row["account"]["status"] == "invited"
    assert set(invoice) == INVOICE_KEYS | ADDED_INVOICE_KEYS
    assert invoice["total_with_vat"] == "469.69"
    assert row["registration_links"] == [
        {"url": link["url"], "email": "einkauf@neukunde.example", "expires_at": link["expires_at"]}
    ]
    assert list(again) == REPLAY_KEYS
    assert (again["outcome"], again["mail_id"], again["invoices"]) == ("duplicate", row["mail_id"], [])

    answer = commands.one("download", invoice["id"], "-o", str(tmp_path))
    assert (answer["name"], answer["sha256"]) == (invoice["document"], invoice["attachments"][0]["sha256"])
    assert hashlib.sha256((tmp_path / answer["name"]).read_bytes()).hexdigest() == answer["sha256"]


def test_replay_refuses_what_the_listener_would_refuse(on_sqlite: Commands) -> None:
    """With the same reply; the others are filed."""
    on_sqlite.environment["INVOICES_SMTP__ACCEPTED_DOMAINS"] = "musterwerk.example"
    sample = str(SAMPLES / "plain-letter")

    rows = on_sqlite.program("replay", sample, "--to", "a@elsewhere.example")
    rows += on_sqlite.program("replay", sample, "--to", "a@musterwerk.example")

    assert [row["outcome"] for row in rows] == ["rejected", "no-invoice"]
    assert rows[0]["reason"].startswith("550 5.7.1 ")
    assert rows[0]["mail_id"] is None


def test_replaying_an_empty_folder_fails(on_sqlite: Commands, tmp_path: Path) -> None:
    """A path with nothing in it is a mistake more often than not."""
    (tmp_path / "empty").mkdir()

    assert on_sqlite.program("replay", str(tmp_path / "empty"), status=1) == []


def test_a_maildir_is_replayed_with_its_subfolders(on_sqlite: Commands, tmp_path: Path) -> None:
    """Maildir++ keeps them within, their names beginning with a full stop; they were left out once."""
    letter = (SAMPLES / "plain-letter/message.eml").read_bytes()
    for number, folder in enumerate(("box", "box/.Archive", "box/.Archive.2025")):
        for part in ("cur", "new", "tmp"):
            (tmp_path / folder / part).mkdir(parents=True)
        (tmp_path / folder / "cur" / "1:2,S").write_bytes(letter + b"%d\r\n" % number)

    rows = on_sqlite.program("replay", str(tmp_path / "box"), "--to", "a@company.example")

    assert [row["outcome"] for row in rows] == ["no-invoice"] * 3


def test_a_line_that_an_mbox_quotes_is_as_it_was_sent(on_sqlite: Commands, tmp_path: Path) -> None:
    """Such a file writes > before From; the signature of the mail is over the line without it."""
    box = tmp_path / "box.mbox"
    box.write_bytes(b"From a@b.example Mon Nov 23 09:00:00 2026\nSubject: x\n\n>From here on\n>>From there\n")

    [row] = on_sqlite.program("replay", str(box), "--to", "a@company.example")

    original = on_sqlite.call("download", row["mail_id"], "--original", "-o", "-").stdout_bytes
    assert original.splitlines()[-2:] == [b"From here on", b">From there"]


ALONE = (
    *("xrechnung-ubl", "hybrid-xrechnung", "two-invoices-in-one-mail", "test-by-header", "plain-letter"),
    *("broken-xml", "match-by-buyer-vat-identifier", "plain-pdf", "unknown-recipient"),
)
OF_THE_STORE = {"id", "mail_id", "received_at", "expires_at", "account", "match_evidence", "sender"}


def test_a_dry_run_says_what_replay_then_does_and_stores_nothing(commands: Commands) -> None:
    """Whoever tries a supplier's mail before wants the same answer; what only a store has is left open."""
    commands.environment["INVOICES_AUTHENTICATION__RESOLVERS"] = ""
    commands.one(
        "account", "add", "Musterwerk", "--address", "a@musterwerk.example", "--vat-id", "DE123456788"
    )
    paths = [str(SAMPLES / name / "message.eml") for name in ALONE]

    # The last one invites its recipient; of several the worker may record any first.
    mails = (*paths[:-1], "--to", "a@musterwerk.example"), (paths[-1],)

    before = [row for some in mails for row in commands.lines("replay", "--dry-run", *some)]
    stored = commands.lines("mail", "list")
    done = [row for some in mails for row in commands.program("replay", *some)]
    [again, *_] = commands.lines("replay", "--dry-run", *mails[0])

    assert stored == []
    assert [list(row) for row in before] == [REPLAY_KEYS] * len(before)
    assert [_told(row) for row in before] == [_told(row) for row in done]
    assert [len(row["registration_links"]) for row in before] == [
        len(row["registration_links"]) for row in done
    ]
    assert {row["mail_id"] for row in before} == {None}
    assert (again["outcome"], again["mail_id"]) == ("duplicate", done[0]["mail_id"])


def _told(row: dict[str, Any]) -> dict[str, Any]:
    invoices = [
        {key: value for key, value in one.items() if key not in OF_THE_STORE} for one in row["invoices"]
    ]
    account = {key: value for key, value in (row["account"] or {}).items() if key != "id"}
    same = {key: row[key] for key in ("source", "message_id", "outcome", "reason", "matched_by")}
    return same | {"invoices": invoices, "account": account}
