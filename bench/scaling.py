"""What a mail costs as nodes are added: `python -m bench.scaling [--nodes 1 8] [--loads full thin]`; needs root.

Over one PostgreSQL, by accounting, not by speed, so that it can be told on a machine with fewer cores than nodes:
processor time of all nodes and of the database for a mail, transactions, scans and rows read for a mail, how often a
backend was found waiting for a lock, dead rows for a mail. As many nodes as the most that are wanted are started once
for each load, and each files mails before anything is counted. Then the first of them work, so many as are wanted,
and the others stand still: in turns, --rounds times, for single rounds scatter by a tenth. Medians come last.

full   a queue is filled while the workers stand still, then they work until it is empty and all senders are checked
thin   a sender hands mails to one node that takes them, by the clock, and the workers file each as it comes
apart  as full, but each node has a database of its own in the same server: what they cost only by sharing the machine
burst  each node takes mail and files it; a sender sends as fast as it can

All of it shares one core, unless --all-cores is given: two busy cores make each other slower, by a fifth on some
machines, and one node seldom keeps both busy. A node on a machine of its own has a core's caches for itself; here each
finds them filled by the others, whenever it gets the core. So each count is measured in two ways (--turns), the first
two loads at least: as the kernel shares out the core (`short`), and with one node after the other at work for a quarter
of a second in which the others stand still, whatever they hold (`long`). Then they share all that nodes on machines of
their own share - queue, locks, tables, the server - but not their caches.

--on-record N puts as many invoices on record first (`bench.synthetic`).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from bench.accounting import Account, looking_for_locks
from bench.fleet import PARTS, Fleet, fleet

TURNS = ("short", "long")
_WAITING_QUEUE = ("full", "apart")
_WARM_MAILS = 500  # of each node: until each connection has planned what it asks for
_IDLE_SECONDS = 5.0
_STATISTICS_SECONDS = 1.5  # they arrive late


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Of each mail, with so many nodes."""

    load: str
    turns: str
    nodes: int
    on_record: int  # at the beginning
    mails: int
    mails_per_second: float
    node_milliseconds: float
    reader_milliseconds: float  # part of it, as the next one
    checker_milliseconds: float
    database_milliseconds: float
    idle_share: float  # of a core that one node takes while there is no mail
    waits: float  # how often a thread gave the core back, for it had to wait
    preemptions: float  # or was made to
    transactions: float
    scans: float
    rows_read: float
    waits_for_locks: float  # share of looks at working backends
    outlived_rows: float  # changed or deleted, so that the old one is dead
    dead_rows: float  # more than before, so far as no vacuum came meanwhile

    @property
    def milliseconds(self) -> float:
        """Processor time, all in all."""
        return self.node_milliseconds + self.database_milliseconds


def measured(load: str, wanted: argparse.Namespace) -> Iterator[Cost]:
    """Each count of nodes in each way, one after the other, and all of it again."""
    most = max(wanted.nodes)
    with (
        tempfile.TemporaryDirectory(prefix="scaling-") as name,
        fleet(load, most, wanted.on_record, Path(name), one_core=not wanted.all_cores) as nodes,
    ):
        warming = nodes.full if load in _WAITING_QUEUE else nodes.burst
        warming("warm", most, _WARM_MAILS * most, lambda: None)
        nodes.wait_until_done(_WARM_MAILS * most)
        nodes.books.vacuum()
        idle = _idle_share(nodes) / most
        for number in range(wanted.rounds):
            for turns in wanted.turns if load in _WAITING_QUEUE else TURNS[:1]:
                for count in wanted.nodes:
                    key = f"{turns}-{count}-{number}"
                    # Readers end after so many mails, and the next ones start up: that round is done once more.
                    found = _cost(nodes, key, load, turns, count, wanted.mails) or _cost(
                        nodes, f"{key}-again", load, turns, count, wanted.mails
                    )
                    if found is not None:
                        yield replace(found, on_record=wanted.on_record, idle_share=idle)


