"""A daemon under load with its independent sender, and the count at the end."""

from __future__ import annotations

import hashlib
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import create_engine, text

from fixtures.mailbox import INVOICES, Mailbox
from storage.blobs.octet_log import Extent
from storage.store import Store

_KEY = re.compile(rb"^X-Key: (\S+)\r$", re.MULTILINE)
_PATIENCE_SECONDS = 60.0
_LATEST_OCTETS = 50_000
_BELONGS = re.compile(
    r"invoices\.db(-wal|-shm|-lock|-erase-lock)?|invoices\.db-octets(/[0-9a-f-]{36})?|link\.key|log\.json|list-\d+"
    r"|troubles(/\d+\.(json|new))?"  # what `status` tells of; a starting process removes those of yesterday
)
_LEFT_BEHIND = {
    "mails that nobody files": "SELECT count(*) FROM received_mail WHERE state IN ('received', 'claimed')",
    "octets of no mail": "SELECT count(*) FROM mail_octets WHERE mail_id NOT IN (SELECT id FROM received_mail)",
    "places of no mail": "SELECT count(*) FROM mail_extent WHERE mail_id IS NULL"
    " OR mail_id NOT IN (SELECT id FROM received_mail)",
    "mails without octets": "SELECT count(*) FROM received_mail WHERE id NOT IN (SELECT mail_id FROM mail_octets)"
    " AND id NOT IN (SELECT mail_id FROM mail_extent WHERE mail_id IS NOT NULL)",
}


@dataclass(frozen=True, slots=True)
class Taken:
    """A mail that was answered 250."""

    digest: str
    at: float  # by the monotonic clock
    seconds: float  # from connecting to the answer


@dataclass(slots=True)
class SendersList:
    """What a sender wrote down."""

    taken: dict[str, Taken] = field(default_factory=dict)
    tried: dict[str, str] = field(default_factory=dict)
    cut: int = 0
    refused: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, files: list[Path]) -> SendersList:
        """The lists of several senders as one; a last line that is not whole yet is left out."""
        found = cls()
        for file in files:
            for line in file.read_text().splitlines(keepends=True):
                if line.endswith("\n"):
                    found._note(*line.split(maxsplit=2))
        return found

    def _note(self, what: str, key: str, rest: str = "") -> None:
        if what == "250":
            digest, at, seconds = rest.split()
            self.taken[key] = Taken(digest, float(at), float(seconds))
        elif what == "try":
            self.tried[key] = rest.strip()
        elif what == "cut":
            self.cut += 1
        else:
            self.refused.append(f"{key} {rest.strip()}")


@dataclass(slots=True)
class Outcome:
    """What a scenario came to."""

    name: str
    times: int = 0  # kills, resets, sessions, ...
    taken: int = 0
    lost: int = 0
    twice: int = 0
    left_behind: int = 0
    recovery: float | None = None  # seconds, the longest
    p99: float | None = None  # seconds
    troubles: list[str] = field(default_factory=list)

    def must(self, holds: bool, trouble: str) -> None:
        """Notes a trouble."""
        if not holds:
            self.troubles.append(trouble)


