"""The competitors of the accept path: each is started, loaded and asked what it kept in the same way."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sqlalchemy import create_engine, text

from bench.accept.dialogue import mail
from bench.accept.haraka import Haraka
from bench.accept.load import Address, program
from bench.accept.postfix import Postfix
from bench.accept.probe import Probed
from bench.daemon_log import DaemonLog
from bench.database import database
from bench.process_tree import tree_seconds
from bench.wave import BenchFailed
from fixtures.mailbox import INVOICES, Mailbox

OURS, POSTFIX, HARAKA, SINK = "ours", "postfix", "haraka", "smtp-sink"
_STANDSTILL_SECONDS = 120.0  # without a single mail being delivered
_START_SECONDS = 60.0
_LOCALHOST = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where and how a competitor is started."""

    folder: Path  # empty, and its own
    certificate: Path | None  # with it STARTTLS is offered
    worker: bool  # ours files the mails, too
    processes: int  # of ours that take mail in
    server_url: str | None  # PostgreSQL; None for SQLite
    server_pid: int | None  # its first process
    haraka: Path | None  # where it is installed


class Peer(Protocol):
    """A competitor that runs."""

    address: Address

    def processor_seconds(self) -> dict[str, float]:
        """Seconds of processor time so far, by part."""

    def settle(self, mails: int) -> bool:
        """Waits until so many mails in all are where they should go; False where nothing follows the 250."""

    def check(self, mails: int, ids: Iterable[str], probed: list[Probed], octets: int) -> None:
        """Ends it, and raises BenchFailed unless it kept as many mails as were acknowledged, and those named."""


class _PostfixPeer:
    def __init__(self, postfix: Postfix) -> None:
        self.address = (_LOCALHOST, postfix.port)
        self._postfix = postfix

    def processor_seconds(self) -> dict[str, float]:
        return {"server": tree_seconds(self._postfix.pid)}

    def settle(self, mails: int) -> bool:
        _wait_until(self._postfix.delivered, mails, "Postfix has delivered {found} of {mails} mails")
        return True

    def check(self, mails: int, ids: Iterable[str], probed: list[Probed], octets: int) -> None:  # noqa: ARG002
        _expect_count("Postfix", self._postfix.delivered(), mails)


class _HarakaPeer:
    def __init__(self, haraka: Haraka) -> None:
        self.address = (_LOCALHOST, haraka.port)
        self._haraka = haraka

    def processor_seconds(self) -> dict[str, float]:
        return {"server": tree_seconds(self._haraka.pid)}

    def settle(self, mails: int) -> bool:  # noqa: ARG002  -- its queue is where they stay
        return False

    def check(self, mails: int, ids: Iterable[str], probed: list[Probed], octets: int) -> None:  # noqa: ARG002
        _expect_count("Haraka", self._haraka.queued(), mails)


class _SinkPeer:
    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.address = (_LOCALHOST, port)
        self._process = process

    def processor_seconds(self) -> dict[str, float]:
        return {"server": tree_seconds(self._process.pid)}

    def settle(self, mails: int) -> bool:  # noqa: ARG002  -- it keeps nothing
        return False

    def check(self, mails: int, ids: Iterable[str], probed: list[Probed], octets: int) -> None:
        """It keeps nothing that could be counted."""


class _OurPeer:
    def __init__(self, mailbox: Mailbox, url: str, place: Place) -> None:
        assert mailbox.daemon is not None
        self.address = mailbox.address
        self._mailbox = mailbox
        self._pid = mailbox.daemon.pid
        self._url = url
        self._place = place
        self._log = DaemonLog(mailbox.log)

    def processor_seconds(self) -> dict[str, float]:
        seconds = {"server": tree_seconds(self._pid)}
        if self._place.server_pid is not None:
            seconds["database"] = tree_seconds(self._place.server_pid)
        return seconds

    def settle(self, mails: int) -> bool:
        if not self._place.worker:
            return False
        _wait_until(self._filed, mails, "we have filed {found} of {mails} mails")
        return True

    def check(self, mails: int, ids: Iterable[str], probed: list[Probed], octets: int) -> None:
        if self._place.worker:
            [status] = self._mailbox.run("status")
            if status["queued"] or status["quarantined"]:
                raise BenchFailed(f"ours has mails left in its queue, or in quarantine: {status['mails']}")
        self._compare(probed[-1:], octets)
        if exit_status := self._mailbox.stop():
            raise BenchFailed(f"ours ended with {exit_status} when it was told to stop")
        self._log.read()
        if self._log.trouble:
            raise BenchFailed(f"ours logged trouble: {self._log.trouble[0]}")
        on_record = self._on_record()
        _expect_count("ours", len(on_record), mails)
        lost = (set(ids) | {one.transfer.mail_id for one in probed}) - on_record
        if lost:
            raise BenchFailed(
                f"{len(lost)} mails that ours acknowledged by id are not on record: {min(lost)}"
            )

    def _filed(self) -> int:
        self._log.read()
        return len(self._log.filed)

    def _on_record(self) -> set[str]:
        engine = create_engine(self._url)
        try:
            with engine.connect() as connection:
                return set(connection.scalars(text("SELECT id FROM received_mail")))
        finally:
            engine.dispose()

    def _compare(self, probed: list[Probed], octets: int) -> None:
        """Mails come back octet for octet, below the field that we put on top."""
        for one in probed:
            file = self._place.folder / "downloaded.eml"
            command = [INVOICES, "download", one.transfer.mail_id, "--original", "-o", file]
            done = subprocess.run(
                command, env=self._mailbox.environment, capture_output=True, text=True, check=False
            )
            if done.returncode or not file.read_bytes().endswith(mail(octets, one.serial)):
                raise BenchFailed(f"mail {one.transfer.mail_id} does not come back as sent: {done.stderr}")


