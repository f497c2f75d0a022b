"""Partners as a table for other programs: CSV out, and in again."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import IO

from storage.companies.account_keys import domain_key, vat_id_key
from storage.errors import Conflict, NotFound
from storage.ids import new_id
from storage.records.invoices import Environment
from storage.records.partners import ContractingPartner, PartnerTrait, PartnerTrust, TraitKind
from storage.transaction import Transaction

COLUMNS = ("name", "domains", "vat_ids", "bank_accounts", "signing_domains", "trust", "environment")
_SHOWN_ONLY = ("invoices", "first_seen", "last_seen")


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerLine:
    """A line of the table."""

    name: str
    domains: tuple[str, ...]
    vat_ids: tuple[str, ...]
    bank_accounts: tuple[str, ...]
    trust: PartnerTrust
    environment: Environment


def write_partners(
    output: IO[str], partners: Iterable[ContractingPartner], traits: Mapping[str, Sequence[PartnerTrait]]
) -> None:
    """The table; a name that a spreadsheet would take for a formula gets an apostrophe in front."""
    table = csv.writer(output)
    table.writerow([*COLUMNS, *_SHOWN_ONLY])
    for one in partners:
        accepted = [trait for trait in traits[one.id] if trait.accepted]
        of_kind = {
            kind: " ".join(trait.value for trait in accepted if trait.kind is kind) for kind in TraitKind
        }
        values = [
            *(one.name, " ".join(one.domains), " ".join(one.vat_ids)),
            *(of_kind[TraitKind.BANK_ACCOUNT], of_kind[TraitKind.SIGNING_DOMAIN]),
            *(one.trust, one.environment, str(one.invoices)),
            *(at.isoformat() if at else "" for at in (one.first_seen, one.last_seen)),
        ]
        table.writerow([_no_formula(value) for value in values])


def read_partners(file: IO[str]) -> Iterator[PartnerLine]:
    """The lines of a table. Raises ValueError, with the line's number, for one that cannot be right."""
    table = csv.DictReader(file)
    if "name" not in (table.fieldnames or ()):
        raise ValueError(
            f"the first line must name the columns, {', '.join(COLUMNS)}; only name must be there"
        )
    for line in table:
        try:
            yield _line({key: (value or "").strip() for key, value in line.items() if isinstance(key, str)})
        except ValueError as error:
            raise ValueError(f"line {table.line_num}: {error}") from None


def put_partner(records: Transaction, line: PartnerLine, now: datetime) -> bool:
    """Adds the partner of a line, or completes the one of its name; whether it is new. Raises Conflict."""
    try:
        one = records.partners.named(line.name)
        added = False
    except NotFound:
        one = ContractingPartner(
            id=new_id(),
            name=line.name,
            domains=line.domains,
            vat_ids=line.vat_ids,
            trust=line.trust,
            environment=line.environment,
            first_seen=None,
            last_seen=None,
        )
        records.partners.add(one, at=now)
        added = True
    for key in [*map(domain_key, line.domains), *map(vat_id_key, line.vat_ids)]:
        owner = records.partners.owners([key]).get(key)
        if owner not in (None, one.id):
            raise Conflict(f'{key.kind} "{key.value}" of "{line.name}" belongs to another partner already')
        records.partners.add_key(one.id, key)
    records.partners.set_trust(one.id, line.trust)
    records.partners.set_environment(one.id, line.environment)
    for account in line.bank_accounts:
        trait = PartnerTrait(
            kind=TraitKind.BANK_ACCOUNT, value=account.upper(), accepted=True, first_seen=now, last_seen=now
        )
        records.partners.note(one.id, trait)
    return added


def _line(values: Mapping[str, str]) -> PartnerLine:
    if not values["name"]:
        raise ValueError("there is no name")
    return PartnerLine(
        name=values["name"].removeprefix("'"),
        domains=tuple(values.get("domains", "").split()),
        vat_ids=tuple(values.get("vat_ids", "").split()),
        bank_accounts=tuple(values.get("bank_accounts", "").split()),
        trust=PartnerTrust(values.get("trust") or "new"),
        environment=Environment(values.get("environment") or "productive"),
    )


def _no_formula(text: str) -> str:
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
