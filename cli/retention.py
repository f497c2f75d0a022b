"""`invoices retention`: deletes what has expired."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

import click

from cli.forms import instant
from cli.front import Front, Group, Instant, pass_front, utc_now
from ingest.daemon import retention_periods
from retention import worker


@click.group(cls=Group)
def retention() -> None:
    """Deletes what has expired, and nothing before."""


@retention.command()
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.option("--now", type=Instant(), help="Act as if it were then; for drills, never in a timer.")
@pass_front
def run(front: Front, dry_run: bool, now: datetime | None) -> None:
    """Delete every invoice and mail whose time has come; safe to interrupt and to repeat.

    Productive invoices go 90 days after receipt, test invoices after 30, as set when they came in. Of each a
    tombstone is left for a year: id, account, number, environment and dates. It is no archive.
    """
    front.is_program = True
    at = now or utc_now()
    periods = retention_periods(front.settings)
    swept = (worker.would_go if dry_run else worker.run)(front.store, periods, at)
    verb = "would be deleted" if dry_run else "deleted"
    front.say(
        f"{verb.capitalize()}: {swept.productive} productive and {swept.test} test invoices, {swept.mails} mails, "
        f"{swept.invoice_tombstones + swept.mail_tombstones} tombstones, {swept.links} registration links.",
        {"now": instant(at), "dry_run": dry_run} | asdict(swept),
    )
