"""The sample mails are complete, conform to what they say of themselves, and are what their generator makes."""

from __future__ import annotations

import base64
import email
import io
import re
import tomllib
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from email.message import Message as Entity
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from pypdf import PdfReader

from fixtures import build_mails
from fixtures.cases.damaged import broken_pdf
from fixtures.making.check_digits import is_german_vat_id, is_gln, is_iban, is_leitweg_id
from fixtures.making.deflate import deflated
from ingest.processing.environment import TestSign
from ingest.processing.match_rules import MatchRule, without_sub_address
from storage.records.companies import AccountStatus
from storage.records.invoices import Environment
from storage.records.mails import Outcome
from storage.records.reading import DocumentFormat, PartRole

FIXTURES = Path(build_mails.__file__).parent
FOLDERS = {folder.name: folder for folder in sorted(build_mails.MAIL_FOLDER.iterdir())}

TERMS = {
    "format",
    "structured",
    "profile",
    "document",
    "invoice_number",
    "issue_date",
    "type_code",
    "currency",
}
TERMS |= {"due_date", "buyer_reference", "order_reference", "payee_accounts", "seller", "buyer"}
TERMS |= {"total_without_vat", "vat_total", "total_with_vat", "amount_due"}
KNOWN = {
    "": {"shows", "transfers", "after", "envelope", "expected"},
    "envelope": {"reverse_path", "forward_paths"},
    "expected": {"outcome", "reason_contains", "registration_link", "invoices"},
    "invoice": TERMS
    | {"account", "account_status", "matched_by", "environment", "environment_reason", "duplicate_of"}
    | {"warnings", "attachments"},
    "party": {"name", "vat_id", "electronic_address"},
}
# Where the parts of EN 16931 stand: local names, from anywhere; CII first, UBL second.
TOTALS = {
    "total_without_vat": ("TaxBasisTotalAmount", "TaxExclusiveAmount"),
    "vat_total": ("TaxTotalAmount", "TaxTotal/TaxAmount"),
    "total_with_vat": ("GrandTotalAmount", "TaxInclusiveAmount"),
    "prepaid": ("TotalPrepaidAmount", "PrepaidAmount"),
    "amount_due": ("DuePayableAmount", "PayableAmount"),
}


def expectation(name: str) -> dict[str, Any]:
    """What expected.toml of a sample says."""
    return tomllib.loads((FOLDERS[name] / "expected.toml").read_text(encoding="utf-8"))


def octets_of(name: str) -> bytes:
    """The mail of a sample."""
    return (FOLDERS[name] / "message.eml").read_bytes()


def entities(mail: bytes) -> Iterator[Entity]:
    """All entities of a mail, also of a mail inside it that is encoded."""
    waiting: list[Any] = [email.message_from_bytes(mail)]
    while waiting:
        entity = waiting.pop(0)
        yield entity
        if entity.get_content_type() == "message/rfc822" and entity["Content-Transfer-Encoding"] == "base64":
            # The standard library takes the encoded text itself for the mail inside.
            encoded = entity.get_payload(0).get_payload()
            waiting.append(email.message_from_bytes(base64.b64decode(encoded)))
        elif entity.is_multipart():
            waiting += entity.get_payload()


def contents(name: str) -> Iterator[bytes]:
    """The octets of every leaf part of a sample, transfer encoding undone."""
    for entity in entities(octets_of(name)):
        if not entity.is_multipart():
            yield bytes(entity.get_payload(decode=True))


def pdfs(name: str) -> Iterator[PdfReader]:
    """Every PDF of a sample that is whole."""
    for content in contents(name):
        if content.startswith(b"%PDF-") and content != broken_pdf():
            yield PdfReader(io.BytesIO(content), strict=True)


def xmls(name: str) -> Iterator[bytes]:
    """Every XML of a sample, attached or inside a PDF."""
    yield from (content for content in contents(name) if content.startswith(b"<?xml"))
    for pdf in pdfs(name):
        for reference in pdf.root_object.get("/AF", []):
            yield reference.get_object()["/EF"]["/F"].get_object().get_data()


