"""Nodes: daemons that think they are machines of their own, with an address and a host name each."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from fixtures.mailbox import INVOICES

PORT = 2525
PORTAL_PORT = 2580
_PATIENCE_SECONDS = 60.0


@dataclass(slots=True)
class Node:
    """One part of the program on a machine of its own; it keeps nothing there but its log."""

    part: str  # smtp, worker, portal, or several of them
    address: str
    folder: Path
    settings: dict[str, str]
    process: subprocess.Popen[bytes] | None = field(default=None)
    starts: int = 0

    @property
    def name(self) -> str:
        """Its host name."""
        return f"{self.part.replace(' ', '-')}-{self.address.rpartition('.')[2]}"

    def start(self, *, wait: bool = True) -> None:
        """Starts it; with `wait` until it is ready. Raises RuntimeError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.starts += 1
        log = self.folder / f"log-{self.starts}.json"
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("INVOICES_")},
            "INVOICES_DATA_DIR": str(self.folder),
            "INVOICES_SMTP__LISTEN": f"{self.address}:{PORT}",
            "INVOICES_PORTAL__LISTEN": f"{self.address}:{PORTAL_PORT}",
            **self.settings,
        }
        # With its own host name it cannot see whether a process of another node is alive: only leases tell.
        named = ["unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', self.name]
        with log.open("wb") as stream:
            self.process = subprocess.Popen(
                [*named, INVOICES, "serve", *self.part.split()],
                env=environment,
                stderr=stream,
                stdin=subprocess.DEVNULL,
            )
        if wait:
            self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Raises RuntimeError when it ends before, or takes too long."""
        give_up_at = time.monotonic() + _PATIENCE_SECONDS
        while not self.events("ready"):
            if self.process is None or self.process.poll() is not None or time.monotonic() > give_up_at:
                raise RuntimeError(f"{self.name} does not start:\n{self._log().read_text()[-2000:]}")
            time.sleep(0.05)

    def events(self, name: str) -> list[dict[str, object]]:
        """What it has logged under this name since its start."""
        lines = self._log().read_text(encoding="utf-8", errors="replace").splitlines()
        found = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
        return [event for event in found if event.get("event") == name]

    def kill(self) -> None:
        """All its processes at once, as a machine that loses power."""
        self._send(signal.SIGKILL)
        assert self.process is not None
        self.process.wait()
        self.process = None

    def pause(self) -> None:
        """It stands still, and does not know it."""
        self._send(signal.SIGSTOP)

    def go_on(self) -> None:
        """After a pause."""
        self._send(signal.SIGCONT)

    def stop(self) -> int:
        """SIGTERM; its exit status."""
        if self.process is None:
            return 0
        self.process.terminate()
        status = self.process.wait(_PATIENCE_SECONDS)
        self.process = None
        return status

    def _send(self, number: int) -> None:
        assert self.process is not None
        for pid in (self.process.pid, *_below(self.process.pid)):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue

    def _log(self) -> Path:
        return self.folder / f"log-{self.starts}.json"


def _below(pid: int) -> list[int]:
    found: list[int] = []
    for thread in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(child) for child in thread.read_text().split()]
        except OSError:
            continue
        for child in children:
            found += [child, *_below(child)]
    return found
