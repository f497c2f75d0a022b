"""Says what an invoice claims to be (BT-24), and which rules it is therefore held against."""

from __future__ import annotations

from dataclasses import dataclass

from storage.records.reading import DocumentFormat
from validation.rule_sets import Standard, Syntax

SYNTAXES = {
    DocumentFormat.UBL_INVOICE: Syntax.UBL,
    DocumentFormat.UBL_CREDITNOTE: Syntax.UBL,
    DocumentFormat.CII: Syntax.CII,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldAgainst:
    """A set of rules that applies; where it does not decide, its errors are shown as warnings."""

    standard: Standard
    decides: bool


def is_part_only(profile: str | None) -> bool:
    """MINIMUM and BASIC WL of Factur-X and ZUGFeRD 2 are booking aids: they have no lines, and are no invoices."""
    name = _name(profile)
    return name.endswith(("minimum", "basicwl"))


def is_before_en16931(profile: str | None) -> bool:
    """ZUGFeRD 1.0, also in the clothes of a later CII."""
    return _name(profile).startswith("urn:ferd:")


def held_against(profile: str | None, syntax: Syntax) -> tuple[HeldAgainst, ...]:
    """The sets of rules in their order.

    EXTENDED of Factur-X and the extension of XRechnung go beyond EN 16931 on purpose, so there EN 16931 does not
    decide. An XRechnung of an older version is held against today's, which does not decide either.
    """
    name = _name(profile)
    xrechnung = ":xrechnung" in name
    extension = "extension:xrechnung" in name
    extended = syntax is Syntax.CII and name.endswith("extended") and not xrechnung
    sets = [HeldAgainst(standard=Standard.EN16931, decides=not (extension or extended))]
    if xrechnung:
        sets.append(HeldAgainst(standard=Standard.XRECHNUNG, decides="xrechnung_3." in name))
    if extended:
        sets.append(HeldAgainst(standard=Standard.FACTUR_X_EXTENDED, decides=True))
    if syntax is Syntax.CII and name.endswith(":basic"):
        sets.append(HeldAgainst(standard=Standard.FACTUR_X_BASIC, decides=False))
    return tuple(sets)


def _name(profile: str | None) -> str:
    return (profile or "").strip().lower()