class Lane:
    """A mailbox at one port, through all its starts."""

    def __init__(
        self,
        folder: Path,
        outcome: Outcome,
        settings: dict[str, str] | None = None,
        *,
        lists: Path | None = None,
    ) -> None:
        """`lists` is where the senders keep theirs, where that may not be the mailbox's own disk."""
        folder.mkdir(parents=True, exist_ok=True)
        self.outcome = outcome
        self.port = free_port()
        listen = {"SMTP__LISTEN": f"127.0.0.1:{self.port}"}
        self.mailbox = Mailbox(folder, listen | (settings or {}), [INVOICES, "serve", "smtp"])
        self._lists_folder = lists or folder
        self._lists: list[Path] = []

    @property
    def url(self) -> str:
        """The database."""
        return self.mailbox.environment.get(
            "INVOICES_DATABASE__URL", f"sqlite:///{self.mailbox.folder / 'invoices.db'}"
        )

    @property
    def pid(self) -> int:
        """The daemon's first process."""
        assert self.mailbox.daemon is not None
        return self.mailbox.daemon.pid

    @contextmanager
    def sending(
        self, *, sessions: int = 8, mails: int = 0, resets: int = 0, to: int | None = None
    ) -> Iterator[None]:
        """A sender runs inside the block; at its end it stops, or has sent all `mails`."""
        file = self._lists_folder / f"list-{len(self._lists)}"
        file.touch()
        self._lists.append(file)
        command = [sys.executable, "-m", "tests.torture.sender", "127.0.0.1", str(to or self.port), file]
        with subprocess.Popen(
            [*command, str(sessions), str(mails), str(resets)], stdin=subprocess.PIPE
        ) as sender:
            try:
                yield
                if mails:
                    sender.wait(600)
            finally:
                assert sender.stdin is not None
                sender.stdin.close()
                sender.wait(_PATIENCE_SECONDS)

    def list(self) -> SendersList:
        """What was sent so far."""
        return SendersList.read(self._lists)

    def newest(self) -> float:
        """When the last mail was taken so far, by the monotonic clock."""
        return max(self._latest(), default=0.0)

    def wait_for_mail(self, since: float, patience: float = _PATIENCE_SECONDS) -> float:
        """Seconds until the first mail was taken after that moment; notes trouble when none is."""
        while time.monotonic() < since + patience:
            later = [at for at in self._latest() if at > since]
            if later:
                return min(later) - since
            time.sleep(0.02)
        self.outcome.troubles.append(f"no mail was taken for {patience:.0f} s")
        return patience

    def _latest(self) -> list[float]:
        """When the last few hundred mails were taken."""
        with self._lists[-1].open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _LATEST_OCTETS))
            lines = file.read().decode().splitlines(keepends=True)[1:]
        return [float(line.split()[3]) for line in lines if line.startswith("250 ") and line.endswith("\n")]

    def start(self) -> None:
        """Starts the daemon."""
        self.mailbox.start()

    def kill(self) -> None:
        """SIGKILL, to all its processes at once as a machine that loses power would."""
        for pid in [*_below(self.pid), self.pid]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        assert self.mailbox.daemon is not None
        self.mailbox.daemon.wait()
        self.mailbox.daemon = None

    def stop(self) -> None:
        """SIGTERM; the exit status must be 0."""
        status = self.mailbox.stop()
        self.outcome.must(status == 0, f"exit status {status} after SIGTERM")

    def judge(self) -> None:
        """Files everything, then compares what is on record with the sender's list."""
        if self.mailbox.daemon is not None:
            self.stop()
        sent, outcome = self.list(), self.outcome
        self.mailbox.program = [INVOICES, "serve"]
        with self.mailbox.serving():
            self._wait_until_filed()
        # A mail that comes a second time lies in the log before anybody can know. Where its process is killed just
        # then, the next run of retention gives its place back.
        self.mailbox.run("retention", "run")
        on_record = self._on_record()
        for key, one in sent.taken.items():
            whole = one.digest in on_record.get(key, ())
            outcome.lost += not whole
        for key, digests in on_record.items():
            outcome.twice += len(digests) > 1
            outcome.must(key in sent.tried, f"a mail on record was never sent: {key}")
            if key in sent.tried:
                outcome.must(set(digests) == {sent.tried[key]}, f"not as it was sent: {key}")
        outcome.taken += len(sent.taken)
        outcome.troubles += [f"refused: {one}" for one in sent.refused[:5]]
        outcome.left_behind += self._left_behind()

    def _wait_until_filed(self) -> None:
        give_up_at = time.monotonic() + 15 * _PATIENCE_SECONDS
        while self._counted(_LEFT_BEHIND["mails that nobody files"]):
            if time.monotonic() > give_up_at:
                self.outcome.troubles.append("the queue does not get empty")
                return
            time.sleep(0.3)

    def _on_record(self) -> dict[str, list[str]]:
        """The digests of the contents on record, by the sender's key."""
        found: dict[str, list[str]] = {}
        store = Store.open(self.url)
        with store.reading() as records:
            for mail in records.mails.select():
                octets = records.mails.octets(mail.id)
                named = _KEY.search(octets)
                key = named[1].decode() if named else mail.id
                found.setdefault(key, []).append(hashlib.sha256(octets).hexdigest())
        store.close()
        return found

    def _counted(self, query: str) -> int:
        engine = create_engine(self.url)
        try:
            with engine.connect() as connection:
                return int(connection.execute(text(query)).scalar_one())
        finally:
            engine.dispose()

    def _left_behind(self) -> int:
        counted = Counter({name: self._counted(query) for name, query in _LEFT_BEHIND.items()})
        folder = self.mailbox.folder
        for path in folder.rglob("*"):
            if not _BELONGS.fullmatch(str(path.relative_to(folder))):
                counted[f"file {path.relative_to(folder)}"] += 1
        counted.update(_octets_of_nobody(self.url))
        self.outcome.troubles += [
            f"left behind: {name} ({number})" for name, number in counted.items() if number
        ]
        return counted.total()


def _octets_of_nobody(url: str) -> dict[str, int]:
    """Segments of the log that hold anything but what is on record; a new writer erases what a killed one left."""
    if not url.startswith("sqlite"):
        return {}
    folder = Path(url.removeprefix("sqlite:///") + "-octets")
    engine = create_engine(url)
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT segment_id, position, size FROM mail_extent ORDER BY position")
        )
        extents = [Extent(*row) for row in rows]
    engine.dispose()
    found = {}
    for file in sorted(folder.iterdir()) if folder.exists() else []:
        octets = file.read_bytes()
        position = 0
        for extent in [*(one for one in extents if one.segment == file.name), Extent("", len(octets), 0)]:
            if octets[position : extent.position].strip(b"\0"):
                found[f"octets in {file.name} after {position}"] = 1
            position = extent.position + extent.size
    return found


def _below(pid: int) -> list[int]:
    found = []
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    for child in map(int, children):
        found += [child, *_below(child)]
    return found


def free_port() -> int:
    """A port below those that the kernel hands out to clients, so that no connection of the load takes it."""
    while True:
        port = random.randrange(10_000, 32_000)
        with socket.socket() as attempt:
            try:
                attempt.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
