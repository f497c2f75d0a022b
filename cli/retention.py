"""`invoices retention`: deletes what has expired."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta

import click

from cli.foretelling import foretell
from cli.forms import instant
from cli.front import Front, Group, Instant, actor, pass_front, utc_now
from ingest.filing_settings import retention_periods
from retention import rescheduling, worker
from retention.clock import WrongClock
from retention.hurry import in_no_hurry
from retention.pace import LATE, REST_SHARE, REST_SHARE_LATE, SMALLEST_BATCH, Pace
from retention.warning import warn
from storage.ids import new_id


@click.group(cls=Group)
def retention() -> None:
    """Deletes what has expired, and nothing before."""


@retention.command()
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.option("--each", is_flag=True, help="With --dry-run: name each invoice and mail, too.")
@click.option("--now", type=Instant(), help="Act as if it were then; for drills, never in a timer.")
@click.option(
    "--clock-is-right",
    is_flag=True,
    help="After a run that stopped: yes, it is as late as this machine says.",
)
@pass_front
def run(front: Front, dry_run: bool, each: bool, now: datetime | None, clock_is_right: bool) -> None:
    """Delete every invoice and mail whose time has come; safe to interrupt and to repeat.

    Productive invoices go 90 days after receipt, test invoices after 30, as set when they came in. Of each a
    tombstone is left for a year: id, account, number, environment and dates. It is no archive.

    A clock that contradicts what is on record stops the run before anything is deleted. A drill with --now goes by
    the time it is told, and is on record as a drill.
    """
    if clock_is_right and (now or dry_run):
        raise click.UsageError("--clock-is-right is for real runs: leave --now and --dry-run out")
    if each and not dry_run:
        raise click.UsageError("--each is for --dry-run; the ledger tells what a run deleted")
    front.is_program = True
    at = now or utc_now()
    if dry_run:
        foretell(front, retention_periods(front.settings), at, drill=now is not None, each=each)
        return
    swept = _run(front, at, drill=now is not None, clock_is_right=clock_is_right)
    front.say(
        f"Deleted: {swept.productive} productive and {swept.test} test invoices, {swept.mails} mails, "
        f"{swept.invoice_tombstones + swept.mail_tombstones} tombstones, {swept.links} registration links.",
        {"now": instant(at), "dry_run": False} | asdict(swept),
    )


def _run(front: Front, at: datetime, *, drill: bool, clock_is_right: bool) -> worker.Swept:
    periods = retention_periods(front.settings)
    if drill:
        return worker.drill(front.store, periods, at)
    if clock_is_right:
        worker.trust_clock(front.store, periods, at, actor())
    furthest = timedelta(days=front.settings.retention.clock_jump_days)
    in_no_hurry()
    try:
        swept = worker.run(
            front.store, periods, at, furthest=furthest, batch=SMALLEST_BATCH, pace=_pace(front, at)
        )
    except WrongClock as error:
        worker.log_stopped(error)
        raise
    _warn(front, at)
    return swept


def _pace(front: Front, at: datetime) -> Pace:
    with front.store.reading() as records:
        due_since = records.expired.longest_due(at)
    late = due_since is not None and at - due_since > LATE
    return Pace(front.store, share=REST_SHARE_LATE if late else REST_SHARE)


def _warn(front: Front, at: datetime) -> None:
    ahead = timedelta(days=front.settings.retention.warn_days)
    if ahead:
        warn(front.store, at, ahead, new_id, by_mail=front.settings.outbound.mode != "none")


@retention.command()
@click.option("--apply", "do_it", is_flag=True, help="Do it; without, only what would move is shown.")
@pass_front
def reschedule(front: Front, do_it: bool) -> None:
    """Decide all expiries again by today's settings, as if the mails had come in with them; shown first.

    Settings are for later mails; this is for those on record, too. What comes sooner and is over then is deleted by
    the next run, held ones apart. It is put on record in the ledger and in the history of each invoice.
    """
    periods, now = retention_periods(front.settings), utc_now()
    if do_it:
        moved = rescheduling.reschedule(front.store, periods, now, actor())
    else:
        moved = rescheduling.plan(front.store, periods, now)
    would = "" if do_it else "would "
    hint = "" if do_it else " Give --apply to do it."
    front.say(
        f"{moved.sooner} invoices {would}expire sooner ({moved.due_at_once} of them at once), {moved.later} later, "
        f"{moved.unchanged} as before.{hint}",
        {"now": instant(now), "applied": do_it} | asdict(moved),
    )
