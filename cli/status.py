"""`invoices status`: one screen of what is going on."""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import click
from rich.live import Live

from cli.attention import attention, everyday, told
from cli.checks.network import first_line
from cli.forms import instant
from cli.front import Command, Front, pass_front, utc_now
from cli.status_screen import screen, screen_without
from config.settings import Settings
from config.troubles import lately
from ingest.filing_settings import validates
from ingest.lookout import Seen, certificate_end
from storage.errors import StorageUnavailable
from storage.records.mails import MailState
from storage.records.outgoing import OutboundState
from storage.store import Store

_GREETING = ("220", "421", "554")  # also one that lets nobody in is there
_LOOK_SECONDS = 1
MOST_COUNTED = 10_000  # of what is due or waits to be validated; whoever has more knows enough
NEXT_STEP = (
    "Senders are told 451 and keep their mail; it goes on by itself once the database is there. "
    "`invoices check-config` tries it, `store-unavailable` in the log has what it said."
)


@click.command(cls=Command)
@click.option("--watch", is_flag=True, help="Look again and again, until Ctrl-C.")
@click.option("--every", default=2.0, show_default=True, metavar="SECONDS", help="How often --watch looks.")
@click.option("--times", type=int, metavar="N", help="End --watch after N looks.")
@pass_front
def status(front: Front, watch: bool, every: float, times: int | None) -> None:
    """Queue, counts and ages, as they are now, and what needs attention."""
    if watch:
        _watch(front, every, times)
        return
    try:
        form = look(front.store, front.settings, utc_now())
    except StorageUnavailable as error:
        said, *more = _without_database(error, front.settings, utc_now())
        unavailable = StorageUnavailable(said)
        for line in more:
            unavailable.add_note(line)
        raise unavailable from error
    front.print_json(form) if front.json else front.console.print(screen(form, None))


def _watch(front: Front, every: float, times: int | None) -> None:
    """Goes on while the database is away: whoever mends it wants to see it come back."""
    before: dict[str, Any] | None = None
    with Live(console=front.console, auto_refresh=False) as live:
        for looks in count(1):
            now = utc_now()
            try:
                form = look(front.store, front.settings, now)
            except StorageUnavailable as error:
                form = {"at": instant(now), "attention": _without_database(error, front.settings, now)}
            if front.json:
                front.print_json(form)
            else:
                live.update(screen(form, before) if "disk" in form else screen_without(form), refresh=True)
            before = form if "disk" in form else None
            if looks == times:
                return
            time.sleep(every)


def _without_database(error: StorageUnavailable, settings: Settings, now: datetime) -> list[str]:
    """What can be said then; the troubles of the log lie beside the database."""
    logged = [told(trouble, now) for trouble in lately(settings.data_dir, now)]
    return [f"the database does not answer: {error}", NEXT_STEP, *logged]


def look(store: Store, settings: Settings, now: datetime) -> dict[str, Any]:
    """Everything that is shown, as JSON. Raises StorageUnavailable."""
    with store.reading() as records:
        mails = records.mails.counts()
        oldest = records.mails.oldest_queued()
        newest = records.mails.newest_received()
        invoices = records.invoices.counts()
        accounts = records.accounts.counts()
        longest_due = records.expired.longest_due(now)
        due = {
            "invoices": records.expired.due_up_to(now, MOST_COUNTED),
            "mails": records.expired.mails_due_up_to(now, MOST_COUNTED),
        }
        outbox = records.outbox.counts()
        webhooks, calls = records.webhooks.counts(), records.webhook_deliveries.counts()
        unvalidated = records.validations.waiting_up_to(MOST_COUNTED) if validates(settings) else None
    usage = shutil.disk_usage(_nearest(settings.data_dir))
    form: dict[str, Any] = {
        "at": instant(now),
        "queued": mails.get(MailState.RECEIVED, 0) + mails.get(MailState.CLAIMED, 0),
        "oldest_queued_seconds": _age(oldest, now),
        "newest_mail_at": instant(newest),
        "quarantined": mails.get(MailState.QUARANTINED, 0),
        "mails": {str(state): number for state, number in sorted(mails.items())},
        "invoices": {f"{state} {kind}": number for (state, kind), number in sorted(invoices.items())},
        "validations_waiting": unvalidated,
        "accounts": {str(kind): number for kind, number in sorted(accounts.items())},
        "retention_due": due,
        "counted_up_to": MOST_COUNTED,
        "retention_overdue_seconds": _age(longest_due, now),
        "outbox": {str(state): number for state, number in sorted(outbox.items())},
        "webhooks": webhooks,
        "webhook_calls": {str(state): number for state, number in sorted(calls.items())},
        "smtp": {address: _greets(address) for address in settings.smtp.listen if not address.endswith(":0")},
        "disk": {
            "free_octets": usage.free,
            "total_octets": usage.total,
            "used_by_store_octets": store.size(),
        },
    }
    troubles, ends = lately(settings.data_dir, now), certificate_end(settings)
    seen = Seen(
        free_octets=usage.free,
        total_octets=usage.total,
        oldest_queued_seconds=form["oldest_queued_seconds"],
        quarantined=form["quarantined"],
        unsent=outbox.get(OutboundState.QUEUED, 0),
        failed=outbox.get(OutboundState.FAILED, 0),
        overdue_seconds=form["retention_overdue_seconds"],
        certificate_seconds=(ends - now).total_seconds() if ends else None,
    )
    return form | {
        "attention": attention(form["smtp"], seen, troubles, now),
        "refused_lately": everyday(troubles, now),
        "troubles": [asdict(trouble) for trouble in troubles],
    }


def _age(since: datetime | None, now: datetime) -> int | None:
    return max(0, round((now - since).total_seconds())) if since else None


def _greets(address: str) -> bool:
    return first_line(address, seconds=_LOOK_SECONDS).startswith(_GREETING)


def _nearest(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder
