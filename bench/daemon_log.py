"""Follows the daemon's log and keeps what the benchmark measures by."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

_TROUBLE = {"warning", "error", "critical"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """A "filed" event."""

    at: float  # seconds since 1970
    outcome: str
    milliseconds: float  # from being handed to a reader to being on record


class DaemonLog:
    """The events so far; read() brings it up to date."""

    def __init__(self, path: Path) -> None:
        self.filed: dict[str, Filed] = {}  # by mail id
        self.checked: set[str] = set()  # mails whose sender was checked, by id
        self.validated = 0  # invoices
        self.validates = True
        self.trouble: list[str] = []
        self._path = path
        self._offset = 0

    def read(self) -> None:
        """Takes in what was logged since the last time."""
        with self._path.open("rb") as stream:
            stream.seek(self._offset)
            octets = stream.read()
        whole = octets[: octets.rfind(b"\n") + 1]  # the last line may not be finished yet
        self._offset += len(whole)
        for line in whole.decode("utf-8", "replace").splitlines():
            self._take(line)

    def _take(self, line: str) -> None:
        try:
            event = json.loads(line)
        except ValueError:
            self.trouble.append(line)  # a traceback on standard error
            return
        if event["event"] == "filed":
            at = datetime.fromisoformat(event["timestamp"]).timestamp()
            self.filed[event["mail"]] = Filed(
                at=at, outcome=event["outcome"], milliseconds=event["milliseconds"]
            )
        elif event["event"] == "sender-checked":
            self.checked.add(event["mail"])
        elif event["event"] == "validated":
            self.validated += 1
        elif event["event"] == "validation-off":
            self.validates = False
        elif event.get("level") in _TROUBLE:
            self.trouble.append(line)
