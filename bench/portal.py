"""How long the portal takes to show a page, and commands to answer, among few invoices and among many.

    python -m bench.portal [--database sqlite|postgresql] [--invoices 1000000] [--companies 10000] [--visits 300]

The invoices are made up and written straight into the tables: one company has a tenth of all, ninety-nine share four
tenths, the others the rest. Pages are asked for over HTTP, one after another, of the largest company, of the
ninety-nine and of the others in turns; the same is done with a hundredth as many invoices and companies first. A
ninetieth of the invoices is due: what a run of retention finds once a day.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import random
import socket
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from bench.database import ENGINES, database, server
from bench.figures import percentile
from bench.questions import LATE, answers
from bench.synthetic import Made, account_id, fill
from cli.forms import invoice_forms
from portal.app import create_app
from portal.documents import Documents
from portal.serving import run, server_of
from portal.wired import Portal
from storage.filed.inbox_query import InboxQuery
from storage.ids import new_id
from storage.records.people import Language, Membership, MembershipState, Role, User
from storage.store import Store

LARGE = 99  # companies that share four tenths
_FIRST = "Alpha Berg Clara Delta Eiche Fluss Gold Hafen Insel Jura"
_SECOND = "Werkzeug Papier Technik Energie Logistik Bau Druck Medien Handel Metall"
SELLERS = [f"{first} {second} GmbH" for first in _FIRST.split() for second in _SECOND.split()]
SEED = 20_26


def _owner(number: int, companies: int) -> int:
    place = number % 10
    if place == 0:
        return 0
    if place < 5:
        return 1 + (number * 2_654_435_761 >> 8) % LARGE
    return 1 + LARGE + (number * 2_654_435_761 >> 8) % (companies - LARGE - 1)


def _varied(number: int, companies: int) -> Made:
    """An invoice with an owner, a seller and an amount of its own."""
    return Made(
        owner=_owner(number, companies),
        number=f"RE-2026-{number}",
        issued=f"2026-{1 + number % 12:02d}-01",
        seller=SELLERS[number * 7919 % len(SELLERS)],
        total=f"{number * 37 % 500_000 / 100:.2f}",
        warned=number % 50 == 0,
    )


@contextmanager
def _served(store: Store) -> Iterator[int]:
    documents = Documents(at_once=1)
    portal = Portal(
        store=store,
        now=lambda: datetime.now(UTC),
        base_url="http://127.0.0.1",
        key=b"k" * 32,
        documents=documents,
        texts_at=lambda _: (),
        invoice_forms=invoice_forms,
    )
    listening = socket.create_server(("127.0.0.1", 0))
    running = server_of(create_app(portal))
    thread = threading.Thread(target=run, args=(running, listening))
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        running.should_exit = True
        thread.join()
        documents.close()


def _member(store: Store, companies: list[int]) -> str:
    now = datetime.now(UTC)
    user = User(
        id=new_id(),
        email="bench@company.example",
        name="Bench",
        language=Language.GERMAN,
        password_hash=None,
        created_at=now,
        confirmed_at=now,
    )
    with store.transaction() as records:
        records.users.add(user)
        for number in companies:
            records.memberships.put(
                Membership(
                    account_id=account_id(number),
                    user_id=user.id,
                    role=Role.MEMBER,
                    state=MembershipState.ACTIVE,
                    created_at=now,
                )
            )
        return records.sessions.begin(user.id, now)


def _paths(store: Store, company: int, chance: random.Random) -> dict[str, str]:
    """The address of each kind of page, for one visit to a company."""
    own = f"/companies/{account_id(company)}/invoices"
    with store.reading() as records:
        page = records.inbox(account_id(company)).page(InboxQuery(), None)
    entry = chance.choice(page.entries)
    seller = chance.choice(SELLERS)
    at = page.next.written() if page.next else ""
    low = chance.randrange(0, 4900)
    return {
        "inbox": own,
        "next page": f"{own}?at={at}",
        "by amount": f"{own}?sort=amount&dir={chance.choice(['up', 'down'])}",
        "filter": f"{own}?partner={seller.replace(' ', '+')}&min={low}&max={low + 100}",
        "search": f"{own}?q={entry.invoice_number}",
        "two words": f"{own}?q={seller.split()[0][:4]}+{seller.split()[1][:4]}",
        "invoice": f"{own}/{entry.invoice_id}",
    }


def measure(
    url: str, invoices: int, companies: int, visits: int
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Milliseconds of each kind of page, by who was visited, and of each question of operators.

    Of pages also of processor time, this client's share in it.
    """
    begun = time.monotonic()
    fill(url, invoices, invoices // 90, companies=companies, made=_varied)
    print(
        f"  {invoices:,} invoices of {companies:,} companies written in {time.monotonic() - begun:.0f} s",
        flush=True,
    )
    chance = random.Random(SEED)
    large = chance.sample(range(1, 1 + LARGE), 10)
    small = chance.sample(range(1 + LARGE, companies), 10)
    store = Store.open(url)
    token = _member(store, [0, *large, *small])
    times: dict[str, list[float]] = defaultdict(list)
    with _served(store) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        turns = itertools.cycle((("largest", [0]), ("large", large), ("small", small)))
        for visit in range(-30, visits):  # the first ones warm up what any program has to load once
            who, choice = next(turns)
            for kind, path in _paths(store, chance.choice(choice), chance).items():
                started, used = time.perf_counter(), time.process_time()
                connection.request("GET", path, headers={"Cookie": f"session={token}; language=de"})
                answer = connection.getresponse()
                answer.read()
                milliseconds = (time.perf_counter() - started) * 1000
                processor = (time.process_time() - used) * 1000
                assert answer.status == 200, f"{path}: {answer.status}"
                if visit >= 0:
                    times[kind].append(milliseconds)
                    times[f"{kind}, processor time"].append(processor)
                    times[f"{kind}, {who} company"].append(milliseconds)
        connection.close()
    asked = answers(store, max(3, visits // 10))
    store.close()
    return times, asked


def main(arguments: list[str]) -> int:
    """Prints the times; 1 when one is above the target."""
    parser = argparse.ArgumentParser(prog="bench.portal")
    parser.add_argument("--database", choices=ENGINES, default="sqlite")
    parser.add_argument("--invoices", type=int, default=1_000_000)
    parser.add_argument("--companies", type=int, default=10_000)
    parser.add_argument("--visits", type=int, default=300)
    chosen = parser.parse_args(arguments)
    print(f"bench.portal on {chosen.database}")
    fewer = (max(2000, chosen.invoices // 100), max(150, chosen.companies // 100))
    sizes = (fewer, (chosen.invoices, chosen.companies))
    measured = []
    with server(chosen.database) as at:
        for invoices, companies in sizes:
            with (
                tempfile.TemporaryDirectory(prefix="bench-portal-") as folder,
                database(at, Path(folder)) as url,
            ):
                measured.append(measure(url, invoices, companies, chosen.visits))
    questions = measured[0][1]
    few, many = (pages | asked for pages, asked in measured)
    print(f"  {'page':34} {'median':>8} {'p95':>8}   among {sizes[0][0]:,}; then among {sizes[1][0]:,} (ms)")
    slow = 0
    for kind in sorted(many, key=lambda kind: (kind.partition(",")[0], kind)):
        figures = [percentile(few[kind], 0.5), percentile(few[kind], 0.95), percentile(many[kind], 0.5)]
        figures.append(percentile(many[kind], 0.95))
        most = LATE if kind in questions else (50, 150)
        late = "," not in kind and (figures[2] > most[0] or figures[3] > most[1])
        slow += late
        told = "  ".join(f"{figure:8.1f}" for figure in figures)
        print(f"  {kind:34} {told}{'  <-- late' if late else ''}")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
