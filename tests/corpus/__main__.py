"""Reads every file of the shared corpus in every wrapping: `python -m tests.corpus`.

Prints formats by fields right, wrong and unknown, and wrappings by rows wholly right; exit status 1 unless all are.
"""

from __future__ import annotations

import os
import sys
from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from rich.console import Console
from rich.table import Table

from reading.mail import read_mail
from tests.corpus.truth import INVOICES, Row, Verdict, judge, rows
from tests.wrappings import WRAPPINGS


def main() -> int:
    """The exit status."""
    if not INVOICES.is_dir():
        print("The shared corpus does not lie beside this checkout.", file=sys.stderr)
        return 1
    table = rows()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        judged = {name: list(pool.map(partial(_verdict, name), table, chunksize=8)) for name in WRAPPINGS}
    console = Console()
    console.print(_formats(table, judged))
    console.print(_wrappings(judged))
    troubles = [
        f"{row['path']} ({name}): {verdict.trouble}"
        for name, verdicts in judged.items()
        for row, verdict in zip(table, verdicts, strict=True)
        if verdict.trouble
    ]
    for trouble in troubles:
        console.print(trouble, style="red", highlight=False)
    return int(bool(troubles))


def _verdict(wrapping: str, row: Row) -> Verdict:
    path = INVOICES / row["path"]
    return judge(row, read_mail(WRAPPINGS[wrapping](path.name, path.read_bytes())))


def _formats(table: list[Row], judged: dict[str, list[Verdict]]) -> Table:
    fields: dict[str, Counter[str]] = defaultdict(Counter)
    for verdicts in judged.values():
        for row, verdict in zip(table, verdicts, strict=True):
            one = fields[row["format"]]
            one["files"] += 1
            one["right"] += verdict.right
            one["wrong"] += verdict.wrong
            one["unknown"] += verdict.unknown
            one["whole"] += verdict.trouble is None
    shown = Table("Format", title=f"Fields by format, {len(judged)} wrappings of each file")
    for heading in ("Mails", "Wholly right", "Fields right", "wrong", "unknown"):
        shown.add_column(heading, justify="right")
    for name, one in sorted(fields.items()):
        cells = (one[key] for key in ("files", "whole", "right", "wrong", "unknown"))
        shown.add_row(name, *(f"{cell:,}" for cell in cells))
    return shown


def _wrappings(judged: dict[str, list[Verdict]]) -> Table:
    shown = Table("Wrapping", title="Rows of expected.tsv wholly right")
    shown.add_column("Right", justify="right")
    shown.add_column("of", justify="right")
    for name, verdicts in judged.items():
        shown.add_row(name, str(sum(one.trouble is None for one in verdicts)), str(len(verdicts)))
    return shown


if __name__ == "__main__":
    sys.exit(main())
