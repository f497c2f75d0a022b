"""Takes an EDIFACT INVOIC message apart for people: its terms, its lines, and every segment as it stands."""

from __future__ import annotations

from collections.abc import Iterator

from reading.invoice_reading.edifact import Segment, invoice_messages
from reading.rendering.outline import Outline, Outlined, Rest, Value
from storage.records.reading import BusinessTerms, Party

_MOST_SEGMENTS = 2_000


def message_outline(content: bytes, number: str | None) -> Outline:
    """The message whose invoice has this number (BT-1), else the first; nothing where there is none."""
    messages = invoice_messages(content)
    if not messages:
        return Outline(root=Outlined(group=""), rest=(), left_out=0)
    named = [one for one in messages if one[0].invoice_number == number]
    terms, segments = (named or messages)[0]
    rest = [Rest(path=one[0][0], text="+".join(":".join(parts) for parts in one[1:])) for one in segments]
    return Outline(
        root=Outlined(group="", values=_values(_of_document(terms)), groups=list(_groups(terms, segments))),
        rest=tuple(rest[:_MOST_SEGMENTS]),
        left_out=max(0, len(rest) - _MOST_SEGMENTS),
    )


def _of_document(terms: BusinessTerms) -> dict[str, str | None]:
    return {
        "BT-1": terms.invoice_number,
        "BT-2": terms.issue_date,
        "BT-3": terms.type_code,
        "BT-5": terms.currency,
        "BT-9": terms.due_date,
        "BT-13": terms.order_reference,
        "BT-24": terms.profile,
    }


def _groups(terms: BusinessTerms, segments: list[Segment]) -> Iterator[Outlined]:
    yield Outlined(group="BG-4", values=_party(terms.seller, ("BT-27", "BT-29", "BT-31")))
    yield Outlined(group="BG-7", values=_party(terms.buyer, ("BT-44", "BT-46", "BT-48")))
    totals = {
        "BT-109": terms.total_without_vat,
        "BT-110": terms.vat_total,
        "BT-112": terms.total_with_vat,
        "BT-115": terms.amount_due,
    }
    yield Outlined(group="BG-22", values=_values(totals))
    yield from _lines(segments)


def _party(party: Party, terms: tuple[str, str, str]) -> list[Value]:
    name, identifier, vat_id = terms
    identifiers = [Value(term=identifier, text=one.value, scheme=one.scheme) for one in party.identifiers]
    return [*_values({name: party.name}), *identifiers, *_values({vat_id: party.vat_id})]


def _lines(segments: list[Segment]) -> Iterator[Outlined]:
    line: Outlined | None = None
    for segment in segments:
        tag = segment[0][0]
        if tag in ("LIN", "UNS") and line is not None:
            yield line
            line = None
        if tag == "LIN":
            line = Outlined(
                group="BG-25", values=_values({"BT-126": _at(segment, 1, 0), "BT-157": _at(segment, 3, 0)})
            )
        elif line is not None:
            line.values += _of_line(tag, segment)
    if line is not None:
        yield line


def _of_line(tag: str, segment: Segment) -> list[Value]:
    """Codes of UNTDID: 6063 (47 invoiced quantity), 5025 (203 line amount), 5125 (AAA net price), 5283 (7 tax)."""
    kind = _at(segment, 1, 0)
    if tag == "IMD":
        return _values({"BT-153": _at(segment, 3, 3) or _at(segment, 3, 0)})
    if tag == "QTY" and kind == "47":
        quantity = _at(segment, 1, 1)
        return [Value(term="BT-129", text=quantity, unit=_at(segment, 1, 2) or "")] if quantity else []
    if tag == "MOA" and kind in ("203", "66"):
        return _values({"BT-131": _at(segment, 1, 1)})
    if tag == "PRI" and kind in ("AAA", "AAB"):
        return _values({"BT-146" if kind == "AAA" else "BT-148": _at(segment, 1, 1)})
    if tag == "TAX" and kind == "7":
        return _values({"BT-152": _at(segment, 5, 3), "BT-151": _at(segment, 6, 0)})
    return []


def _values(found: dict[str, str | None]) -> list[Value]:
    return [Value(term=term, text=text) for term, text in found.items() if text]


def _at(segment: Segment, element: int, component: int) -> str | None:
    if len(segment) <= element or len(segment[element]) <= component:
        return None
    return segment[element][component] or None
