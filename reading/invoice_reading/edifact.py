"""Reads the terms of the INVOIC messages of an EDIFACT interchange (ISO 9735, UN/EDIFACT directories D.93A on)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from reading.invoice_reading.elements import iso_date
from reading.invoice_reading.values import NotAnInvoice, StructuredInvoice, Unreadable
from storage.records.reading import BusinessTerms, DocumentFormat, Identifier, Party

_MOST_OCTETS = 20_000_000
_MOST_SEGMENTS = 200_000
_OPENING = re.compile(rb"\s*(?:UNA.{6}\s*)?UN[BG]\W", re.DOTALL)
_SELLERS, _BUYERS = ("SE", "SU", "II"), ("BY", "IV")  # role codes (UNTDID 3035), the better ones first
_GLN_AGENCY = "9"  # UNTDID 3055: GS1
_GLN = "0088"  # the same among the schemes of ISO 6523

Segment = list[list[str]]  # elements, each of components


@dataclass(slots=True)
class _Party:
    role: str
    party: Party


@dataclass(slots=True)
class _Message:
    kind: str
    profile: str
    segments: list[Segment] = field(default_factory=list)


def opens_like_edifact(octets: bytes) -> bool:
    """Whether it begins with the service segments of an interchange (ISO 9735-1, 7)."""
    return _OPENING.match(octets[:200]) is not None


def read_edifact(octets: bytes) -> tuple[StructuredInvoice | NotAnInvoice | Unreadable, ...]:
    """The invoices of an interchange, one a message, or why there is none. Never raises."""
    if len(octets) > _MOST_OCTETS:
        return (Unreadable(f"the EDIFACT interchange is larger than {_MOST_OCTETS // 1_000_000} MB"),)
    messages = list(_messages(octets))
    if not messages:
        return (Unreadable("the EDIFACT interchange has no message"),)
    invoices = tuple(
        StructuredInvoice(terms=_terms(message)) for message in messages if message.kind == "INVOIC"
    )
    if invoices:
        return invoices
    return (NotAnInvoice(f"it is an EDIFACT message {messages[0].kind[:10]}, not an invoice", True),)


def invoice_messages(octets: bytes) -> list[tuple[BusinessTerms, list[Segment]]]:
    """The invoices of an interchange, each with the segments of its message. Never raises."""
    if len(octets) > _MOST_OCTETS:
        return []
    return [(_terms(one), one.segments) for one in _messages(octets) if one.kind == "INVOIC"]


def _messages(octets: bytes) -> Iterator[_Message]:
    message: _Message | None = None
    for segment in _segments(octets):
        tag = segment[0][0]
        if tag == "UNH":
            message = _Message(
                kind=_at(segment, 2, 0) or "", profile=":".join(segment[2] if segment[2:] else [])
            )
        elif tag == "UNT" and message is not None:
            yield message
            message = None
        elif message is not None:
            message.segments.append(segment)
    if message is not None:  # the end is missing, but what is there is there
        yield message


def _segments(octets: bytes) -> Iterator[Segment]:
    """Splits by the signs that UNA names, else the usual ones (ISO 9735-1, 7.1); the release sign is undone."""
    text = _decoded(octets).lstrip()
    component, element, release, end = ":", "+", "?", "'"
    if text.startswith("UNA"):
        component, element, release, end = text[3], text[4], text[6], text[8]
        text = text[9:]
    signs = {component: "component", element: "element", end: "end"}
    escape = re.escape(release) + "." if release.strip() else r"(?!)"
    token = re.compile(f"({escape})|([{re.escape(component + element + end)}])", re.DOTALL)
    segment: Segment = [[""]]
    written, count = 0, 0
    for found in token.finditer(text):
        segment[-1][-1] += text[written : found.start()].replace("\r", "").replace("\n", "")
        written = found.end()
        if found[1]:
            segment[-1][-1] += found[1][-1]
            continue
        match signs[found[2]]:
            case "component":
                segment[-1].append("")
            case "element":
                segment.append([""])
            case _:
                segment[0][0] = segment[0][0].strip()
                if segment[0][0]:
                    yield segment
                segment = [[""]]
                count += 1
                if count > _MOST_SEGMENTS:
                    return


def _decoded(octets: bytes) -> str:
    """The syntax identifier names the signs (ISO 9735-1, annex A): UNOW and UNOY are UTF-8, the rest is Latin here."""
    syntax = re.search(rb"UNB.(UNO[A-Z])", octets[:200])
    if syntax and syntax[1] in (b"UNOW", b"UNOY"):
        return octets.decode("utf-8", "replace")
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return octets.decode("latin-1")


def _terms(message: _Message) -> BusinessTerms:
    head, end = _head_and_summary(message.segments)
    parties = _parties(head)
    due = _date(head, "13") or _date(head, "265")
    return BusinessTerms(
        format=DocumentFormat.OTHER,
        structured=True,
        profile=message.profile or None,
        invoice_number=_first(head, "BGM", 2, 0),
        type_code=_first(head, "BGM", 1, 0),
        issue_date=_date(head, "137") or _date(head, "3"),
        due_date=due,
        currency=next((_at(one, 1, 1) for one in head if one[0][0] == "CUX"), None),
        order_reference=_reference(_before_parties(head), "ON"),
        seller=_party_of(parties, _SELLERS),
        buyer=_party_of(parties, _BUYERS),
        total_without_vat=_amount(end, "125"),
        vat_total=_amount(end, "176") or _amount(end, "124"),
        total_with_vat=_amount(end, "77") or _amount(end, "39"),
        amount_due=_amount(end, "9"),
        payee_accounts=tuple(
            dict.fromkeys(
                account
                for one in head
                if one[0][0] == "FII" and _at(one, 1, 0) in ("BF", "RB", "BE") and (account := _at(one, 2, 0))
            )
        ),
    )


def _head_and_summary(segments: list[Segment]) -> tuple[list[Segment], list[Segment]]:
    """What stands before the first line (LIN), and what stands behind the lines (UNS+S)."""
    first_line = next((at for at, one in enumerate(segments) if one[0][0] in ("LIN", "UNS")), len(segments))
    summary = next((at for at, one in enumerate(segments) if one[0][0] == "UNS"), first_line)
    return segments[:first_line], segments[summary:]


def _before_parties(head: list[Segment]) -> list[Segment]:
    first = next((at for at, one in enumerate(head) if one[0][0] == "NAD"), len(head))
    return head[:first]


def _parties(head: list[Segment]) -> list[_Party]:
    found: list[_Party] = []
    for segment in head:
        tag = segment[0][0]
        if tag == "NAD":
            found.append(_Party(_at(segment, 1, 0) or "", _party(segment)))
        elif tag == "RFF" and found:
            found[-1].party = _with_reference(found[-1].party, segment)
        elif tag in ("CUX", "PAT", "TAX") and found:
            break  # the group of the parties has ended
    return found


def _party(segment: Segment) -> Party:
    number, agency = _at(segment, 2, 0), _at(segment, 2, 2)
    name = " ".join(one.strip() for one in (segment[4] if len(segment) > 4 else []) if one.strip())
    if not name and len(segment) > 3:
        name = segment[3][0].strip()
    scheme = _GLN if agency == _GLN_AGENCY else ""
    return Party(
        name=" ".join(name.split()) or None,
        identifiers=(Identifier(scheme=scheme, value=number),) if number else (),
    )


def _with_reference(party: Party, segment: Segment) -> Party:
    kind, value = _at(segment, 1, 0), _at(segment, 1, 1)
    if kind == "VA" and value and party.vat_id is None:
        return replace(party, vat_id=value)
    if kind in ("FC", "AHP") and value and party.tax_registration_id is None:
        return replace(party, tax_registration_id=value)
    if kind in ("XA", "GN") and value and party.legal_registration is None:
        return replace(party, legal_registration=Identifier(scheme="", value=value))
    return party


def _party_of(parties: list[_Party], roles: tuple[str, ...]) -> Party:
    for role in roles:
        for one in parties:
            if one.role == role:
                return one.party
    return Party()


def _reference(segments: list[Segment], kind: str) -> str | None:
    return next((_at(one, 1, 1) for one in segments if one[0][0] == "RFF" and _at(one, 1, 0) == kind), None)


def _date(segments: list[Segment], kind: str) -> str | None:
    """A date of this kind (UNTDID 2005) in one of the formats 101, 102, 203, 204 (UNTDID 2379)."""
    for one in segments:
        if one[0][0] == "DTM" and _at(one, 1, 0) == kind:
            written = _at(one, 1, 1) or ""
            return iso_date("20" + written if _at(one, 1, 2) == "101" else written)
    return None


def _amount(segments: list[Segment], kind: str) -> str | None:
    """An amount of this kind (UNTDID 5025), as written but for the decimal sign."""
    written = next(
        (_at(one, 1, 1) for one in segments if one[0][0] == "MOA" and _at(one, 1, 0) == kind), None
    )
    return written.replace(",", ".") if written else None


def _first(segments: list[Segment], tag: str, element: int, component: int) -> str | None:
    return next((_at(one, element, component) for one in segments if one[0][0] == tag), None)


def _at(segment: Segment, element: int, component: int) -> str | None:
    """A component without outer blanks; None when it is missing or empty."""
    if element >= len(segment) or component >= len(segment[element]):
        return None
    return segment[element][component].strip() or None
