"""Keys of accounts have one normal form, whatever way they are written in."""

from __future__ import annotations

import pytest

from storage.companies.account_keys import (
    address_key,
    domain_key,
    parse_identifier,
    split_address,
    vat_id_key,
)


@pytest.mark.parametrize(
    ("address", "value"),
    [
        ("Invoices@Company.Example", "invoices@company.example"),
        ("Ünï@Nül.example", "ünï@nül.example"),
        ('"quoted local"@company.example', '"quoted local"@company.example'),
        ('"a@b"@company.example', '"a@b"@company.example'),
        ("a@[192.0.2.1]", "a@[192.0.2.1]"),
    ],
)
def test_every_valid_address_has_a_key(address: str, value: str) -> None:
    """Mail to a quoted local part (RFC 5321 4.1.2) once went to quarantine as no address at all."""
    assert address_key(address).value == value


@pytest.mark.parametrize(
    "address", ["", "postmaster", "a b@c.example", "a@", "@c.example", '"a@c.example', "<a@c>"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    """With the text in the message."""
    with pytest.raises(ValueError, match="is not an address"):
        address_key(address)


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("invoices+test@company.example", ("invoices", "test", "company.example")),
        ("invoices@company.example", ("invoices", "", "company.example")),
        ("a+b+c@company.example", ("a", "b+c", "company.example")),
        ("+test@company.example", ("+test", "", "company.example")),
        ('"a+b@c"@company.example', ('"a+b@c"', "", "company.example")),
    ],
)
def test_a_sub_address_is_split_off(address: str, parts: tuple[str, str, str]) -> None:
    """RFC 5233; not inside quotes, and not where nothing would be left."""
    assert split_address(address) == parts


@pytest.mark.parametrize("vat_id", ["DE123456788", "de 123 456 788", "DE-123.456.788"])
def test_a_vat_identifier_has_one_form(vat_id: str) -> None:
    """As documents carry it."""
    assert vat_id_key(vat_id).value == "DE123456788"


@pytest.mark.parametrize(
    "wrong", ["", "123", "D1", "DE", "DE/12/345/67890 and more text than any identifier has"]
)
def test_what_is_no_vat_identifier_is_refused(wrong: str) -> None:
    """A document may carry any text in its place."""
    with pytest.raises(ValueError, match="is not a VAT identifier"):
        vat_id_key(wrong)


@pytest.mark.parametrize("wrong", ["", "a@b", "a b", ".", "a..b"])
def test_what_is_no_domain_is_refused(wrong: str) -> None:
    """With the text in the message."""
    with pytest.raises(ValueError, match="is not a domain"):
        domain_key(wrong)


@pytest.mark.parametrize("wrong", ["", "0088", ":1", "0088:", "0088: "])
def test_what_is_no_identifier_is_refused(wrong: str) -> None:
    """SCHEME:VALUE, both of them."""
    with pytest.raises(ValueError, match="is not SCHEME:VALUE"):
        parse_identifier(wrong)


def test_a_domain_has_one_form_and_no_other_domain_has_it() -> None:
    """A- and U-labels are one domain; "straße" and "strasse" are two, which casefold() once made one."""
    assert domain_key("München.example") == domain_key("xn--mnchen-3ya.example")
    assert address_key("a@MÜNCHEN.example") == address_key("a@xn--mnchen-3ya.example")
    assert domain_key("straße.example") != domain_key("strasse.example")
