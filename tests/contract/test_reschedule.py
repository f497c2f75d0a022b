"""`invoices retention reschedule`: changed settings reach what is on record only when somebody says so."""

from __future__ import annotations

from datetime import timedelta

from storage.records.invoices import Environment
from tests import making
from tests.commands import Commands
from tests.filed_mails import file_invoice

DAYS = {"INVOICES_RETENTION__PRODUCTIVE_DAYS": "40", "INVOICES_RETENTION__TEST_DAYS": "35"}


def test_expiries_move_when_asked_to_and_are_shown_first(commands: Commands) -> None:
    """A productive invoice that was promised 90 days gets 40, a test gets 35 for 30; their mails go along."""
    productive = file_invoice(commands.url)
    test = file_invoice(commands.url, name="Other", addresses=(), environment=Environment.TEST)
    before = {one["id"]: one["expires_at"] for one in commands.lines("list")}
    commands.environment.update(DAYS)

    shown = commands.one("retention", "reschedule")
    unmoved = {one["id"]: one["expires_at"] for one in commands.lines("list")}
    done = commands.one("retention", "reschedule", "--apply")
    again = commands.one("retention", "reschedule", "--apply")

    after = {one["id"]: one["expires_at"] for one in commands.lines("list")}
    assert (shown["sooner"], shown["later"], shown["due_at_once"], shown["applied"]) == (1, 1, 0, False)
    assert unmoved == before
    assert (done["sooner"], done["later"], done["mails"], done["applied"]) == (1, 1, 2, True)
    assert (again["sooner"], again["later"], again["unchanged"], again["mails"]) == (0, 0, 2, 0)
    assert after == {
        productive.invoice_id: _day(40),
        test.invoice_id: _day(35),
    }
    told = commands.one("explain", productive.invoice_id)["sentences"]
    assert any("had its expiry moved from 2027-02-22 to 2027-01-03" in sentence for sentence in told)
    assert commands.call("verify").exit_code == 0


def _day(days: int) -> str:
    return (making.NOW + timedelta(days=days)).isoformat().replace("+00:00", "Z")


def test_what_is_over_by_the_new_settings_goes_with_the_next_run(on_sqlite: Commands) -> None:
    """Not by the rescheduling itself."""
    filed = file_invoice(on_sqlite.url)
    on_sqlite.environment["INVOICES_RETENTION__PRODUCTIVE_DAYS"] = "1"

    done = on_sqlite.one("retention", "reschedule", "--apply")
    state = on_sqlite.one("show", filed.invoice_id)["state"]
    [swept] = on_sqlite.program("retention", "run", "--clock-is-right")

    assert (done["sooner"], done["due_at_once"], state) == (1, 1, "available")
    assert (swept["productive"], swept["mails"]) == (1, 1)
