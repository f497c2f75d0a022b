"""The keys by which a company account is found, each in one normal form."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

import stdnum
from stdnum import ean, lei
from stdnum.exceptions import ValidationError

from storage.records.reading import Identifier

_NOT_IN_VAT_ID = re.compile(r"[\s.\-/]")
_VAT_ID = re.compile(r"[A-Z]{2}[0-9A-Z+*]{2,14}")
_ADDRESS = re.compile(r'(?:"(?:[^"\\]|\\.)+"|[^\s@<>"]+)@[^\s@<>"]+')  # also a quoted local part
_DOMAIN = re.compile(r"[^\s@<>.]+(\.[^\s@<>.]+)*")
_UMLAUTS = {"ä": "ae", "ö": "oe", "ü": "ue", "æ": "ae", "ø": "oe", "å": "aa"}  # "ß" is "ss" by casefold()
# Spellings of legal forms, in the words that are left: "e. V." is "e v", "GmbH & Co. KG" is "gmbh co kg".
_LEGAL_FORMS = [
    (r"gesellschaft mit beschraenkter haftung|ges ?m ?b ?h|g m b h|gesmbh", "gmbh"),
    (r"und|and", ""),  # the same as "&"
    (r"compagnie|company|cie", "co"),
    (r"aktiengesellschaft|a g", "ag"),
    (r"kommanditgesellschaft auf aktien|k g a a", "kgaa"),
    (r"kommanditgesellschaft|k g", "kg"),
    (r"offene handelsgesellschaft|o h g", "ohg"),
    (r"gesellschaft buergerlichen rechts|g b r", "gbr"),
    (r"unternehmergesellschaft|u g", "ug"),
    (r"haftungsbeschraenkt", "hb"),
    (r"eingetragener? verein|e v", "ev"),
    (r"eingetragene? genossenschaft|e g", "eg"),
    (r"eingetragener? kauf(?:mann|frau)|e k|e kfm|e kfr|ekfm|ekfr", "ek"),
    (r"societas europaea|s e", "se"),
    (r"limited|l t d", "ltd"),
    (r"incorporated|i n c", "inc"),
    (r"corporation", "corp"),
    (r"l l c", "llc"),
    (r"public ltd co|p l c", "plc"),
    (r"societe anonyme|sociedad anonima|s a", "sa"),
    (r"s a r l", "sarl"),
    (r"societa per azioni|s p a", "spa"),
    (r"societa a responsabilita limitata|s r l", "srl"),
    (r"besloten vennootschap|b v", "bv"),
    (r"naamloze vennootschap|n v", "nv"),
]
_SWISS_TAX = re.compile(r"(MWST|TVA|IVA|VAT|TPV)$")

ELECTRONIC_MAIL = "EM"  # EAS code of an electronic address that is a mailbox
_OTHER_NAMES = {"GLN": "0088"}  # what syntaxes without ISO 6523 call a scheme
_CHECKS: dict[str, Callable[[str], bool]] = {"0088": ean.is_valid, "0199": lei.is_valid}
# Schemes whose numbers are digits that people group with dots, spaces or hyphens.
_DIGITS_AND_SIGNS = frozenset(
    ["0002", "0007", "0009", "0060", "0088", "0106", "0183", "0184", "0192", "0208"]
)
_STANDS_FOR_NONE = frozenset(["0000000", "XXXXXXX", "999999", "N/A", "NA", "NONE", "-", "0", "UNKNOWN"])
# EAS codes of electronic addresses that are a country's VAT identifier.
_VAT_SCHEMES = dict(
    pair.split(":")
    for pair in (
        *("9914:AT", "9925:BE", "9926:BG", "9928:CY", "9929:CZ", "9930:DE", "9931:EE", "9920:ES", "9957:FR"),
        *("9932:GB", "9933:EL", "9934:HR", "9910:HU", "9935:IE", "9906:IT", "0211:IT", "9937:LT", "9938:LU"),
        *("9939:LV", "9943:MT", "9944:NL", "9945:PL", "9946:PT", "9947:RO", "9949:SI", "9950:SK", "9955:SE"),
        "9927:CH",
    )
)


class KeyKind(StrEnum):
    """What a key is; its value is unique among all accounts within its kind."""

    ADDRESS = "address"
    VAT_ID = "vat-id"
    DOMAIN = "domain"
    IDENTIFIER = "identifier"
    NAME = "name"  # of a registered company; finds it for people who register, never for invoices
    CUSTOMER_NUMBER = "customer-number"  # that a contracting partner gave the account
    DECISION = "decision"  # an operator's, about a recipient and a seller
    USER = "user"  # the address of a registered user; of no account alone, so looked up among memberships


@dataclass(frozen=True, slots=True, order=True)
class AccountKey:
    """One key in its normal form."""

    kind: KeyKind
    value: str


def address_key(address: str) -> AccountKey:
    """The key of a mailbox address (RFC 5321 4.1.2), without case. Raises ValueError."""
    if not _ADDRESS.fullmatch(address):
        raise ValueError(f'"{address}" is not an address such as "invoices@company.example"')
    local, _, domain = address.rpartition("@")
    return AccountKey(KeyKind.ADDRESS, f"{local.lower()}@{_comparable(domain)}")


def _comparable(domain: str) -> str:
    """In lower case and U-labels (RFC 5890 2.3.2.1); unlike casefold(), this keeps "ß" and "ss" apart."""
    return ".".join(_u_label(label.lower()) for label in domain.split("."))


def _u_label(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return label[4:].encode("ascii").decode("punycode")
    except UnicodeError:
        return label


def vat_id_key(vat_id: str) -> AccountKey:
    """The key of a VAT identifier (BT-31, BT-48), written as its country writes it. Raises ValueError."""
    value = _NOT_IN_VAT_ID.sub("", vat_id).upper()
    if not _VAT_ID.fullmatch(value):
        raise ValueError(f'"{vat_id}" is not a VAT identifier such as "DE123456789"')
    return AccountKey(KeyKind.VAT_ID, _as_its_country_writes(value))


def _as_its_country_writes(value: str) -> str:
    """Belgium's ten digits, Greece's EL, Switzerland without MWST: the same company whichever way it is written."""
    country, number = value[:2], value[2:]
    if country in ("EL", "GR"):
        return f"EL{number}"
    if value.startswith("CHE"):
        return _SWISS_TAX.sub("", value)
    compact = _compact(country)
    if compact is None:
        return value
    try:
        written = compact(number)
    except (ValidationError, ValueError):
        return value
    return written if written.startswith(country) else f"{country}{written}"


@cache
def _compact(country: str) -> Callable[[str], str] | None:
    module = stdnum.get_cc_module(country.lower(), "vat")
    found: Callable[[str], str] | None = getattr(module, "compact", None)
    return found


def domain_key(domain: str) -> AccountKey:
    """The key of a mail domain. Raises ValueError."""
    value = _comparable(domain.rstrip("."))
    if not _DOMAIN.fullmatch(value):
        raise ValueError(f'"{domain}" is not a domain such as "company.example"')
    return AccountKey(KeyKind.DOMAIN, value)


def identifier_key(identifier: Identifier) -> AccountKey:
    """The key of another identifier; spaces and case do not count. Raises ValueError.

    A GLN or LEI with a wrong check digit is nobody's, nor is what stands for "none" in its scheme.
    """
    value = "".join(identifier.value.split()).upper()
    scheme = identifier.scheme.strip().upper()
    if not scheme or not value:
        raise ValueError(f'"{identifier}" is not SCHEME:VALUE such as "0088:4012345000009"')
    scheme = _OTHER_NAMES.get(scheme, scheme)
    if scheme in _DIGITS_AND_SIGNS:
        value = _NOT_IN_VAT_ID.sub("", value)
    check = _CHECKS.get(scheme)
    if check is not None and not check(value):
        raise ValueError(f'"{identifier}" has a wrong check digit; compare it with the original')
    if value in _STANDS_FOR_NONE:
        raise ValueError(f'"{identifier}" stands for "no identifier"; it can be no company\'s')
    return AccountKey(KeyKind.IDENTIFIER, f"{scheme}:{value}")


def vat_id_of_address(address: Identifier) -> str | None:
    """The VAT identifier that an electronic address (BT-49) is, None when its scheme is no country's."""
    country = _VAT_SCHEMES.get(address.scheme.strip())
    if country is None:
        return None
    value = _NOT_IN_VAT_ID.sub("", address.value).upper()
    return value if value.startswith(country) else f"{country}{value}"


