"""`invoices serve|migrate|check-config|status`: running the mailbox."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable

import click
from cryptography import x509

from cli.forms import instant
from cli.front import EXIT_FAILED, Command, Front, pass_front, utc_now
from config.link_key import link_key
from config.settings import Settings
from ingest import daemon
from ingest.reception import certificates
from retention import worker
from storage.errors import StoreError
from storage.records import MailState
from storage.store import Store

PARTS = ("smtp", "worker")
LATER = ("portal", "outbound")
GREETING_SECONDS = 5


@click.command(cls=Command)
@click.argument("parts", nargs=-1, metavar="[smtp] [worker]")
@pass_front
def serve(front: Front, parts: tuple[str, ...]) -> None:
    """Take mail over SMTP and file it, until stopped; all parts run when none is named.

    smtp takes mail in and answers 250 once it is on stable storage; worker reads and files what was taken. Several
    processes may run different parts on one database. SIGTERM ends the program once mails being sent have arrived.
    """
    for part in parts:
        if part in LATER:
            raise click.UsageError(f'"{part}" is not in this version yet; it runs {" and ".join(PARTS)}')
        if part not in PARTS:
            raise click.UsageError(f'there is no part "{part}"; the parts are {" and ".join(PARTS)}')
    front.is_program = True
    try:
        daemon.serve(front.settings, parts or PARTS)
    except daemon.WorkerDied as error:
        raise click.ClickException(str(error)) from error


@click.command(cls=Command)
@pass_front
def migrate(front: Front) -> None:
    """Bring the database's schema to the newest version; safe to repeat, and with several at once."""
    before, after = Store.migrate(front.settings.database.url.get_secret_value())
    sentence = (
        f"The schema is at {after} already." if before == after else f"Schema: {before or 'none'} -> {after}."
    )
    front.say(sentence, {"before": before, "after": after})


@click.command(cls=Command)
@pass_front
def status(front: Front) -> None:
    """Queue, counts and ages, as they are now."""
    now = utc_now()
    with front.store.reading() as records:
        mails = records.mails.counts()
        oldest = records.mails.oldest_queued()
        invoices = records.invoices.counts()
        accounts = records.accounts.counts()
    due = worker.would_go(front.store, daemon.retention_periods(front.settings), now)
    form = {
        "at": instant(now),
        "queued": mails.get(MailState.RECEIVED, 0) + mails.get(MailState.CLAIMED, 0),
        "oldest_queued_seconds": round((now - oldest).total_seconds()) if oldest else None,
        "quarantined": mails.get(MailState.QUARANTINED, 0),
        "mails": {str(state): count for state, count in sorted(mails.items())},
        "invoices": {f"{state} {kind}": count for (state, kind), count in sorted(invoices.items())},
        "accounts": {str(kind): count for kind, count in sorted(accounts.items())},
        "retention_due": {"invoices": due.productive + due.test, "mails": due.mails},
    }
    front.show_one(form)


@click.command("check-config", cls=Command)
@pass_front
def check_config(front: Front) -> None:
    """Try everything the settings name, and say what to do about what does not work."""
    settings = front.settings
    checks: dict[str, Callable[[Settings], str]] = {
        "settings": lambda _: "every key is known and has a sound value",
        "data_dir": _check_data_dir,
        "database": _check_database,
        "registration.link_key": _check_link_key,
        "smtp.tls_certificate": _check_certificate,
        "smtp.listen": _check_ports,
    }
    rows = []
    for name, check in checks.items():
        try:
            rows.append({"check": name, "ok": True, "text": check(settings)})
        except (StoreError, OSError, ValueError) as error:
            rows.append({"check": name, "ok": False, "text": str(error)})
    front.show(rows, {"check": "Check", "ok": "Works", "text": "Found"}, nothing="")
    if not all(row["ok"] for row in rows):
        click.get_current_context().exit(EXIT_FAILED)


def _check_data_dir(settings: Settings) -> str:
    folder = settings.data_dir
    while not folder.exists():
        folder = folder.parent
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OSError(f"{folder} cannot be written by this user; change its owner, or data_dir")
    return f"{settings.data_dir} can be written"


def _check_database(settings: Settings) -> str:
    before, after = Store.schema(settings.database.url.get_secret_value())
    if before is None:
        return "answers; it is empty, its schema is made at the first start"
    if before != after:
        raise ValueError(f"has schema {before}, this version needs {after}: run `invoices migrate`")
    return f"answers, schema {before}"


def _check_link_key(settings: Settings) -> str:
    if settings.registration.link_key.get_secret_value():
        return "is set"
    file = settings.data_dir / "link.key"
    if not file.exists():
        return f"{file} is made at the first start"
    link_key(settings)
    return f"{file} can be read"


def _check_certificate(settings: Settings) -> str:
    certificate = settings.smtp.tls_certificate
    if certificate is None:
        return "none is set, so STARTTLS is not offered"
    certificates(settings)
    until = x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc
    if until <= utc_now():
        raise ValueError(f"{certificate} was valid until {until:%Y-%m-%d}: renew it, then restart `serve`")
    return f"{certificate} is valid until {until:%Y-%m-%d}"


def _check_ports(settings: Settings) -> str:
    return "; ".join(_check_port(address) for address in settings.smtp.listen) or "none is set"


def _check_port(address: str) -> str:
    host, _, port = address.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    place = (host.strip("[]"), int(port))
    with socket.socket(family, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(place)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return f'{address} is in use, by a server that says "{_greeting(address, place)}"'
            raise OSError(
                f"{address}: {error.strerror}; does it need rights, or is it another machine's?"
            ) from None
    return f"{address} can be listened on"


def _greeting(address: str, place: tuple[str, int]) -> str:
    """What an SMTP server says first (RFC 5321 3.1); on a running mailbox that is ours. Raises OSError."""
    try:
        with socket.create_connection(place, timeout=GREETING_SECONDS) as connection:
            line = connection.recv(512).partition(b"\r\n")[0].decode("ascii", "replace")
    except OSError:
        line = ""
    if not line.startswith("220 "):
        raise OSError(f"{address} is in use by a program that does not speak SMTP")
    return line
