"""Each mail says what it is about, in both languages, as text and as HTML, and no stranger's markup is in it."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest

from outbound import trial
from outbound.letters import Letters
from outbound.wording import written_amount, written_code, written_date
from storage.records.outgoing import MailTemplate
from storage.records.people import Language

LISTED = {**trial.VALUES["invoices"][0], "seller": "Lieferant <b>& Söhne</b>", "amount": "1.190,00 €"} | {
    "date": "20. November 2026",
    "kept_until": "22. Februar 2027",
}
VALUES: dict[str, Any] = trial.VALUES | {
    "company": "Muster <script> GmbH",
    "sender": "Lieferant <b>& Söhne</b>",
    "reason": "Unbekannt",
    "invoices": [LISTED],
}
ALL = [(template, language) for template in MailTemplate for language in Language]


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]


@pytest.mark.parametrize(("template", "language"), ALL)
def test_every_mail_can_be_written(template: MailTemplate, language: Language) -> None:
    """With a subject on one line, a text without markup, and HTML that loads nothing and holds no foreign tag."""
    letter = Letters(None).write(template, language, VALUES)

    shown = _Tags()
    shown.feed(letter.html)
    assert letter.subject
    assert "\n" not in letter.subject
    assert len(letter.subject) < 100
    assert "<p" not in letter.text
    assert "\n\n\n" not in letter.text
    assert all(len(line) <= 78 or "https://" in line for line in letter.text.splitlines())
    assert not {"script", "b", "img", "link"} & set(shown.tags)
    assert all(link.startswith("https://invoices.example.com/") for link in shown.links)
    assert f'<html lang="{language}">' in letter.html


@pytest.mark.parametrize("language", list(Language))
def test_a_mail_about_an_invoice_says_all_that_matters(language: Language) -> None:
    """Sender, number, amount, date, until when it is kept, where to look, and that this is no archive."""
    text = Letters(None).write(MailTemplate.INVOICE, language, VALUES).text

    for said in ("Lieferant", "R-1", "1.190,00 €", "20. November 2026", "22. Februar 2027", LISTED["url"]):
        assert str(said) in text
    assert ("kein Archiv" if language is Language.GERMAN else "no archive") in " ".join(text.split())


@pytest.mark.parametrize("template", [MailTemplate.INVITED_INVOICE, MailTemplate.INVITED_INVOICE_ATTACHED])
def test_only_new_customers_get_the_registration_link(template: MailTemplate) -> None:
    """Members sign in; a link in their mails would only be one more to be lost."""
    letters = Letters(None)

    assert VALUES["link_url"] in letters.write(template, Language.GERMAN, VALUES).text
    for known in (MailTemplate.INVOICE, MailTemplate.INVOICE_ATTACHED):
        assert "/register/" not in letters.write(known, Language.GERMAN, VALUES).text


def test_a_test_invoice_is_called_one() -> None:
    """In the subject and in the table: nobody pays it."""
    letter = Letters(None).write(
        MailTemplate.INVOICE, Language.ENGLISH, VALUES | {"invoices": [LISTED | {"is_test": True}]}
    )

    assert letter.subject.startswith("Test invoice")
    assert "please do not pay" in letter.text


@pytest.mark.parametrize(
    ("amount", "currency", "language", "written"),
    [
        ("1190.00", "EUR", Language.GERMAN, "1.190,00\xa0€"),
        ("1190.00", "EUR", Language.ENGLISH, "€1,190.00"),
        ("12", None, Language.ENGLISH, "12.00"),
        ("about 12", "EUR", Language.ENGLISH, "about 12 EUR"),
        ("1e999999", "EUR", Language.GERMAN, "1e999999 EUR"),
        (None, "EUR", Language.GERMAN, ""),
    ],
)
def test_amounts_are_written_as_people_write_them(
    amount: str | None, currency: str | None, language: Language, written: str
) -> None:
    """What is no number stays as the document has it."""
    assert written_amount(amount, currency, language) == written


def test_dates_and_codes_are_written_as_people_write_them() -> None:
    """A date that is none stays as it is."""
    assert written_date("2026-11-20", Language.GERMAN) == "20. November 2026"
    assert written_date("2026-11-20", Language.ENGLISH) == "20 November 2026"
    assert written_date("soon", Language.ENGLISH) == "soon"
    assert written_date(None, Language.ENGLISH) == ""
    assert written_code("12345678") == "1234 5678"
