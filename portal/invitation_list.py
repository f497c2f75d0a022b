"""Reads a list of people to invite (CSV): a line for each, address, language, role."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field

from portal.entering import address_fault
from storage.records.people import Language, Role

MOST_LINES = 500
_HEADINGS = {"email", "e-mail", "e-mail-adresse", "mail", "adresse", "address"}
_ROLES = {
    "": Role.MEMBER,
    "member": Role.MEMBER,
    "mitglied": Role.MEMBER,
    "administrator": Role.ADMINISTRATOR,
    "admin": Role.ADMINISTRATOR,
}
_LANGUAGES = {
    "de": Language.GERMAN,
    "deutsch": Language.GERMAN,
    "german": Language.GERMAN,
    "en": Language.ENGLISH,
    "englisch": Language.ENGLISH,
    "english": Language.ENGLISH,
}


@dataclass(frozen=True, slots=True)
class Guest:
    """One person of a list."""

    email: str
    language: Language
    role: Role


@dataclass(frozen=True, slots=True)
class GuestList:
    """What a list holds; `bad` are lines that cannot be used, by number."""

    guests: tuple[Guest, ...] = ()
    bad: dict[int, str] = field(default_factory=dict)
    fault: str | None = None  # of the list as a whole, as the key of a text


def read_list(octets: bytes, language: Language) -> GuestList:
    """The list in a file; `language` is for people whose line names none. Never raises."""
    text = _text(octets)
    if text is None:
        return GuestList(fault="fault.list_coding")
    lines = text.splitlines()
    if len(lines) > MOST_LINES:
        return GuestList(fault="fault.list_long")
    delimiter = ";" if ";" in text else "\t" if "\t" in text else ","
    guests: dict[str, Guest] = {}
    bad: dict[int, str] = {}
    for number, line in enumerate(lines, start=1):
        cells = [cell.strip() for cell in next(csv.reader(io.StringIO(line), delimiter=delimiter), [])]
        if not any(cells) or (number == 1 and cells[0].casefold() in _HEADINGS):
            continue
        guest = _guest(cells, language)
        if guest is None:
            bad[number] = line[:100]
        else:
            guests.setdefault(guest.email.casefold(), guest)
    fault = None if guests or bad else "fault.list_empty"
    return GuestList(guests=tuple(guests.values()), bad=bad, fault=fault)


def _guest(cells: list[str], language: Language) -> Guest | None:
    email, *rest = cells
    spoken, role = (*(cell.casefold() for cell in rest), "", "")[:2]
    if address_fault(email) or role not in _ROLES or (spoken and spoken not in _LANGUAGES):
        return None
    return Guest(email, _LANGUAGES.get(spoken, language), _ROLES[role])


def _text(octets: bytes) -> str | None:
    """The text of a file as spreadsheets write it; None for what is no text."""
    if b"\0" in octets:
        return None
    try:
        return octets.decode("utf-8-sig")
    except UnicodeDecodeError:
        return octets.decode("latin-1")