@dataclass(frozen=True, slots=True)
class Document:
    """An invoice XML with the paths of this test."""

    root: etree._Element

    def texts(self, *paths: str) -> list[str]:
        """The texts of all elements at these local names, one of which applies to a syntax."""
        found = []
        for path in paths:
            steps = "/".join(f"*[local-name()='{step}']" for step in path.split("/"))
            found += [str(text) for text in self.root.xpath(f"//{steps}/text()")]
        return found

    def identifiers(self, scheme: str) -> list[str]:
        """The texts of all elements with this schemeID."""
        return [str(text) for text in self.root.xpath("//*[@schemeID=$scheme]/text()", scheme=scheme)]

    def totals(self) -> dict[str, Decimal]:
        """The totals that the document states."""
        stated = {name: self.texts(*paths) for name, paths in TOTALS.items()}
        return {name: Decimal(amounts[0]) for name, amounts in stated.items() if amounts}

    def number(self) -> str:
        """BT-1."""
        cii, ubl = "/*/*[local-name()='ExchangedDocument']/*[local-name()='ID']", "/*/*[local-name()='ID']"
        return str(self.root.xpath(f"string({cii}|{ubl})"))


def documents(name: str) -> list[Document]:
    """Every invoice XML of a sample that is well-formed; one must be broken, and only there."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    whole = [content for content in xmls(name) if name != "broken-xml"]
    return [Document(etree.fromstring(content, parser)) for content in whole]


def registered() -> dict[str, list[dict[str, Any]]]:
    """The accounts and partners that are on record before."""
    return tomllib.loads((FIXTURES / "accounts.toml").read_text(encoding="utf-8"))


every_sample = pytest.mark.parametrize("name", FOLDERS)


def test_committed_files_are_what_the_generator_makes() -> None:
    """Given the committed samples, when they are made anew, then no file differs, lacks or is too much."""
    committed = {
        path.relative_to(build_mails.MAIL_FOLDER).as_posix(): path.read_bytes()
        for path in build_mails.MAIL_FOLDER.rglob("*")
        if path.is_file()
    }

    assert sorted(build_mails.made()) == sorted(committed)
    differing = [path for path, octets in build_mails.made().items() if committed[path] != octets]
    assert not differing


def test_generator_writes_what_it_makes(tmp_path: Path) -> None:
    """Given an empty folder, when the samples are written there, then every file is there octet for octet."""
    build_mails.write(tmp_path)

    written = {
        path.relative_to(tmp_path).as_posix(): path.read_bytes()
        for path in tmp_path.rglob("*")
        if path.is_file()
    }
    assert build_mails.made() == written


def test_samples_stay_small() -> None:
    """Given all sample mails, when their sizes are added, then they are not too much to carry in a repository."""
    total = sum(path.stat().st_size for path in build_mails.MAIL_FOLDER.rglob("*") if path.is_file())

    assert total < 320_000


@every_sample
def test_expectation_has_known_keys_and_values(name: str) -> None:
    """Given an expected.toml, when its keys and words are looked up, then each is known, so none is overlooked."""
    said = expectation(name)
    expected = said["expected"]
    invoices = expected.get("invoices", [])

    assert set() == set(said) - KNOWN[""]
    assert KNOWN["envelope"] == set(said["envelope"])
    assert set() == set(expected) - KNOWN["expected"]
    assert set() == {key for invoice in invoices for key in invoice} - KNOWN["invoice"]
    parties = [invoice[side] for invoice in invoices for side in ("seller", "buyer") if side in invoice]
    assert set() == {key for party in parties for key in party} - KNOWN["party"]
    assert said["shows"].endswith(".")
    assert Outcome(expected["outcome"]) in (Outcome.RECORDED, Outcome.NO_INVOICE, Outcome.QUARANTINED)
    assert bool(invoices) == (expected["outcome"] == Outcome.RECORDED)


@every_sample
def test_expected_invoices_use_the_words_of_the_records(name: str) -> None:
    """Given the invoices of an expected.toml, when their words are read as records do, then each is one of those."""
    for invoice in expectation(name)["expected"].get("invoices", []):
        assert invoice["account_status"] in list(AccountStatus)
        assert invoice["matched_by"] in list(MatchRule)
        assert invoice["environment"] in list(Environment)
        assert invoice["format"] in list(DocumentFormat)
        assert (invoice["environment"] == Environment.TEST) == ("environment_reason" in invoice)
        assert invoice.get("environment_reason", TestSign.HEADER) in list(TestSign)
        roles = [role for _, role in invoice.get("attachments", [])]
        assert set() == set(roles) - {PartRole.INVOICE, PartRole.REPRESENTATION, PartRole.ATTACHMENT}
        assert roles[:1] in ([], [PartRole.INVOICE])


@every_sample
def test_expected_accounts_exist(name: str) -> None:
    """Given an expected invoice, when its account is looked up, then it is registered or a recipient's address."""
    said = expectation(name)
    companies = {account["name"] for account in registered()["account"]}
    recipients = {without_sub_address(path) for path in said["envelope"]["forward_paths"]}

    for invoice in said["expected"].get("invoices", []):
        known = companies if invoice["account_status"] == AccountStatus.REGISTERED else recipients
        assert invoice["account"] in known


