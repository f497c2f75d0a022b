"""The commands from outside: what they print with --json, what they say, and how they end."""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from cli.main import main
from storage.ids import new_id
from storage.records import (
    Environment,
    Filing,
    HistoryEvent,
    HistoryEventName,
    MailState,
    Outcome,
)
from storage.store import Store
from tests import making

Form = dict[str, Any]

SAMPLES = Path(__file__).parents[2] / "fixtures/mail"
DAY = timedelta(days=1)
REPLAY_KEYS = [
    *("source", "message_id", "mail_id", "outcome", "reason", "account", "matched_by", "invoices"),
    "registration_links",
]
MAIL_KEYS = [
    *("mail_id", "message_id", "received_at", "outcome", "reason", "reverse_path", "forward_paths"),
    *("invoices", "state"),
]
PART_KEYS = ["name", "media_type", "size", "sha256", "role"]
PARTY_KEYS = ["name", "vat_id", "identifiers", "electronic_address"]
INVOICE_KEYS = {
    *("id", "mail_id", "account", "matched_by", "environment", "state", "received_at", "expires_at"),
    *("format", "structured", "profile", "document", "attachments", "invoice_number", "issue_date"),
    *("type_code", "currency", "due_date", "buyer_reference", "order_reference", "seller", "buyer"),
    *("total_without_vat", "vat_total", "total_with_vat", "amount_due", "payee_accounts", "validation"),
    *("warnings", "sender", "duplicate_of"),
}
ADDED_INVOICE_KEYS = {"environment_reason", "deleted_at"}
ACCOUNT_KEYS = [
    *("id", "name", "status", "addresses", "vat_ids", "domains", "identifiers"),
    *("invited_at", "registered_at"),
]
LINK_KEYS = ["id", "url", "email", "account", "state", "created_at", "expires_at"]


