"""What an invoice is worth, from outside: show, list, explain, revalidate, and the readable page."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.build_mails import MAIL_FOLDER
from storage.records.validation import Severity, ValidationStatus
from storage.store import Store
from tests import making
from tests.commands import Commands
from tests.filed_mails import file_invoice
from tests.validated import finding, validation


def _validated(commands: Commands, status: ValidationStatus = ValidationStatus.INVALID) -> str:
    filed = file_invoice(commands.url)
    store = Store.open(commands.url)
    with store.transaction() as records:
        differs = finding(rule="views-differ-total", text="The PDF shows ...", severity=Severity.WARNING)
        result = validation(status=status, findings=(finding(), differs))
        records.validations.record(filed.invoice_id, result, at=making.NOW)
    store.close()
    return filed.invoice_id


def _replayed(commands: Commands, sample: str) -> str:
    [mail] = commands.program(
        "replay", str(MAIL_FOLDER / sample / "message.eml"), "--to", "a@company.example"
    )
    return str(mail["invoices"][0]["id"])


def test_show_has_the_result_and_the_differing_views(on_sqlite: Commands) -> None:
    """As CONTRACT says, with rule sets and both languages added; the views also among the warnings."""
    shown = on_sqlite.one("show", _validated(on_sqlite))

    result = shown["validation"]
    assert (result["status"], result["class"]) == ("invalid", "Geschäftsregelfehler")
    assert result["validated_at"] == "2026-11-24T09:00:00Z"
    assert result["rule_sets"][0] == {
        "id": "en16931-cii-1",
        "name": "EN 16931 (CII)",
        "version": "1",
        "date": "2026-01-01",
    }
    assert result["findings"][0] == {
        "rule": "BR-02",
        "severity": "error",
        "text": "This is missing: Invoice number (BT-1).",
        "text_de": "Es fehlt: Rechnungsnummer (BT-1).",
        "terms": ["BT-1"],
        "location": "/CrossIndustryInvoice",
        "line": 2,
        "rule_set": "en16931-cii-1",
    }
    assert {"code": "views-differ-total", "text": "The PDF shows ..."} in shown["warnings"]


def test_show_tells_people_in_lines(on_sqlite: Commands) -> None:
    """The verdict, by which rules, and each finding with its place; not the JSON of it."""
    said = on_sqlite.call("show", _validated(on_sqlite)).stdout

    assert "invalid (Geschäftsregelfehler) by en16931-cii-1" in said
    assert "error BR-02: This is missing: Invoice number (BT-1). (/CrossIndustryInvoice, line 2)" in said
    assert "rule_set" not in said


def test_list_finds_those_with_errors(commands: Commands) -> None:
    """And those that wait, which are not validated."""
    invalid = _validated(commands)
    waiting = file_invoice(commands.url, addresses=("b@company.example",)).invoice_id

    assert [one["id"] for one in commands.lines("list", "--status", "invalid")] == [invalid]
    assert [one["id"] for one in commands.lines("list", "--status", "not-validated")] == [waiting]
    assert commands.lines("list", "--status", "valid") == []


def test_revalidate_says_what_changes_and_changes_it(on_sqlite: Commands) -> None:
    """The sample was never validated; a dry run changes nothing, a second real run finds nothing to change."""
    invoice = _replayed(on_sqlite, "xrechnung-ubl")

    dry = on_sqlite.program("revalidate", "--dry-run")
    real = on_sqlite.program("revalidate")
    again = on_sqlite.program("revalidate")

    assert dry == real
    assert again == []
    [row] = real
    assert (row["id"], row["before"], row["after"]["status"]) == (invoice, None, "valid")
    assert on_sqlite.one("show", invoice)["validation"]["status"] == "valid"
    told = on_sqlite.one("explain", invoice)["sentences"]
    assert any("it was examined by en16931-ubl-" in one and "it is a valid e-invoice" in one for one in told)


def test_without_the_packages_revalidate_says_what_is_missing(
    on_sqlite: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And everything else goes on: the invoice is there, and not validated."""
    monkeypatch.setattr("cli.revalidate.is_installed", lambda: False)
    invoice = file_invoice(on_sqlite.url).invoice_id

    said = on_sqlite.refused("revalidate")

    assert "requirements-validation.lock" in said
    assert on_sqlite.one("show", invoice)["validation"] is None


@pytest.mark.parametrize(("option", "begins"), [("--html", b"<!DOCTYPE html>"), ("--pdf", b"%PDF-1")])
def test_the_readable_page_is_written_to_a_file(
    on_sqlite: Commands, tmp_path: Path, option: str, begins: bytes
) -> None:
    """In the language asked for; the history knows that somebody looked."""
    invoice = _replayed(on_sqlite, "hybrid-xrechnung")
    target = tmp_path / "page"

    answer = on_sqlite.one("show", invoice, option, "--language", "de", "-o", str(target))

    assert target.read_bytes().startswith(begins)
    assert answer["size"] == target.stat().st_size
    assert on_sqlite.lines("history", invoice)[-1]["event"] == "viewed"


def test_a_plain_pdf_has_no_readable_page(on_sqlite: Commands) -> None:
    """It is readable itself; the command says how to get it."""
    invoice = _replayed(on_sqlite, "plain-pdf")

    assert "invoices download" in on_sqlite.refused("show", invoice, "--html")
