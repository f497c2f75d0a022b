"""One round: a fresh daemon on an empty database takes all mails in waves, and every one is looked for afterwards."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.daemon_log import DaemonLog
from bench.database import database
from bench.mails import invoice_number
from bench.processes import Sample, Watch, sample
from bench.wave import BenchFailed, Transfer, Wave, send_wave, sending
from fixtures.expectation import account_arguments, partner_arguments, registered
from fixtures.mailbox import Mailbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is sent, and how."""

    mails_folder: Path
    mails: int
    wave: int  # mails sent at once, before memory at rest is read
    sessions: int
    mails_per_session: int
    rests: bool = (
        True  # a wave comes only when the senders are checked and the invoices validated of that before it
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What was measured, and what was wrong."""

    at_start: Sample  # before the first mail
    waves: tuple[Wave, ...]
    samples: tuple[Sample, ...]  # over the whole round
    wrong: tuple[str, ...]  # mails that are not on record as they should be, and trouble in the log


def run_round(
    load: Load, server_url: str | None, disk: Path | None, settings: dict[str, str] | None = None
) -> Round:
    """Runs a round in a temporary folder below `disk`. Raises BenchFailed, Failed."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-", dir=disk) as name,
        database(server_url, Path(name)) as url,
    ):
        mailbox = Mailbox(Path(name), {"DATABASE__URL": url, **(settings or {})})
        with mailbox.serving():
            register(mailbox)
            return _measure(mailbox, load)


def register(mailbox: Mailbox) -> None:
    """Adds the companies and partners of fixtures/accounts.toml. Raises Failed."""
    known = registered()
    for account in known["account"]:
        mailbox.run(*account_arguments(account))
    for partner in known["partner"]:
        for command in partner_arguments(partner):
            mailbox.run(*command)


def _measure(mailbox: Mailbox, load: Load) -> Round:
    if mailbox.daemon is None:
        raise BenchFailed("the daemon does not run")
    pid = mailbox.daemon.pid
    log = DaemonLog(mailbox.log)
    at_start = sample(pid)
    with (
        Watch(pid) as watch,
        sending(mailbox.address, load.mails_folder, load.sessions, load.mails_per_session) as sender,
    ):
        waves = tuple(
            send_wave(sender, log, pid, first, min(first + load.wave, load.mails), rests=load.rests)
            for first in range(0, load.mails, load.wave)
        )
    sent = [one for wave in waves for one in wave.transfers]
    wrong = [*_not_on_record(mailbox, sent), *log.trouble]
    return Round(at_start=at_start, waves=waves, samples=tuple(watch.samples), wrong=tuple(wrong))


def _not_on_record(mailbox: Mailbox, sent: Sequence[Transfer]) -> list[str]:
    """What the commands say that is not as it should be: each mail recorded, each invoice there once."""
    mails = {mail["mail_id"]: mail for mail in mailbox.run("mail", "list")}
    wrong = [
        f"mail {one.index} was answered {one.mail_id} and is {mails.get(one.mail_id, {}).get('outcome')}"
        for one in sent
        if mails.get(one.mail_id, {}).get("outcome") != "recorded"
    ]
    if len(mails) != len(sent):
        wrong.append(f"{len(sent)} mails were sent, {len(mails)} are on record")
    found = sorted(invoice["invoice_number"] or "" for invoice in mailbox.run("list"))
    expected = sorted(invoice_number(one.index) for one in sent)
    if found != expected:
        difference = sorted(set(expected) ^ set(found))[:5]
        wrong.append(
            f"{len(expected)} invoices were sent, {len(found)} are on record; differing: {difference}"
        )
    return wrong
