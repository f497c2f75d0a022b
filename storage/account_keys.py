"""The keys by which a company account is found, each in one normal form."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from storage.records import Identifier

_NOT_IN_VAT_ID = re.compile(r"[\s.\-/]")
_VAT_ID = re.compile(r"[A-Z]{2}[0-9A-Z+*]{2,13}")
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


class KeyKind(StrEnum):
    """What a key is; its value is unique among all accounts within its kind."""

    ADDRESS = "address"
    VAT_ID = "vat-id"
    DOMAIN = "domain"
    IDENTIFIER = "identifier"
    NAME = "name"  # of a registered company; finds it for people who register, never for invoices


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
    """The key of a VAT identifier (BT-31, BT-48) without spaces, dots, hyphens. Raises ValueError."""
    value = _NOT_IN_VAT_ID.sub("", vat_id).upper()
    if not _VAT_ID.fullmatch(value):
        raise ValueError(f'"{vat_id}" is not a VAT identifier such as "DE123456789"')
    return AccountKey(KeyKind.VAT_ID, value)


def domain_key(domain: str) -> AccountKey:
    """The key of a mail domain. Raises ValueError."""
    value = _comparable(domain.rstrip("."))
    if not _DOMAIN.fullmatch(value):
        raise ValueError(f'"{domain}" is not a domain such as "company.example"')
    return AccountKey(KeyKind.DOMAIN, value)


def identifier_key(identifier: Identifier) -> AccountKey:
    """The key of another identifier; spaces and case do not count. Raises ValueError."""
    value = "".join(identifier.value.split()).upper()
    if not identifier.scheme or not value:
        raise ValueError(f'"{identifier}" is not SCHEME:VALUE such as "0088:4012345000009"')
    return AccountKey(KeyKind.IDENTIFIER, f"{identifier.scheme.strip().upper()}:{value}")


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
