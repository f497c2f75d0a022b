"""Lists are read a portion at a time: ten million invoices would else fill the memory of the machine."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cli import front, portions
from storage.ids import first_id, new_id
from storage.records.invoices import Environment
from storage.store import Store
from tests import making
from tests.commands import Commands
from tests.contract.test_retention import _filed
from tests.filed_mails import file_invoice
from tests.plans import asked, read_whole

DAY = timedelta(days=1)


@pytest.fixture
def five(commands: Commands, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Invoices of two companies, oldest first, read two at a time."""
    monkeypatch.setattr(portions, "PORTION", 2)
    monkeypatch.setattr(front, "ROWS_OF_A_TABLE", 2)
    first = file_invoice(commands.url)
    other = file_invoice(commands.url, name="Other", addresses=("o@other.example",))
    more = [
        file_invoice(commands.url, at=making.NOW + number * DAY, name=f"Company {number}", addresses=())
        for number in range(1, 4)
    ]
    return [one.invoice_id for one in (first, other, *more)]


def test_a_list_of_several_portions_is_whole_and_in_order(commands: Commands, five: list[str]) -> None:
    """Nothing is left out or twice at the seams, in JSON and in the tables."""
    listed = [one["id"] for one in commands.lines("list")]
    mails = [one["invoices"] for one in commands.lines("mail", "list")]
    table = commands.call("list").output

    assert listed == five[::-1]
    assert mails == [[one] for one in five[::-1]]
    assert [line.split()[-1] for line in table.splitlines() if line.split()[-1] in five] == five[::-1]
    assert table.count("Received") == 3


def test_a_narrowed_list_of_several_portions_is_whole(commands: Commands, five: list[str]) -> None:
    """Also of one company, which is read in another order, and of what a clock dated ahead."""
    since = (making.NOW + DAY).isoformat()

    of_one = [one["id"] for one in commands.lines("list", "--account", "o@other.example")]
    later = [one["id"] for one in commands.lines("list", "--since", since)]
    later_mails = [one["invoices"] for one in commands.lines("mail", "list", "--since", since)]
    far_ahead = commands.lines("list", "--since", "2999-01-01")

    assert of_one == [five[1]]
    assert later == five[:1:-1]
    assert later_mails == [[one] for one in five[:1:-1]]
    assert far_ahead == []


def test_what_came_in_at_one_instant_is_not_lost_at_a_seam(store: Store) -> None:
    """A mail with four invoices: they have the same time, and only their ids tell them apart."""
    _, ids = _filed(store, *[Environment.PRODUCTIVE] * 4)
    with store.reading() as records:
        company = records.invoices.get(ids[0]).account_id
        listed = records.invoices.portion(account_id=company, size=3)
        listed += records.invoices.portion(account_id=company, behind=listed[-1], size=3)

    assert [one.id for one in listed] == sorted(ids, reverse=True)


def test_the_first_id_of_an_instant_is_below_all_later_ones() -> None:
    """`--since` looks only at ids from then on."""
    before = new_id()

    then = portions.ids_since(making.NOW, making.NOW)

    assert then == first_id(making.NOW - DAY)
    assert "0" < first_id(making.NOW) < first_id(making.NOW + timedelta(milliseconds=1)) < "1"
    assert first_id(making.NOW - 50 * 365 * DAY) < before
    assert portions.ids_since(None, making.NOW) == ""


def test_lists_begin_at_once(store: Store) -> None:
    """A page of a list is read along an index; sorting all invoices before the first line took a minute."""
    with asked(store) as statements, store.reading() as records:
        records.invoices.portion(size=10)
        records.invoices.portion(size=10, since=making.NOW, ids_from=first_id(making.NOW))
        records.invoices.portion(size=10, account_id="0", behind=making.invoice(mail_id="0", account_id="0"))
        records.mails.select(size=10)
        records.mails.in_quarantine()

    assert read_whole(store, statements) == []