def test_samples_build_on_samples_that_exist() -> None:
    """Given `after` and `duplicate_of`, when they are followed, then they lead to samples and never in a circle."""
    before = {name: set(expectation(name).get("after", [])) for name in FOLDERS}
    duplicates = {
        (name, invoice["duplicate_of"])
        for name in FOLDERS
        for invoice in expectation(name)["expected"].get("invoices", [])
        if "duplicate_of" in invoice
    }

    assert set(FOLDERS) == set(TopologicalSorter(before).static_order())
    assert set() == {(name, other) for name, other in duplicates if other not in before[name]}


def test_samples_do_not_depend_on_each_other_unsaid() -> None:
    """Given all samples, when numbers and invitations are counted, then only `after` lets two samples share one."""
    independent = [expectation(name) for name in FOLDERS if not expectation(name).get("after")]
    numbers = Counter(
        number
        for said in independent
        for number in {one["invoice_number"] for one in said["expected"].get("invoices", [])}
    )
    links = Counter(link for said in independent for link in said["expected"].get("registration_link", []))
    message_ids = Counter(email.message_from_bytes(octets_of(name))["Message-ID"] for name in FOLDERS)

    shared = [one for one, times in (numbers + links + message_ids).items() if times > 1]
    assert not shared


@every_sample
def test_mail_is_well_formed(name: str) -> None:
    """Given a mail, when it is read by the standard library, then lines, header and MIME structure are in order."""
    mail = octets_of(name)
    header = mail.partition(b"\r\n\r\n")[0]
    parsed = email.message_from_bytes(mail)

    assert not re.findall(rb"(?<!\r)\n|\r(?!\n)", mail)
    assert max(map(len, mail.split(b"\r\n"))) <= 998  # RFC 5322 2.1.1
    assert header.isascii()
    assert {"From", "To", "Subject", "Date", "Message-ID", "MIME-Version"} <= set(parsed.keys())
    defects = [defect for entity in entities(mail) for defect in entity.defects]
    assert not defects


@every_sample
def test_structured_documents_say_what_is_expected(name: str) -> None:
    """Given the XMLs of a mail, when they are read here anew, then numbers and totals are those of expected.toml."""
    structured = [one for one in expectation(name)["expected"].get("invoices", []) if one["structured"]]
    stated = {document.number(): document.totals() for document in documents(name)}

    for invoice in structured:
        totals = stated[invoice["invoice_number"]]
        expected = {key: Decimal(invoice[key]) for key in TOTALS if key in invoice}
        assert expected == {key: totals[key] for key in expected}
        assert len(expected) == len(TOTALS) - 1


@every_sample
def test_sums_add_up(name: str) -> None:
    """Given the XMLs of a mail, when their amounts are added, then they obey BR-CO-10, 13, 14, 15, 16 of EN 16931."""
    for document in documents(name):
        totals = document.totals()
        lines = document.texts(
            "SpecifiedTradeSettlementLineMonetarySummation/LineTotalAmount",
            "InvoiceLine/LineExtensionAmount",
            "CreditNoteLine/LineExtensionAmount",
        )
        taxes = document.texts("ApplicableTradeTax/CalculatedAmount", "TaxSubtotal/TaxAmount")
        assert not lines or sum(map(Decimal, lines)) == totals["total_without_vat"]
        assert not taxes or sum(map(Decimal, taxes)) == totals["vat_total"]
        assert totals["total_with_vat"] == totals["total_without_vat"] + totals["vat_total"]
        assert totals["amount_due"] == totals["total_with_vat"] - totals.get("prepaid", Decimal(0))