def customer_number_key(partner_id: str, number: str) -> AccountKey:
    """The key of the number that a contracting partner gave the buyer (BT-46); it says nothing under another."""
    return AccountKey(KeyKind.CUSTOMER_NUMBER, f"{partner_id}:{''.join(number.split()).upper()}")


def decision_key(recipient: str, seller: str) -> AccountKey:
    """The key of an operator's decision about a recipient's address ("" for none) and a seller's normal form."""
    return AccountKey(KeyKind.DECISION, f"{recipient} from {seller}")


def name_key(name: str) -> AccountKey | None:
    """The key of a company's name, None when nothing of it counts.

    Case, spaces, punctuation and the spelling of the legal form do not count, the legal form itself does: "Muster
    Gesellschaft mit beschränkter Haftung" is "MUSTER GmbH", and another company than "Muster AG".
    """
    text = unicodedata.normalize("NFKC", name).casefold()
    for umlaut, plain in _UMLAUTS.items():
        text = text.replace(umlaut, plain)
    text = unicodedata.normalize("NFKD", text)
    text = "".join(sign for sign in text if not unicodedata.combining(sign))
    words = " ".join(re.sub(r"[^\w\s]|_", " ", re.sub(r"(?<=\w)[.'’](?=\w)", "", text)).split())
    for form, short in _LEGAL_FORMS:
        words = re.sub(rf"\b{form}\b", short, words)
    value = "".join(words.split())
    return AccountKey(KeyKind.NAME, value) if value else None


def parse_identifier(text: str) -> Identifier:
    """SCHEME:VALUE as an Identifier. Raises ValueError."""
    scheme, _, value = text.partition(":")
    identifier = Identifier(scheme=scheme.strip(), value=value.strip())
    identifier_key(identifier)
    return identifier


def split_address(address: str) -> tuple[str, str, str]:
    """An address as local part without its sub-address (RFC 5233), the sub-address or "", and the domain."""
    local, _, domain = address.rpartition("@")
    if local.startswith('"'):
        return local, "", domain
    user, _, detail = local.partition("+")
    return (user, detail, domain) if user else (local, "", domain)
