"""`invoices quarantine` from outside: what was set aside, and what an operator does with it."""

from __future__ import annotations

import pytest

from tests.commands import MAIL_KEYS, Commands
from tests.filed_mails import file_in_quarantine, file_invoice


def test_a_mail_in_quarantine_is_listed_shown_and_discarded(commands: Commands) -> None:
    """It stays on record as a mail without an invoice, with the operator's reason."""
    mail_id = file_in_quarantine(commands.url)

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
    filed = file_invoice(on_sqlite.url)

    said = on_sqlite.refused("quarantine", command, filed.mail_id)

    assert said.startswith("Error: ")
    assert filed.mail_id in said


def test_a_mail_in_quarantine_is_tried_again(commands: Commands) -> None:
    """With today's program; what it holds is no invoice, so it leaves the quarantine as that."""
    mail_id = file_in_quarantine(commands.url)

    [answer] = commands.program("quarantine", "retry", mail_id)

    assert list(answer) == MAIL_KEYS
    assert (answer["outcome"], answer["state"]) == ("no-invoice", "filed")
    events = [event["event"] for event in commands.lines("history", mail_id)]
    assert events == ["received", "quarantined", "retried", "no-invoice"]
