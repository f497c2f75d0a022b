"""`invoices status` for people: a line for each thing, and below it what needs attention."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from cli.front import cell


def screen(form: dict[str, Any], before: dict[str, Any] | None) -> Group:
    """What `look` found; with what it found before, also how fast mail comes in."""
    disk = form["disk"]
    rows = {
        "at": form["at"],
        "takes mail": ", ".join(
            f"{address} {'answers' if answers else 'does not answer'}"
            for address, answers in form["smtp"].items()
        ),
        "newest mail": form["newest_mail_at"],
        "queue": _queue(form["queued"], form["oldest_queued_seconds"]),
        "quarantine": f"{form['quarantined']} mails",
        "mails": _counted(form["mails"]),
        "invoices": _counted(form["invoices"]),
        "validation": _validation(form["validations_waiting"], form["counted_up_to"]),
        "accounts": _counted(form["accounts"]),
        "retention": _retention(
            form["retention_due"], form["retention_overdue_seconds"], form["counted_up_to"]
        ),
        "mails sent": _counted(form["outbox"]),
        "webhooks": _counted(form["webhooks"]) if any(form["webhooks"].values()) else "none",
        "their calls": _counted(form["webhook_calls"]),
        "disk": f"{_gibibytes(disk['free_octets'])} of {_gibibytes(disk['total_octets'])} free, "
        f"{_gibibytes(disk['used_by_store_octets'])} used by the records",
    }
    if before is not None:
        rows["rate"] = _rate(form, before)
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in rows.items():
        table.add_row(name, cell(text or None))
    told = _attention(form)
    below = [Text(f"- {sentence}") for sentence in form["refused_lately"]]
    return Group(table, *below, *(told or [Text("Nothing needs attention.", style="green")]))


def screen_without(form: dict[str, Any]) -> Group:
    """What is left of the screen while the database is away."""
    return Group(Text(form["at"]), *_attention(form))


def _attention(form: dict[str, Any]) -> list[Text]:
    return [Text(f"! {sentence}", style="bold red") for sentence in form["attention"]]


def _queue(queued: int, oldest: int | None) -> str:
    return f"{queued} mails" + (f", the oldest for {_span(oldest)}" if oldest is not None else "")


def _validation(waiting: int | None, most: int) -> str:
    if waiting is None:
        return "is not done here"
    return f"{_up_to(most, waiting)} invoices waiting for their result"


def _retention(due: dict[str, int], overdue: int | None, most: int) -> str:
    said = f"{_up_to(most, due['invoices'])} invoices and {_up_to(most, due['mails'])} mails are due"
    return said + (f", the longest for {_span(overdue)}" if overdue is not None else "")


def _up_to(most: int, number: int) -> str:
    return f"{number} or more" if number >= most else str(number)


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in counts.items())


def _rate(form: dict[str, Any], before: dict[str, Any]) -> str:
    seconds = (datetime.fromisoformat(form["at"]) - datetime.fromisoformat(before["at"])).total_seconds()
    came = sum(form["mails"].values()) - sum(before["mails"].values())
    return f"{came / max(1.0, seconds):.1f} mails a second came in since the last look"


def _span(seconds: int) -> str:
    for size, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds // size} {name}"
    return f"{seconds} seconds"


def _gibibytes(octets: int) -> str:
    return f"{octets / 1024**3:.1f} GiB"
