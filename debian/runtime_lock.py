"""Prints those entries of requirements.lock that the program itself needs, without what only its developers do."""

from __future__ import annotations

import re
import sys
from importlib import metadata
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

OURS = "invoices-mailbox"


def runtime_names() -> set[str]:
    """Every distribution that ours needs on this platform, by way of others too."""
    found: set[str] = set()
    waiting: list[tuple[str, frozenset[str]]] = [(OURS, frozenset())]
    seen = set(waiting)
    while waiting:
        name, extras = waiting.pop()
        for text in metadata.requires(name) or []:
            wanted = Requirement(text)
            if wanted.marker is not None and not any(
                wanted.marker.evaluate({**default_environment(), "extra": extra}) for extra in (*extras, "")
            ):
                continue
            needed = canonicalize_name(wanted.name), frozenset(wanted.extras)
            found.add(needed[0])
            if needed not in seen:
                seen.add(needed)
                waiting.append(needed)
    return found


def entries(lock: str) -> dict[str, str]:
    """The entries of a lock file by name; each goes on as long as its lines end in a backslash."""
    blocks = re.findall(r"^[A-Za-z0-9](?:[^\n]*\\\n)*[^\n]*\n", lock, re.MULTILINE)
    return {canonicalize_name(re.split(r"[=\[ ;]", block)[0]): block for block in blocks}


def main() -> None:
    """Raises SystemExit naming what the lock does not have."""
    locked = entries(Path("requirements.lock").read_text(encoding="utf-8"))
    names = runtime_names()
    missing = sorted(names - locked.keys())
    if missing:
        raise SystemExit(f"requirements.lock lacks {', '.join(missing)}")
    sys.stdout.writelines(locked[name] for name in sorted(names))


if __name__ == "__main__":
    main()
