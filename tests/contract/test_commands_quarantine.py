"""`invoices quarantine` from outside: what was set aside, and what an operator does with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands import MAIL_KEYS, Commands
from tests.filed_mails import file_in_quarantine, file_invoice

SAMPLES = Path(__file__).parents[2] / "fixtures/mail"


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


def test_whose_an_invoice_is_can_be_decided_and_remembered(commands: Commands) -> None:
    """Two accounts claim it: both are named, the operator decides, and this seller's next one goes the same way."""
    sample = SAMPLES / "match-by-buyer-vat-identifier/message.eml"
    commands.one("account", "add", "Lindner", "--vat-id", "DE666666660")
    chosen = commands.one("account", "add", "Sammelpost", "--identifier", "EM:post@sammelpost.example")

    [contested] = commands.program("replay", str(sample), "--to", "post@sammelpost.example")
    retry = ("quarantine", "retry", contested["mail_id"], "--account", "Sammelpost", "--remember")
    [decided] = commands.program(*retry)
    [next_one] = commands.program("replay", str(sample), "--to", "POST+x@sammelpost.example")

    assert contested["outcome"] == "quarantined"
    assert contested["reason"] == (
        'it could be the invoice of "Sammelpost" by identifier EM:POST@SAMMELPOST.EXAMPLE (BT-49)'
        ' and "Lindner" by vat-id DE666666660 (BT-48); say whose it is'
    )
    assert decided["outcome"] == "recorded"
    invoice = commands.one("show", decided["invoices"][0])
    assert (invoice["account"]["id"], invoice["matched_by"]) == (chosen["id"], "operator-decision")
    assert [one["where"] for one in invoice["match_evidence"]] == ["quarantine"]
    events = [event["event"] for event in commands.lines("history", contested["mail_id"])]
    assert events == [
        *("received", "quarantined", "retried", "assigned", "read", "remembered", "matched", "recorded"),
        "viewed",
    ]
    assert (next_one["matched_by"], next_one["account"]["id"]) == ("operator-decision", chosen["id"])
    [remembered] = commands.one("account", "show", "Sammelpost")["decisions"]
    assert remembered == "post@sammelpost.example from DE111111117"
    assert commands.one("account", "withdraw", "Sammelpost", remembered)["decisions"] == []


def test_an_account_of_the_buyers_name_is_a_hint_for_the_operator(on_sqlite: Commands) -> None:
    """Two companies may have one name, so a name alone files nothing."""
    sample = SAMPLES / "match-by-buyer-vat-identifier/message.eml"
    on_sqlite.one("account", "add", "Holzbau LINDNER G.m.b.H.")

    [row] = on_sqlite.program("replay", str(sample), "--to", "postmaster")

    assert row["outcome"] == "quarantined"
    assert row["reason"].endswith('going by the name alone it could be that of "Holzbau LINDNER G.m.b.H."')


def test_remembering_needs_an_account(on_sqlite: Commands) -> None:
    """There is nothing to remember otherwise."""
    assert "--remember needs --account" in on_sqlite.misused("quarantine", "retry", "x", "--remember")
