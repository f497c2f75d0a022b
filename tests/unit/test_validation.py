"""What an invoice is worth: which rules apply, what they say in words, which class it gets."""

from __future__ import annotations

import pytest

from storage.records.reading import DocumentFormat, Party
from storage.records.validation import Severity, ValidationClass, ValidationStatus
from tests import making
from tests.validated import finding
from validation.content_checks import content_findings, may_be_vat_identifier
from validation.profiles import held_against, is_before_en16931, is_part_only
from validation.rule_sets import Syntax
from validation.verdict import MOST_FINDINGS, as_hint, verdict
from validation.wording import sentences, terms_in

_EN = "urn:cen.eu:en16931:2017"
_XRECHNUNG = f"{_EN}#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0"


@pytest.mark.parametrize(
    ("profile", "syntax", "expected"),
    [
        (_EN, Syntax.UBL, [("en16931", True)]),
        (None, Syntax.CII, [("en16931", True)]),
        (_XRECHNUNG, Syntax.CII, [("en16931", True), ("xrechnung", True)]),
        (
            f"{_XRECHNUNG}#conformant#urn:xeinkauf.de:kosit:extension:xrechnung_3.0",
            Syntax.UBL,
            [("en16931", False), ("xrechnung", True)],
        ),
        (
            f"{_EN}#compliant#urn:xoev-de:kosit:standard:xrechnung_2.1",
            Syntax.CII,
            [("en16931", True), ("xrechnung", False)],
        ),
        (
            f"{_EN}#conformant#urn:factur-x.eu:1p0:extended",
            Syntax.CII,
            [("en16931", False), ("factur-x-extended", True)],
        ),
        (
            f"{_EN}#compliant#urn:factur-x.eu:1p0:basic",
            Syntax.CII,
            [("en16931", True), ("factur-x-basic", False)],
        ),
    ],
)
def test_the_profile_says_which_rules_apply(
    profile: str | None, syntax: Syntax, expected: list[tuple[str, bool]]
) -> None:
    """Who goes beyond EN 16931 on purpose is not called wrong for it."""
    assert [(str(one.standard), one.decides) for one in held_against(profile, syntax)] == expected


def test_booking_aids_and_old_formats_are_told_apart() -> None:
    """MINIMUM and BASIC WL have no lines, so the law does not count them."""
    assert is_part_only("urn:factur-x.eu:1p0:minimum")
    assert is_part_only("urn:zugferd.de:2p0:basicwl")
    assert not is_part_only(f"{_EN}#compliant#urn:factur-x.eu:1p0:basic")
    assert is_before_en16931("urn:ferd:CrossIndustryDocument:invoice:1p0:comfort")
    assert not is_before_en16931(_EN)


@pytest.mark.parametrize(
    ("rule", "official", "english", "german"),
    [
        ("BR-02", "", "This is missing: Invoice number (BT-1).", "Es fehlt: Rechnungsnummer (BT-1)."),
        (
            "BR-DEC-01",
            "The allowed maximum number of decimals for the amount (BT-92) is 2.",
            "Allowance amount (BT-92) has more than two decimals.",
            "Betrag des Abzugs (BT-92) hat mehr als zwei Nachkommastellen.",
        ),
        (
            "BR-CL-14",
            "",
            "A country is not a code of the list ISO 3166-1.",
            "Ein Land ist kein Code der Liste ISO 3166-1.",
        ),
        (
            "BR-AE-10",
            "",
            "The reason of the exemption (BT-120 or BT-121) is missing for the category “reverse charge”.",
            "Bei der Kategorie „Umkehr der Steuerschuld“ fehlt der Grund der Steuerbefreiung (BT-120 oder BT-121).",
        ),
        (
            "X-1",
            "The thing (BT-1) is odd",
            "The rule X-1 does not hold: The thing (BT-1) is odd.",
            "Die Regel X-1 ist verletzt. Sie betrifft: Rechnungsnummer (BT-1). Im Wortlaut: The thing (BT-1) is odd.",
        ),
    ],
)
def test_a_rule_is_told_in_plain_words(rule: str, official: str, english: str, german: str) -> None:
    """A bookkeeper can do nothing with "BR-AE-10" alone."""
    assert sentences(rule, official) == (english, german)


def test_the_terms_of_a_rule_are_named_once() -> None:
    """In the order of its text."""
    assert terms_in("[x] BT-112 = BT-109 + BT-110, see BT-109 and BG-22") == (
        *("BT-112", "BT-109", "BT-110", "BG-22"),
    )


def test_the_gravest_class_counts() -> None:
    """Form before rules before content."""
    classes = [
        verdict(form=form, rules=rules, content=content, rule_sets=()).class_
        for form, rules, content in (
            ([finding()], [finding()], [finding()]),
            ([], [finding()], [finding()]),
            ([], [], [finding()]),
            ([], [as_hint(finding())], []),
        )
    ]

    assert classes == [
        ValidationClass.FORMAT_ERROR,
        ValidationClass.BUSINESS_RULE_ERROR,
        ValidationClass.CONTENT_ERROR,
        ValidationClass.VALID,
    ]


def test_findings_have_an_end_and_errors_come_first() -> None:
    """An invoice of ten thousand lines may break a rule in each."""
    hint = as_hint(finding())
    many = [finding(line=number) for number in range(MOST_FINDINGS + 5)]

    result = verdict(form=[], rules=[hint, *many], content=[], rule_sets=())

    assert result.status is ValidationStatus.INVALID
    assert len(result.findings) == MOST_FINDINGS + 1
    assert result.findings[0].severity is Severity.ERROR
    assert result.findings[-1].text == "6 more findings are left out here."


@pytest.mark.parametrize(
    ("written", "possible"),
    [
        ("DE123456788", True),
        ("DE 123 456 789", False),
        ("ATU12345675", True),
        ("DE/12/345/67890", False),
        ("CHE-123.456.788 MWST", True),
        ("17", False),
    ],
)
def test_a_vat_identifier_that_cannot_exist_is_told(written: str, possible: bool) -> None:
    """Input tax hangs on it; those of other countries are not judged."""
    assert may_be_vat_identifier(written) is possible


def test_content_that_cannot_be_right_is_found() -> None:
    """Each by its rule, with the term it is about."""
    terms = making.terms(
        format=DocumentFormat.FATTURAPA,
        seller=Party(vat_id="DE123456789"),
        buyer=Party(vat_id="DE123456788"),
        payee_accounts=("DE79 0000 0000 1234 5678 91", "DE79000000001234567890", "4711"),
        issue_date="2026-11-20",
        due_date="2026-11-19",
        total_without_vat="100.00",
        vat_total="19.00",
        total_with_vat="120.00",
    )

    found = [(one.rule, one.terms[0], str(one.severity)) for one in content_findings(terms)]

    assert found == [
        ("vat-identifier", "BT-31", "error"),
        ("iban", "BT-84", "error"),
        ("due-before-issue", "BT-9", "warning"),
        ("sums", "BT-109", "warning"),
    ]


def test_what_is_unknown_is_not_judged() -> None:
    """An invoice without these terms is not wrong for it; the rules say what must be there."""
    assert content_findings(making.terms(seller=Party(), buyer=Party())) == ()