@dataclass
class Commands:
    """The commands on one store; in this process, or as the program where they log."""

    environment: dict[str, str]
    url: str

    def call(self, *arguments: str) -> Result:
        """The command in this process."""
        return CliRunner(env=dict(self.environment)).invoke(main, arguments, prog_name="invoices")

    def lines(self, *arguments: str) -> list[Form]:
        """The JSON lines of a command that succeeds, and says nothing else."""
        done = self.call(*arguments, "--json")
        assert (done.exit_code, done.stderr) == (0, ""), done.output
        return [json.loads(line) for line in done.stdout.splitlines()]

    def one(self, *arguments: str) -> Form:
        """The only JSON line of a command that succeeds."""
        [line] = self.lines(*arguments)
        return line

    def refused(self, *arguments: str) -> str:
        """What a command that fails says about it, with nothing on standard output."""
        done = self.call(*arguments, "--json")
        assert (done.exit_code, done.stdout) == (1, ""), done.output
        return done.stderr

    def misused(self, *arguments: str) -> str:
        """What a command says that was called wrongly, with nothing on standard output."""
        done = self.call(*arguments, "--json")
        assert (done.exit_code, done.stdout) == (2, ""), done.output
        return done.stderr

    def program(self, *arguments: str, status: int = 0) -> list[Form]:
        """The JSON lines of the real program, for commands that read mails or log."""
        done = subprocess.run(
            [Path(sys.executable).with_name("invoices"), *arguments, "--json"],
            env={"PATH": os.defpath, **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def commands(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """The commands on an empty store, of each engine."""
    return _commands(database_url, tmp_path, monkeypatch)


@pytest.fixture
def on_sqlite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """The same on SQLite alone, for what does not depend on the engine."""
    return _commands(f"sqlite:///{tmp_path / 'invoices.db'}", tmp_path, monkeypatch)


def _commands(url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    monkeypatch.setattr("cli.front.set_up_log", lambda _: None)  # it is made for a process of its own
    for name in [name for name in os.environ if name.startswith("INVOICES_")]:
        monkeypatch.delenv(name)
    environment = {"INVOICES_DATA_DIR": str(folder / "state"), "INVOICES_DATABASE__URL": url}
    return Commands(environment, url)


@dataclass(frozen=True)
class Filed:
    """A mail on record with one invoice."""

    mail_id: str
    invoice_id: str
    account_id: str
    octets: bytes


def _file(url: str, *, environment: Environment = Environment.PRODUCTIVE, **account: Any) -> Filed:
    """A mail with an invoice as the worker files it; whatever is in the store already stays."""
    company = making.account(**account)
    mail = making.incoming(new_id().encode())
    days = 30 if environment is Environment.TEST else 90
    invoice = making.invoice(
        mail_id=mail.id,
        account_id=company.id,
        environment=environment,
        environment_reason="header" if environment is Environment.TEST else None,
        expires_at=making.NOW + days * DAY,
    )
    detail = {"environment": str(environment), "expires_at": invoice.expires_at.isoformat()}
    events = [
        _event(HistoryEventName.READ, {"invoices": "1"}, mail.id, None),
        _event(
            HistoryEventName.MATCHED,
            {"rule": "recipient-address", "account": company.id},
            mail.id,
            invoice.id,
        ),
        _event(
            HistoryEventName.RECORDED,
            detail | ({"reason": "header"} if environment is Environment.TEST else {}),
            mail.id,
            invoice.id,
        ),
    ]
    _write(
        url,
        mail,
        Filing(
            mail_id=mail.id,
            outcome=Outcome.RECORDED,
            reason=None,
            message=making.message(),
            received_at=making.NOW,
            expires_at=invoice.expires_at,
            new_accounts=(company,),
            invoices=(invoice,),
            events=tuple(events),
        ),
    )
    return Filed(mail.id, invoice.id, company.id, mail.octets)


def _event(
    name: HistoryEventName, detail: dict[str, str], mail_id: str, invoice_id: str | None
) -> HistoryEvent:
    return HistoryEvent(
        at=making.NOW, event=name, actor="worker", detail=detail, mail_id=mail_id, invoice_id=invoice_id
    )


def _quarantine(url: str) -> str:
    """A mail that was set aside; its id."""
    mail = making.incoming(new_id().encode())
    filing = Filing(
        mail_id=mail.id,
        outcome=Outcome.QUARANTINED,
        reason='"invoice.xml": it is not XML',
        message=making.message(),
        received_at=making.NOW,
        expires_at=making.NOW + 90 * DAY,
        events=(_event(HistoryEventName.QUARANTINED, {}, mail.id, None),),
    )
    _write(url, mail, filing)
    return mail.id


def _write(url: str, mail: Any, filing: Filing) -> None:
    store = Store.open(url)
    try:
        with store.transaction() as records:
            records.mails.add([mail])
            records.mails.claim(by="a", now=making.NOW, lease=DAY, limit=1)
            assert records.mails.file(filing, by="a")
    finally:
        store.close()


# Accounts.


def test_an_account_is_added_listed_and_shown(commands: Commands) -> None:
    """As CONTRACT writes an account; found by id, name without case, and address."""
    added = commands.one(
        *("account", "add", "Musterwerk GmbH", "--address", "re@musterwerk.example"),
        *("--vat-id", "DE123456788", "--domain", "musterwerk.example"),
        *("--identifier", "0088:4012345000009"),
    )

    shown = [commands.one("account", "show", text) for text in (added["id"], "MUSTERWERK gmbh")]
    by_address = commands.one("account", "show", "RE@musterwerk.example")
    assert list(added) == ACCOUNT_KEYS
    assert {key: added[key] for key in ACCOUNT_KEYS[1:-1]} == {
        "name": "Musterwerk GmbH",
        "status": "registered",
        "addresses": ["re@musterwerk.example"],
        "vat_ids": ["DE123456788"],
        "domains": ["musterwerk.example"],
        "identifiers": ["0088:4012345000009"],
        "invited_at": None,
    }
    assert shown == [added, added]
    assert by_address == added
    assert commands.lines("account", "list") == [added]


def test_a_key_of_another_account_is_refused(commands: Commands) -> None:
    """The sentence names the key and its owner; nothing is added."""
    commands.one("account", "add", "A", "--vat-id", "DE123456788")

    said = commands.refused("account", "add", "B", "--vat-id", "DE 123 456 788", "--address", "b@b.example")

    assert said == 'Error: vat-id "DE123456788" belongs to the account "A" already\n'
    assert [account["name"] for account in commands.lines("account", "list")] == ["A"]


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--address", "nobody", '"nobody" is not an address such as "invoices@company.example"'),
        ("--vat-id", "12", '"12" is not a VAT identifier such as "DE123456789"'),
        ("--domain", "a@b", '"a@b" is not a domain such as "company.example"'),
        (
            "--identifier",
            "4012345000009",
            '"4012345000009:" is not SCHEME:VALUE such as "0088:4012345000009"',
        ),
    ],
)
def test_a_key_that_is_none_is_refused(on_sqlite: Commands, option: str, value: str, said: str) -> None:
    """With what was expected."""
    assert on_sqlite.refused("account", "add", "A", option, value) == f"Error: {said}\n"


def test_an_account_without_a_name_is_refused(on_sqlite: Commands) -> None:
    """Blanks are no name."""
    assert on_sqlite.refused("account", "add", " ") == "Error: the name of an account cannot be empty\n"


def test_an_account_that_is_not_there(on_sqlite: Commands) -> None:
    """One sentence, exit status 1."""
    assert on_sqlite.refused("account", "show", "nobody") == 'Error: there is no account "nobody"\n'


# Partners.


def test_a_partner_is_added_trusted_and_blocked(commands: Commands) -> None:
    """Each command answers with the partner as it is afterwards; a block does not touch the environment."""
    added = commands.one("partner", "add", "Lieferant", "--domain", "l.example", "--environment", "test")

    trusted = commands.one("partner", "trust", "l.example", "--environment", "productive")
    blocked = commands.one("partner", "block", "lieferant")

    assert (added["trust"], added["environment"]) == ("new", "test")
    assert trusted == added | {"trust": "known", "environment": "productive"}
    assert blocked == trusted | {"trust": "blocked"}
    assert commands.lines("partner", "list") == [blocked]


def test_a_partner_that_is_not_there(on_sqlite: Commands) -> None:
    """One sentence, exit status 1."""
    assert "nobody" in on_sqlite.refused("partner", "block", "nobody")


# Registration links.


def test_a_link_is_made_listed_and_revoked(commands: Commands) -> None:
    """As CONTRACT writes a link; the account it invites to is made with it."""
    made = commands.one("link", "create", "neu@firma.example")

    [listed] = commands.lines("link", "list")
    revoked = commands.one("link", "revoke", made["id"])
    [invited] = commands.lines("account", "list")
    assert list(made) == LINK_KEYS
    assert made["url"].startswith("http://127.0.0.1:8080/register/")
    assert (made["email"], made["state"]) == ("neu@firma.example", "live")
    assert made["account"] == {"id": invited["id"], "name": "neu@firma.example", "status": "invited"}
    assert listed == made
    assert revoked == made | {"state": "revoked"}


def test_an_address_has_one_live_link(on_sqlite: Commands) -> None:
    """The second would make two ways in."""
    made = on_sqlite.one("link", "create", "neu@firma.example")

    said = on_sqlite.refused("link", "create", "NEU@firma.example")

    assert said == f"Error: neu@firma.example has a live registration link already: {made['id']}\n"


def test_a_link_is_shown_only_with_the_key_it_was_made_from(on_sqlite: Commands) -> None:
    """A copy of the database opens nothing."""
    on_sqlite.one("link", "create", "neu@firma.example")
    on_sqlite.environment["INVOICES_REGISTRATION__LINK_KEY"] = "another key, of 32 octets at least"

    [listed] = on_sqlite.lines("link", "list")

    assert (listed["url"], listed["state"]) == (None, "live")


def test_nothing_is_sent_again_without_outbound_mail(on_sqlite: Commands) -> None:
    """The command does not claim what it does not do: it fails, and names the link."""
    made = on_sqlite.one("link", "create", "neu@firma.example")

    said = on_sqlite.refused("link", "resend", made["id"])

    assert said.startswith('Error: nothing was sent, since outbound.mode is "none"')
    assert made["url"] in said


def test_registering_an_invited_company_keeps_its_account_and_revokes_its_link(commands: Commands) -> None:
    """Its invoices stay with it."""
    made = commands.one("link", "create", "neu@firma.example")

    registered = commands.one("account", "add", "Firma", "--address", "neu@firma.example")

    [link] = commands.lines("link", "list")
    assert (registered["id"], registered["status"]) == (made["account"]["id"], "registered")
    assert link["state"] == "revoked"
    assert link["account"]["name"] == "Firma"


# Invoices and mails on record.


def test_an_invoice_has_the_keys_of_the_contract(commands: Commands) -> None:
    """In list and show alike; what is unknown is null, amounts are strings."""
    filed = _file(commands.url)

    [listed] = commands.lines("list")
    shown = commands.one("show", filed.invoice_id)

    assert set(listed) == INVOICE_KEYS | ADDED_INVOICE_KEYS
    assert shown == listed
    assert listed["account"] == {"id": filed.account_id, "name": "Company Ltd", "status": "registered"}
    assert [list(listed[party]) for party in ("seller", "buyer")] == [PARTY_KEYS, PARTY_KEYS]
    assert [list(part) for part in listed["attachments"]] == [PART_KEYS]
    assert set(listed["sender"]) == {"reverse_path", "from", "authentication"}
    assert (listed["received_at"], listed["expires_at"]) == ("2026-11-24T09:00:00Z", "2027-02-22T09:00:00Z")
    assert (listed["format"], listed["structured"], listed["validation"]) == ("cii", True, None)
    assert (listed["invoice_number"], listed["due_date"]) == ("R-1", None)


def test_the_list_can_be_narrowed(commands: Commands) -> None:
    """By account, environment and day; the newest stands first."""
    first = _file(commands.url, environment=Environment.TEST)
    second = _file(commands.url, name="Other", addresses=("o@other.example",))

    def ids(*options: str) -> list[str]:
        return [invoice["id"] for invoice in commands.lines("list", *options)]

    assert ids() == [second.invoice_id, first.invoice_id]
    assert ids("--account", "invoices@company.example") == [first.invoice_id]
    assert ids("--environment", "test") == [first.invoice_id]
    assert ids("--since", "2026-11-24T09:00:00Z") == [second.invoice_id, first.invoice_id]
    assert ids("--since", "2026-11-25") == []


def test_a_mail_has_the_keys_of_the_contract(commands: Commands) -> None:
    """`mail show` adds the parts, and what else is known of it."""
    filed = _file(commands.url)

    [listed] = commands.lines("mail", "list", "--outcome", "recorded")
    shown = commands.one("mail", "show", filed.mail_id)

    assert list(listed) == MAIL_KEYS
    assert (listed["state"], listed["invoices"]) == ("filed", [filed.invoice_id])
    assert listed["forward_paths"] == ["invoices@company.example"]
    assert {key: shown[key] for key in MAIL_KEYS} == listed
    assert [list(part) for part in shown["parts"]] == [PART_KEYS]
    assert commands.lines("mail", "list", "--outcome", "no-invoice") == []


def test_looking_at_an_invoice_is_in_its_history(commands: Commands) -> None:
    """Oldest first; the events of its mail as a whole are among them."""
    filed = _file(commands.url)
    commands.one("show", filed.invoice_id)

    events = commands.lines("history", filed.invoice_id)

    assert [event["event"] for event in events] == ["received", "read", "matched", "recorded", "viewed"]
    assert [list(event) for event in events] == [["at", "event", "actor", "detail"]] * 5
    assert [event["actor"] for event in events] == [
        *("smtp", "worker", "worker", "worker"),
        f"operator {getpass.getuser()}",
    ]


def test_an_invoice_and_its_mail_are_explained_in_sentences(commands: Commands) -> None:
    """From receipt to now, with who it was filed under and why."""
    filed = _file(commands.url, environment=Environment.TEST)

    invoice, mail = (commands.one("explain", one) for one in (filed.invoice_id, filed.mail_id))

    at = "2026-11-24 09:00:00 UTC:"
    envelope = "sent by billing@supplier.example to invoices@company.example"
    rule = "it was sent to an address of that account"
    sign = "the mail says so (X-Invoice-Environment: test)"
    assert invoice["sentences"] == [
        f"{at} a mail of 36 octets came in from 127.0.0.1, {envelope}.",
        f"{at} it was read and holds one invoice.",
        f'{at} the invoice was filed under "Company Ltd", because {rule}.',
        f"{at} it was recorded as a test, because {sign}; it is kept until 2026-12-24.",
        "It is test and will be deleted on 2026-12-24. This is no archive.",
    ]
    assert mail["id"] == filed.mail_id
    assert mail["sentences"][-1] == "It ended as recorded and is kept until 2026-12-24."


@pytest.mark.parametrize("command", ["show", "history", "explain", "download"])
def test_an_id_that_nobody_has(on_sqlite: Commands, command: str) -> None:
    """One sentence, exit status 1."""
    assert "nothing-like-it" in on_sqlite.refused(command, "nothing-like-it")


def test_the_original_mail_is_downloaded_octet_for_octet(commands: Commands, tmp_path: Path) -> None:
    """Below the Received field that we put on top; once more under the invoice's name."""
    filed = _file(commands.url)
    octets = b"Received: from relay.example\r\n" + filed.octets
    target = tmp_path / "mail.eml"

    answer = commands.one("download", filed.mail_id, "--original", "-o", str(target))
    commands.one("download", filed.invoice_id, "--original", "-o", str(tmp_path))

    assert target.read_bytes() == octets
    assert (tmp_path / f"{filed.mail_id}.eml").read_bytes() == octets
    assert answer == {
        "path": str(target),
        "name": f"{filed.mail_id}.eml",
        "size": len(octets),
        "sha256": hashlib.sha256(octets).hexdigest(),
    }
    assert [event["event"] for event in commands.lines("history", filed.invoice_id)][-1] == "downloaded"


def test_an_original_goes_to_standard_output_with_nothing_else(on_sqlite: Commands) -> None:
    """So that it can be piped; also with --json."""
    filed = _file(on_sqlite.url)

    done = on_sqlite.call("download", filed.mail_id, "--original", "-o", "-", "--json")

    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout_bytes == b"Received: from relay.example\r\n" + filed.octets


def test_a_download_overwrites_no_file_unasked(on_sqlite: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender chooses the name of a document."""
    filed = _file(on_sqlite.url)
    folder = Path(on_sqlite.environment["INVOICES_DATA_DIR"]).parent
    monkeypatch.chdir(folder)
    on_sqlite.one("download", filed.mail_id, "--original")

    said = on_sqlite.refused("download", filed.mail_id, "--original")

    assert said == f"Error: {filed.mail_id}.eml exists already; name another file with -o\n"


# Quarantine.


def test_a_mail_in_quarantine_is_listed_shown_and_discarded(commands: Commands) -> None:
    """It stays on record as a mail without an invoice, with the operator's reason."""
    mail_id = _quarantine(commands.url)

    [listed] = commands.lines("quarantine", "list")
    shown = commands.one("quarantine", "show", mail_id)
    discarded = commands.one("quarantine", "discard", mail_id, "--reason", "advertising")

    assert list(listed) == MAIL_KEYS
    assert (listed["outcome"], listed["state"]) == ("quarantined", "quarantined")
    assert listed["reason"] == '"invoice.xml": it is not XML'
    assert {key: shown[key] for key in MAIL_KEYS} == listed
    assert discarded == listed | {"outcome": "no-invoice", "state": "filed", "reason": "advertising"}
    assert commands.lines("quarantine", "list") == []


@pytest.mark.parametrize("command", ["show", "retry", "discard"])
def test_a_mail_that_is_not_in_quarantine(on_sqlite: Commands, command: str) -> None:
    """What is filed stays filed."""
    filed = _file(on_sqlite.url)

    said = on_sqlite.refused("quarantine", command, filed.mail_id)

    assert said.startswith("Error: ")
    assert filed.mail_id in said


def test_a_mail_in_quarantine_is_tried_again(commands: Commands) -> None:
    """With today's program; what it holds is no invoice, so it leaves the quarantine as that."""
    mail_id = _quarantine(commands.url)

    [answer] = commands.program("quarantine", "retry", mail_id)

    assert list(answer) == MAIL_KEYS
    assert (answer["outcome"], answer["state"]) == ("no-invoice", "filed")
    events = [event["event"] for event in commands.lines("history", mail_id)]
    assert events == ["received", "quarantined", "retried", "no-invoice"]


# Retention.


def test_a_retention_drill_says_what_would_go_and_a_run_deletes_it(commands: Commands) -> None:
    """31 days later the test invoice and its mail go, the productive one stays."""
    test = _file(commands.url, environment=Environment.TEST)
    productive = _file(commands.url, name="Other", addresses=())
    then = (making.NOW + 31 * DAY).isoformat()

    [drill] = commands.program("retention", "run", "--dry-run", "--now", then)
    states_after_drill = {one["state"] for one in commands.lines("list")}
    [run] = commands.program("retention", "run", "--now", then)

    states = {one["id"]: one["state"] for one in commands.lines("list")}
    tombstone = commands.one("show", test.invoice_id)
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
    filed = _file(on_sqlite.url)
    on_sqlite.program("retention", "run", "--now", (making.NOW + 91 * DAY).isoformat())

    said = on_sqlite.refused("download", filed.invoice_id, "-o", str(tmp_path))

    assert said == f"Error: the content of invoice {filed.invoice_id} was deleted on 2027-02-23\n"
    assert on_sqlite.one("explain", filed.invoice_id)["sentences"][-1].startswith("Its content was deleted")


# Running it.


def test_status_counts_what_is_there(commands: Commands) -> None:
    """Also what the retention worker has still to do."""
    _file(commands.url)
    _quarantine(commands.url)

    status = commands.one("status")

    assert list(status) == [
        *("at", "queued", "oldest_queued_seconds", "quarantined", "mails", "invoices", "accounts"),
        "retention_due",
    ]
    assert (status["queued"], status["oldest_queued_seconds"], status["quarantined"]) == (0, None, 1)
    assert status["mails"] == {str(MailState.FILED): 1, str(MailState.QUARANTINED): 1}
    assert status["invoices"] == {"available productive": 1}
    assert status["accounts"] == {"registered": 1}


def test_the_schema_is_made_once(commands: Commands) -> None:
    """A second run finds nothing to do."""
    first, second = commands.one("migrate"), commands.one("migrate")

    assert first["before"] is None
    assert second == {"before": first["after"], "after": first["after"]}


def test_check_config_tries_everything(commands: Commands) -> None:
    """A line for each check; on a sound set-up all work."""
    commands.environment["INVOICES_SMTP__LISTEN"] = "127.0.0.1:0"

    rows = commands.lines("check-config")

    assert [list(row) for row in rows] == [["check", "ok", "text"]] * len(rows)
    assert {row["check"]: row["ok"] for row in rows} == dict.fromkeys(
        [
            *("settings", "data_dir", "database", "registration.link_key", "smtp.tls_certificate"),
            "smtp.listen",
        ],
        True,
    )


def _failing_checks(commands: Commands) -> dict[str, str]:
    done = commands.call("check-config", "--json")
    assert done.exit_code == 1
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {row["check"]: row["text"] for row in rows if not row["ok"]}


def test_check_config_names_what_does_not_work(on_sqlite: Commands, tmp_path: Path) -> None:
    """Several things at once, each with its own sentence."""
    on_sqlite.environment |= {
        "INVOICES_DATABASE__URL": "postgresql+psycopg://nobody@127.0.0.1:1/nothing",
        "INVOICES_SMTP__LISTEN": "192.0.2.1:8025",
        "INVOICES_SMTP__TLS_CERTIFICATE": str(tmp_path / "missing.pem"),
    }

    wrong = _failing_checks(on_sqlite)

    assert sorted(wrong) == ["database", "smtp.listen", "smtp.tls_certificate"]
    assert "127.0.0.1" in wrong["database"]
    assert wrong["smtp.listen"].startswith("192.0.2.1:8025: Cannot assign requested address")
    assert str(tmp_path / "missing.pem") in wrong["smtp.tls_certificate"]


@pytest.fixture
def taken_port() -> Iterator[tuple[socket.socket, str]]:
    """A socket that listens, and its address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken, f"127.0.0.1:{taken.getsockname()[1]}"


def test_check_config_is_content_beside_a_running_daemon(
    on_sqlite: Commands, taken_port: tuple[socket.socket, str]
) -> None:
    """The port is in use then, by a program that greets as SMTP does."""
    taken, address = taken_port
    on_sqlite.environment["INVOICES_SMTP__LISTEN"] = address

    def greet() -> None:
        connection, _ = taken.accept()
        with connection:
            connection.sendall(b"220 mailbox.example ESMTP\r\n")

    greeter = threading.Thread(target=greet)
    greeter.start()
    rows = {row["check"]: row["text"] for row in on_sqlite.lines("check-config")}
    greeter.join()

    said = f'{address} is in use, by a server that says "220 mailbox.example ESMTP"'
    assert rows["smtp.listen"] == said


def test_check_config_sees_that_a_port_is_in_use_by_something_else(
    on_sqlite: Commands, taken_port: tuple[socket.socket, str]
) -> None:
    """It closes the connection without a greeting."""
    taken, address = taken_port
    on_sqlite.environment["INVOICES_SMTP__LISTEN"] = address

    def hang_up() -> None:
        taken.accept()[0].close()

    closer = threading.Thread(target=hang_up)
    closer.start()
    wrong = _failing_checks(on_sqlite)
    closer.join()

    assert wrong == {"smtp.listen": f"{address} is in use by a program that does not speak SMTP"}


def test_check_config_sees_that_a_certificate_has_expired(
    on_sqlite: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Senders that check it would give up."""
    certificate = tmp_path / "certificate.pem"
    monkeypatch.setattr("cli.operations.daemon.tls_context", lambda _: None)
    details = {"notAfter": "Nov 23 09:00:00 2020 GMT"}
    monkeypatch.setattr(ssl, "_ssl", type("Decoder", (), {"_test_decode_cert": lambda *_: details}))
    on_sqlite.environment |= {
        "INVOICES_SMTP__TLS_CERTIFICATE": str(certificate),
        "INVOICES_SMTP__LISTEN": "127.0.0.1:0",
    }

    wrong = _failing_checks(on_sqlite)

    assert list(wrong) == ["smtp.tls_certificate"]
    assert wrong["smtp.tls_certificate"].startswith(f"{certificate} was valid until Nov 23 09:00:00 2020 GMT")


# How commands end.


def test_wrong_settings_end_with_2_and_name_each_key(on_sqlite: Commands) -> None:
    """On standard error, so that --json prints nothing."""
    on_sqlite.environment |= {"INVOICES_SMTP__PROCESSES": "2", "INVOICES_LOG__FORMAT": "xml"}

    said = on_sqlite.misused("status")

    assert said == (
        "The settings cannot be used:\n"
        "  INVOICES_SMTP__PROCESSES: smtp.processes: this version runs one process\n"
        "  INVOICES_LOG__FORMAT: log.format: Input should be 'json' or 'console'\n"
    )


def test_a_settings_file_that_is_not_there_ends_with_2(on_sqlite: Commands, tmp_path: Path) -> None:
    """It is named."""
    missing = tmp_path / "nothing.toml"

    assert f"{missing}: cannot be read" in on_sqlite.misused("status", "--config", str(missing))


def test_config_and_json_may_stand_before_the_command(on_sqlite: Commands, tmp_path: Path) -> None:
    """And between a group and its command."""
    config = tmp_path / "invoices.toml"
    config.write_text(f'data_dir = "{tmp_path / "elsewhere"}"\n', encoding="utf-8")
    on_sqlite.environment.clear()

    done = on_sqlite.call("--config", str(config), "account", "--json", "list")

    assert (done.exit_code, done.stdout) == (0, "")
    assert (tmp_path / "elsewhere/invoices.db").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nonsense"], "No such command 'nonsense'"),
        (["mail", "list", "--outcome", "lost"], "'lost' is not one of"),
        (["list", "--since", "yesterday"], '"yesterday" is no date such as 2026-11-24'),
        (["account", "add"], "Missing argument 'NAME'"),
        (["replay"], "Missing argument 'PATH...'"),
        (["replay", "/nowhere/at/all"], "does not exist"),
        (["serve", "portal"], '"portal" is not in this version yet; it runs smtp and worker'),
        (["serve", "outbound"], '"outbound" is not in this version yet; it runs smtp and worker'),
        (["serve", "lunch"], 'there is no part "lunch"; the parts are smtp and worker'),
    ],
)
def test_wrong_usage_ends_with_2(on_sqlite: Commands, arguments: list[str], said: str) -> None:
    """With what is wrong."""
    assert said in on_sqlite.misused(*arguments)


def test_a_database_that_is_away_ends_with_1_and_one_sentence(on_sqlite: Commands) -> None:
    """No stack trace, no password."""
    url = "postgresql+psycopg://nobody:geheim@127.0.0.1:1/nothing"
    on_sqlite.environment["INVOICES_DATABASE__URL"] = url

    said = on_sqlite.refused("list")

    assert said.startswith("Error: ")
    assert len(said.splitlines()) == 1
    assert "geheim" not in said


def _leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(command, click.Group):
        for name, sub in command.commands.items():
            yield from _leaves(sub, (*path, name))


@pytest.mark.parametrize("path", list(_leaves(main)), ids=" ".join)
def test_every_command_has_help(on_sqlite: Commands, path: tuple[str, ...]) -> None:
    """It names --config and --json, and opens no store."""
    done = on_sqlite.call(*path, "--help")

    assert done.exit_code == 0
    assert f"Usage: {' '.join(('invoices', *path))} " in done.stdout
    assert "--config" in done.stdout
    assert "--json" in done.stdout
    assert not Path(on_sqlite.environment["INVOICES_DATA_DIR"]).exists()


def test_a_terminal_is_not_fooled_by_what_a_mail_holds(on_sqlite: Commands) -> None:
    """Escape sequences and markup of senders are shown as text."""
    filed = _file(on_sqlite.url, name="\x1b[31mred[/bold]")

    done = on_sqlite.call("show", filed.invoice_id)

    assert "\x1b" not in done.stdout
    assert "\N{REPLACEMENT CHARACTER}[31mred[/bold]" in done.stdout


# Mails that are read.


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
