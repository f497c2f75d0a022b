"""`invoices retention run --dry-run`: says what a run would delete, and deletes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

from cli.forms import Form, instant
from cli.front import Front
from retention import worker
from storage.expiring.expiry import RetentionPeriods
from storage.expiring.retention_records import Going, GoingOfCompany

_MOST_SHOWN = 50  # companies, to people; programs are told all


def foretell(front: Front, periods: RetentionPeriods, at: datetime, *, drill: bool, each: bool) -> None:
    """How much would go, of whom, since when it has been due; with `each` then all of it by id, on a line of its own.

    Raises WrongClock where a run would stop, StorageUnavailable.
    """
    if not drill:
        worker.check_clock(front.store, at, timedelta(days=front.settings.retention.clock_jump_days))
    sweep = worker.sweep(periods, at)
    with front.store.reading() as records:
        companies = records.would_go.by_company(sweep)
        swept = worker.foretold(records.would_go.counts(sweep), companies)
        oldest = min((one.due_since for one in companies), default=None)
        front.say(
            f"Would be deleted: {swept.productive} productive and {swept.test} test invoices, {swept.mails} mails, "
            f"{swept.invoice_tombstones + swept.mail_tombstones} tombstones, {swept.links} registration links."
            + (f" The first has been due since {oldest:%Y-%m-%d %H:%M} UTC." if oldest else ""),
            {"now": instant(at), "dry_run": True}
            | asdict(swept)
            | {"oldest": instant(oldest), "accounts": [_company_form(one) for one in companies]},
        )
        if companies and not front.json:
            _show(front, companies)
        for going in records.would_go.each(sweep) if each else ():
            if front.json:
                front.print_json(_going_form(going))
            else:
                due = f"{going.due_since:%Y-%m-%d %H:%M}"
                front.console.print(
                    f"{going.kind} {going.id}, due since {due} UTC", soft_wrap=True, markup=False
                )


def _show(front: Front, companies: Sequence[GoingOfCompany]) -> None:
    rows = [
        {
            "name": one.name,
            "environment": one.environment,
            "number": one.number,
            "oldest": instant(one.due_since),
        }
        for one in companies[:_MOST_SHOWN]
    ]
    columns = {"name": "company", "environment": "environment", "number": "invoices", "oldest": "due since"}
    front.show(rows, columns, nothing="")
    if len(companies) > _MOST_SHOWN:
        more = len(companies) - _MOST_SHOWN
        front.console.print(f"and {more} more; --json tells of all", soft_wrap=True, markup=False)


def _company_form(one: GoingOfCompany) -> Form:
    return {
        "id": one.account_id,
        "name": one.name,
        "environment": one.environment,
        "invoices": one.number,
        "oldest": instant(one.due_since),
    }


def _going_form(one: Going) -> Form:
    form: Form = {"kind": one.kind, "id": one.id, "due_since": instant(one.due_since)}
    if one.account_id is not None:
        form |= {"account": one.account_id, "environment": one.environment}
    return form