@contextmanager
def _postfix(place: Place) -> Iterator[Peer]:
    if os.geteuid() != 0:
        raise BenchFailed("Postfix starts as nobody but root; run the benchmark as root")
    program("postfix", "postfix")
    postfix = Postfix(place.folder)
    postfix.port = free_port()
    postfix.start()
    try:
        if place.certificate is not None:
            _offer_tls(postfix, place.certificate)
        yield _PostfixPeer(postfix)
    finally:
        postfix.stop()


def _offer_tls(postfix: Postfix, certificate: Path) -> None:
    settings = ["smtpd_tls_security_level=may", f"smtpd_tls_chain_files={certificate}"]
    for command in (["postconf", "-e", *settings], ["postfix", "reload"]):
        done = subprocess.run(
            [program(command[0], "postfix"), "-c", postfix.folder / "etc", *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode:
            raise BenchFailed(f"{' '.join(command[:2])} failed with {done.returncode}")
    for _ in _patiently("Postfix does not offer STARTTLS"):
        if _offers_tls(postfix.port):
            return


def _offers_tls(port: int) -> bool:
    with (
        socket.create_connection((_LOCALHOST, port), timeout=_START_SECONDS) as client,
        client.makefile("rb") as replies,
    ):
        replies.readline()
        client.sendall(b"EHLO relay.example\r\n")
        lines = [line := replies.readline()]
        while line[3:4] == b"-":
            lines.append(line := replies.readline())
    return any(line[4:].strip().upper() == b"STARTTLS" for line in lines)


@contextmanager
def _haraka(place: Place) -> Iterator[Peer]:
    assert place.haraka is not None
    haraka = Haraka(place.haraka, place.folder, free_port())
    haraka.start()
    try:
        for _ in _patiently("Haraka does not listen"):
            if (said := haraka.ended()) is not None:
                raise BenchFailed(f"Haraka ended by itself: {said}")
            if _listens(haraka.port):
                break
        yield _HarakaPeer(haraka)
    finally:
        haraka.stop()


@contextmanager
def _sink(place: Place) -> Iterator[Peer]:  # noqa: ARG001  -- it needs no place, and offers no TLS
    port = free_port()
    command = [program("smtp-sink", "postfix"), *(["-u", "nobody"] if os.geteuid() == 0 else [])]
    with subprocess.Popen([*command, f"{_LOCALHOST}:{port}", "1000"], stderr=subprocess.DEVNULL) as process:
        try:
            for _ in _patiently("smtp-sink does not listen"):
                if process.poll() is not None:
                    raise BenchFailed(f"smtp-sink ended with {process.returncode}")
                if _listens(port):
                    break
            yield _SinkPeer(process, port)
        finally:
            process.kill()


@contextmanager
def _ours(place: Place) -> Iterator[Peer]:
    with database(place.server_url, place.folder) as url:
        settings = {"DATABASE__URL": url, "SMTP__PROCESSES": str(place.processes)}
        if place.certificate is not None:
            settings["SMTP__TLS_CERTIFICATE"] = str(place.certificate)
        parts = ("smtp", "worker") if place.worker else ("smtp",)
        with Mailbox(place.folder, settings, (INVOICES, "serve", *parts)).serving() as mailbox:
            yield _OurPeer(mailbox, url, place)


OPENERS: dict[str, Callable[[Place], AbstractContextManager[Peer]]] = {
    POSTFIX: _postfix,
    HARAKA: _haraka,
    OURS: _ours,
    SINK: _sink,
}


def free_port() -> int:
    """A port below those that the kernel hands out to clients, so that no connection of the load takes it."""
    while True:
        port = random.randrange(10_000, 32_000)
        with socket.socket() as attempt:
            try:
                attempt.bind((_LOCALHOST, port))
            except OSError:
                continue
        return port


def _expect_count(who: str, found: int, mails: int) -> None:
    if found != mails:
        raise BenchFailed(f"{who} acknowledged {mails} mails and has {found}")


def _wait_until(count: Callable[[], int], mails: int, trouble: str) -> None:
    """Waits as long as there is progress."""
    before, give_up_at = -1, 0.0
    while (found := count()) < mails:
        if found > before:
            before, give_up_at = found, time.monotonic() + _STANDSTILL_SECONDS
        if time.monotonic() > give_up_at:
            raise BenchFailed(trouble.format(found=found, mails=mails) + ", and gets no further")
        time.sleep(0.1)


def _listens(port: int) -> bool:
    try:
        socket.create_connection((_LOCALHOST, port), timeout=_START_SECONDS).close()
    except OSError:
        return False
    return True


def _patiently(trouble: str) -> Iterator[None]:
    give_up_at = time.monotonic() + _START_SECONDS
    while time.monotonic() < give_up_at:
        yield
        time.sleep(0.1)
    raise BenchFailed(f"{trouble} after {_START_SECONDS:.0f} s")
