"""The commands that look at invoices and mails on record: list, show, mail, history, explain."""

from __future__ import annotations

import getpass

import pytest

from storage.records.invoices import Environment
from tests.commands import ADDED_INVOICE_KEYS, INVOICE_KEYS, MAIL_KEYS, Commands
from tests.filed_mails import file_invoice

PART_KEYS = ["name", "media_type", "size", "sha256", "role"]
PARTY_KEYS = ["name", "vat_id", "identifiers", "electronic_address"]


def test_an_invoice_has_the_keys_of_the_contract(commands: Commands) -> None:
    """In list and show alike; what is unknown is null, amounts are strings."""
    filed = file_invoice(commands.url)

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
    first = file_invoice(commands.url, environment=Environment.TEST)
    second = file_invoice(commands.url, name="Other", addresses=("o@other.example",))

    def ids(*options: str) -> list[str]:
        return [invoice["id"] for invoice in commands.lines("list", *options)]

    assert ids() == [second.invoice_id, first.invoice_id]
    assert ids("--account", "invoices@company.example") == [first.invoice_id]
    assert ids("--environment", "test") == [first.invoice_id]
    assert ids("--since", "2026-11-24T09:00:00Z") == [second.invoice_id, first.invoice_id]
    assert ids("--since", "2026-11-25") == []


def test_a_mail_has_the_keys_of_the_contract(commands: Commands) -> None:
    """`mail show` adds the parts, and what else is known of it."""
    filed = file_invoice(commands.url)

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
    filed = file_invoice(commands.url)
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
    filed = file_invoice(commands.url, environment=Environment.TEST)

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
        "Who really sent it was not checked yet.",
        "It is test and will be deleted on 2026-12-24. This is no archive.",
    ]
    assert mail["id"] == filed.mail_id
    assert mail["sentences"][-1] == "It ended as recorded and is kept until 2026-12-24."


def test_the_same_is_told_in_german(on_sqlite: Commands) -> None:
    """As many sentences, each in the other language."""
    filed = file_invoice(on_sqlite.url)

    english, german = (
        on_sqlite.one("explain", filed.invoice_id, "--language", language)["sentences"]
        for language in ("en", "de")
    )

    assert len(german) == len(english)
    assert german[2].endswith(
        'die Rechnung wurde bei "Company Ltd" abgelegt, weil sie an eine Adresse dieses Kontos ging.'
    )
    assert german[-1] == "Sie ist produktiv und wird am 2027-02-22 gelöscht. Dies ist kein Archiv."
    assert set(german) & set(english) == set()


@pytest.mark.parametrize("command", ["show", "history", "explain", "download"])
def test_an_id_that_nobody_has(on_sqlite: Commands, command: str) -> None:
    """One sentence, exit status 1."""
    assert "nothing-like-it" in on_sqlite.refused(command, "nothing-like-it")
