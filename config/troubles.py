"""Remembers lately logged troubles in files of `data_dir`, so that another process can show them.

Each process has a file of its own, written when something happens and never synced: what is in it is in the log, too.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from structlog.typing import EventDict

FOLDER = "troubles"
LATELY = timedelta(hours=1)
_FORGOTTEN_SECONDS = 24 * 3600.0
_PAUSE_SECONDS = 1.0  # between two notes of the same trouble
_LONGEST_CAUSE = 300
_NO_CAUSE = {"event", "level", "timestamp", "next_step"}
_MENDED_BY = {  # what shows that a trouble is over
    "certificate-loaded": {"certificate-broken"},
    "sent": {"smarthost-away", "send-postponed"},
    "swept": {"retention-stopped"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something that went wrong, and how often it did of late."""

    event: str
    reason: str  # what tells troubles of one event apart, such as the limit that was met; may be empty
    level: str
    times: int
    first_at: str
    last_at: str
    cause: str  # as in the log
    next_step: str


class RememberTroubles:
    """A processor of structlog: what has a next step is a trouble."""

    def __init__(self, data_dir: Path) -> None:
        self._file = data_dir / FOLDER / f"{os.getpid()}.json"
        self._known: dict[tuple[str, str], Trouble] = {}
        self._noted: dict[tuple[str, str], float] = {}
        self._lock = threading.Lock()
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
            self._file.unlink(missing_ok=True)
            _forget_old(self._file.parent)

    def __call__(self, _: Any, __: str, event: EventDict) -> EventDict:
        """Passes the event on as it is. A disk that takes no note keeps nothing from going on."""
        if "next_step" in event:
            with self._lock, suppress(OSError):
                self._remember(event)
        elif self._known and event["event"] in _MENDED_BY:
            with self._lock, suppress(OSError):
                self._forget(_MENDED_BY[event["event"]])
        return event

    def _remember(self, event: EventDict) -> None:
        key = event["event"], _reason(event)
        before = self._known.get(key)
        self._known[key] = Trouble(
            event=event["event"],
            reason=key[1],
            level=event["level"],
            times=before.times + 1 if before else 1,
            first_at=before.first_at if before else event["timestamp"],
            last_at=event["timestamp"],
            cause=_cause(event),
            next_step=event["next_step"],
        )
        now = time.monotonic()
        if now - self._noted.get(key, -_PAUSE_SECONDS) >= _PAUSE_SECONDS:
            self._noted[key] = now
            self._write()

    def _forget(self, events: set[str]) -> None:
        left = {key: trouble for key, trouble in self._known.items() if key[0] not in events}
        if left != self._known:
            self._known = left
            self._write()

    def _write(self) -> None:
        beside = self._file.with_suffix(".new")
        beside.write_text(json.dumps([asdict(trouble) for trouble in self._known.values()]), encoding="utf-8")
        beside.replace(self._file)


def lately(data_dir: Path, now: datetime) -> list[Trouble]:
    """What went wrong within the last hour, over all processes that keep their files there; the newest first."""
    found: dict[tuple[str, str], Trouble] = {}
    for trouble in _on_record(data_dir / FOLDER):
        if datetime.fromisoformat(trouble.last_at) < now - LATELY:
            continue
        key = trouble.event, trouble.reason
        found[key] = _both(found[key], trouble) if key in found else trouble
    return sorted(found.values(), key=lambda trouble: trouble.last_at, reverse=True)


def _on_record(folder: Path) -> Iterator[Trouble]:
    for file in sorted(folder.glob("*.json")):
        with suppress(OSError, ValueError, TypeError):  # it is being replaced, or of another version
            yield from [Trouble(**entry) for entry in json.loads(file.read_text(encoding="utf-8"))]


def _both(one: Trouble, other: Trouble) -> Trouble:
    newer = max(one, other, key=lambda trouble: trouble.last_at)
    return replace(newer, times=one.times + other.times, first_at=min(one.first_at, other.first_at))


def _reason(event: EventDict) -> str:
    """Only names that the program itself gives, so that their number is bounded."""
    if event["event"] == "rejected":
        return str(event["reason"])
    return str(event.get("doing") or event.get("part") or event.get("stage") or "")


def _cause(event: EventDict) -> str:
    said = [
        f"{name}={value}" for name, value in event.items() if name not in _NO_CAUSE and name != "exc_info"
    ]
    error = event.get("exc_info")
    if isinstance(error, BaseException) and "error" not in event:
        said.append(f"error={error!r}")
    return " ".join(said)[:_LONGEST_CAUSE]


def _forget_old(folder: Path) -> None:
    for file in folder.iterdir():
        if file.stat().st_mtime < time.time() - _FORGOTTEN_SECONDS:
            file.unlink(missing_ok=True)