def _cost(nodes: Fleet, name: str, load: str, turns: str, count: int, mails: int) -> Cost | None:
    """None when a process of a node was started meanwhile."""
    begun: list[tuple[Account, float, set[int]]] = []

    def begin() -> None:
        looks[:] = [0, 0]
        begun.append((nodes.books.balance(), time.monotonic(), nodes.books.of_nodes()))

    with looking_for_locks(nodes.url) as looks:
        getattr(nodes, load)(name, count, mails, begin)
        nodes.wait_until_done(mails, in_turns=count if turns == "long" else 0)
        over = time.monotonic()
        spent = nodes.books.balance()
    time.sleep(_STATISTICS_SECONDS)
    after, (before, since, processes) = nodes.books.balance(), begun[0]
    if nodes.books.of_nodes() - processes:
        return None
    return Cost(
        load=load,
        turns=turns,
        nodes=count,
        on_record=0,
        mails=mails,
        mails_per_second=mails / (over - since),
        node_milliseconds=(spent.node_seconds - before.node_seconds) * 1000 / mails,
        reader_milliseconds=(spent.reader_seconds - before.reader_seconds) * 1000 / mails,
        checker_milliseconds=(spent.checker_seconds - before.checker_seconds) * 1000 / mails,
        database_milliseconds=(spent.database_seconds - before.database_seconds) * 1000 / mails,
        idle_share=0.0,
        waits=(spent.waits - before.waits) / mails,
        preemptions=(spent.preemptions - before.preemptions) / mails,
        transactions=(after.transactions - before.transactions) / mails,
        scans=(after.scans - before.scans) / mails,
        rows_read=(after.rows_read - before.rows_read) / mails,
        waits_for_locks=looks[0] / max(1, looks[1]),
        outlived_rows=(after.outlived_rows - before.outlived_rows) / mails,
        dead_rows=(after.dead_rows - before.dead_rows) / mails,
    )


def _idle_share(nodes: Fleet) -> float:
    before = nodes.books.node_seconds()
    time.sleep(_IDLE_SECONDS)
    return (nodes.books.node_seconds() - before) / _IDLE_SECONDS


def _told_medians(costs: Sequence[Cost]) -> None:
    """A line for each way and count, with what it costs beside the first count."""
    first: dict[str, float] = {}
    for turns, count in dict.fromkeys((one.turns, one.nodes) for one in costs):
        some = [one for one in costs if (one.turns, one.nodes) == (turns, count)]
        middle = {
            name: round(statistics.median(getattr(one, name) for one in some), 3)
            for name, value in asdict(some[0]).items()
            if isinstance(value, float)
        }
        whole = statistics.median(one.milliseconds for one in some)
        times = whole / first.setdefault(turns, whole)
        told = {"load": some[0].load, "turns": turns, "nodes": count, "rounds": len(some)}
        print(
            json.dumps(told | middle | {"milliseconds": round(whole, 3), "times_the_first": round(times, 3)})
        )


def main(arguments: list[str]) -> None:
    """Prints a line for each load, way, number of nodes and round, then the medians."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.scaling",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--nodes", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--mails", type=int, default=2000)
    parser.add_argument("--loads", nargs="+", choices=sorted(PARTS), default=["full", "thin"])
    parser.add_argument("--turns", nargs="+", choices=TURNS, default=TURNS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--on-record", type=int, default=0, help="invoices on record before (%(default)s)")
    parser.add_argument("--all-cores", action="store_true", help="also those that disturb each other")
    wanted = parser.parse_args(arguments)
    for load in wanted.loads:
        costs = []
        for cost in measured(load, wanted):
            costs.append(cost)
            print(json.dumps(asdict(cost)), flush=True)
        _told_medians(costs)


if __name__ == "__main__":
    main(sys.argv[1:])
