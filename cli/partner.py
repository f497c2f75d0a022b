"""`invoices partner`: contracting partners."""

from __future__ import annotations

from typing import IO

import click

from cli import forms
from cli.front import Front, Group, actor, pass_front, utc_now
from cli.partner_table import put_partner, read_partners, write_partners
from storage.decisions import partners as decisions
from storage.ids import new_id
from storage.records.invoices import Environment
from storage.records.partners import ContractingPartner, PartnerTrust

COLUMNS = {
    "name": "Name",
    "domains": "Domains",
    "vat_ids": "VAT identifiers",
    "trust": "Trust",
    "environment": "Environment",
    "invoices": "Invoices",
    "last_seen": "Last seen",
    "id": "Id",
}
ENVIRONMENTS = click.Choice([str(one) for one in Environment])


@click.group(cls=Group)
def partner() -> None:
    """Contracting partners: the companies that send invoices."""


@partner.command("list")
@pass_front
def list_(front: Front) -> None:
    """All partners by name."""
    with front.store.reading() as records:
        rows = [forms.partner_form(one) for one in records.partners.all()]
    front.show(rows, COLUMNS, nothing="There is no partner yet. `invoices partner add NAME` makes one.")


@partner.command()
@click.argument("partner_", metavar="PARTNER")
@pass_front
def show(front: Front, partner_: str) -> None:
    """One partner with what came with its invoices; PARTNER is its id, name or domain."""
    with front.store.reading() as records:
        one = records.partners.find(partner_)
        traits = records.partners.traits(one.id)
    front.show_one(forms.partner_form(one) | forms.traits_form(traits))


@partner.command()
@click.option(
    "-o",
    "--output",
    type=click.File("w", encoding="utf-8"),
    default="-",
    metavar="PATH",
    help='File to write to; "-", the default, is standard output.',
)
@pass_front
def export(front: Front, output: IO[str]) -> None:
    """All partners as CSV, a line each; lists are separated by spaces."""
    with front.store.reading() as records:
        partners = records.partners.all()
        traits = {one.id: records.partners.traits(one.id) for one in partners}
    write_partners(output, partners, traits)


@partner.command("import")
@click.argument("file", type=click.File("r", encoding="utf-8-sig"), metavar="FILE")
@pass_front
def import_(front: Front, file: IO[str]) -> None:
    """Add the partners of a CSV file as `export` writes it; all of them, or none if one is wrong.

    A partner that is on record under its name gets what the file adds.
    """
    now = utc_now()
    with front.store.transaction() as records:
        imported = [put_partner(records, line, now) for line in read_partners(file)]
    new = sum(imported)
    front.say(
        f"{new} partners added, {len(imported) - new} completed.",
        {"added": new, "completed": len(imported) - new},
    )


@partner.command()
@click.argument("name")
@click.option("--domain", "domains", multiple=True, metavar="D", help="Domain that the partner sends from.")
@click.option("--vat-id", "vat_ids", multiple=True, metavar="V", help="VAT identifier of the seller (BT-31).")
@click.option(
    "--environment",
    type=ENVIRONMENTS,
    default="productive",
    show_default=True,
    help="`test` while the partner is being connected: all its invoices are tests then.",
)
@pass_front
def add(
    front: Front, name: str, domains: tuple[str, ...], vat_ids: tuple[str, ...], environment: str
) -> None:
    """Put the partner NAME on record, found by its domains and VAT identifiers."""
    if not name.strip():
        raise ValueError("the name of a partner cannot be empty")
    one = ContractingPartner(
        id=new_id(),
        name=name.strip(),
        domains=domains,
        vat_ids=vat_ids,
        trust=PartnerTrust.NEW,
        environment=Environment(environment),
        first_seen=None,
        last_seen=None,
    )
    with front.store.transaction() as records:
        records.partners.add(one, at=utc_now())
        added = records.partners.get(one.id)
    front.say(f'Added the partner "{added.name}" as {added.id}.', forms.partner_form(added))


@partner.command()
@click.argument("partner_", metavar="PARTNER")
@click.option("--environment", type=ENVIRONMENTS, help="Also end the connecting phase, or begin it again.")
@pass_front
def trust(front: Front, partner_: str, environment: str | None) -> None:
    """Mark a partner as known, with all bank accounts noted so far; PARTNER is its id, name or domain."""
    one = _set_trust(front, partner_, PartnerTrust.KNOWN, environment)
    front.say(f'"{one.name}" is known now; its invoices are {one.environment}.', forms.partner_form(one))


@partner.command()
@click.argument("partner_", metavar="PARTNER")
@pass_front
def block(front: Front, partner_: str) -> None:
    """Put all further mail of a partner into quarantine; PARTNER is its id, name or domain."""
    one = _set_trust(front, partner_, PartnerTrust.BLOCKED, None)
    front.say(f'Mail of "{one.name}" goes to quarantine from now on.', forms.partner_form(one))


def _set_trust(front: Front, text: str, trust: PartnerTrust, environment: str | None) -> ContractingPartner:
    with front.store.transaction() as records:
        one = records.partners.find(text)
        decisions.set_trust(records, one.id, trust, actor=actor(), at=utc_now())
        if environment is not None:
            decisions.set_environment(records, one.id, Environment(environment), actor=actor(), at=utc_now())
        return records.partners.get(one.id)