@every_sample
def test_pdfs_can_be_read_by_people(name: str) -> None:
    """Given the PDFs of a mail, when their text is taken out, then it has lines and the numbers of the invoices."""
    numbers = [invoice["invoice_number"] for invoice in expectation(name)["expected"].get("invoices", [])]
    texts = [pdf.pages[0].extract_text() for pdf in pdfs(name)]

    missing = [number for number in numbers if texts and not any(number in text for text in texts)]
    assert not missing
    assert [text for text in texts if len(text.splitlines()) >= 8] == texts


def test_umlauts_survive_in_pdfs() -> None:
    """Given the sample of umlauts, when the text of its PDF is taken out, then it is written in WinAnsi."""
    text = next(pdfs("umlauts-everywhere")).pages[0].extract_text()

    assert "Bürostuhl, höhenverstellbar, grün" in text
    assert "Größe M" in text


@pytest.mark.parametrize("octets", [b"", b"a", bytes(range(256)) * 3, b"abc" * 400, b"\0" * 70_000])
def test_deflated_octets_come_back(octets: bytes) -> None:
    """Given octets that repeat or do not, when they are deflated, then the library zlib inflates them again."""
    assert octets == zlib.decompress(deflated(octets))


def test_damaged_samples_are_damaged() -> None:
    """Given the damaged samples, when they are read strictly, then the damage is there."""
    with pytest.raises(etree.XMLSyntaxError):
        etree.fromstring(next(xmls("broken-xml")))
    assert b"<!DOCTYPE" in next(xmls("xml-with-doctype"))
    assert broken_pdf() in list(contents("broken-pdf"))
    assert b"obj" not in broken_pdf()


def test_xml_under_af_only_is_in_no_name_tree() -> None:
    """Given the sample for /AF, when the catalog is read, then /AF leads to the XML and no name tree does."""
    pdf = next(pdfs("hybrid-xml-only-under-af"))

    assert "/Names" not in pdf.root_object
    assert list(xmls("hybrid-xml-only-under-af"))


@every_sample
def test_check_digits_hold(name: str) -> None:
    """Given the XMLs of a mail, when their numbers are checked, then VAT identifiers, IBANs and GLNs are valid."""
    for document in documents(name):
        vat_ids = document.identifiers("VA")
        for scheme in document.root.xpath("//*[local-name()='PartyTaxScheme'][*/*='VAT']"):
            vat_ids.append(str(scheme[0].text))
        ibans = document.texts("IBANID", "PayeeFinancialAccount/ID")
        glns = document.identifiers("0088")
        wrong = [vat_id for vat_id in vat_ids if not is_german_vat_id(vat_id)]
        wrong += [iban for iban in ibans if not is_iban(iban)]
        wrong += [gln for gln in glns if not is_gln(gln)]
        assert vat_ids
        assert not wrong


def test_check_digits_of_registered_companies_hold() -> None:
    """Given accounts.toml, when its numbers are checked, then VAT identifiers, GLNs and Leitweg-IDs are valid."""
    rows = [row for rows in registered().values() for row in rows]
    identifiers = [one.split(":") for row in rows for one in row.get("identifiers", [])]
    checks = {"0088": is_gln, "0204": is_leitweg_id}

    wrong = [vat_id for row in rows for vat_id in row["vat_ids"] if not is_german_vat_id(vat_id)]
    wrong += [value for scheme, value in identifiers if not checks[scheme](value)]
    assert set(checks) == {scheme for scheme, _ in identifiers}
    assert not wrong


@pytest.mark.parametrize(
    ("holds", "right", "wrong"),
    [
        (is_german_vat_id, "DE 136 695 976", "DE136695977"),
        (is_iban, "DE89370400440532013000", "DE89370400440532013001"),
        (is_gln, "4012345000009", "4012345000008"),
        (is_leitweg_id, "04011000-1234512345-06", "04011000-1234512345-07"),
    ],
)
def test_checks_tell_right_from_wrong(holds: Callable[[str], bool], right: str, wrong: str) -> None:
    """Given widely known sample numbers, when they are checked, then a wrong last digit is noticed."""
    assert holds(right)
    assert not holds(wrong)
