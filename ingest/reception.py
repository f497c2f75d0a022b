"""Wires the receiving side: from settings to sockets, sessions and the group commit behind them."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from config.settings import Settings
from ingest import mail_log
from ingest.receiving.acceptance import Acceptance
from ingest.receiving.arriving import BareLineEnds, ContentLimits
from ingest.receiving.certificates import Certificates
from ingest.receiving.kept_files import NOTHING_KEPT, KeptFiles, kept_files
from ingest.receiving.listener import Crowd, Endpoint, Listener, Service
from ingest.receiving.recipient_policy import RecipientPolicy, networks, recipient_policy
from ingest.receiving.session_terms import SessionSettings, SessionWork
from ingest.receiving.sockets import expect_free, open_socket, remove_file, written
from ingest.receiving.spool import MemoryBudget
from ingest.receiving.steering import Steering
from ingest.receiving.users import Users
from storage.ids import new_id
from storage.records.mails import IncomingMail, Receipt
from storage.store import Store

FIRST_INHERITED_DESCRIPTOR = 3  # sd_listen_fds(3)
PORTAL = "portal"  # FileDescriptorName= of the socket that is not for mail
OTHERS = {"portal"}  # FileDescriptorName= of sockets that are not for mail
DRAIN_SECONDS = 25.0  # below the 30 s that the unit allows


def utc_now() -> datetime:
    """The clock of the programs."""
    return datetime.now(UTC)  # noqa: TID251  -- the wiring reads the clock


def policy(settings: Settings) -> RecipientPolicy:
    """Who may send, and to whom."""
    smtp = settings.smtp
    return recipient_policy(
        accepted_domains=smtp.accepted_domains,
        unknown_recipients=smtp.unknown_recipients,
        relays=smtp.relays,
    )


def usable_files(settings: Settings) -> KeptFiles:
    """What the files hold that receiving needs. Raises OSError, ValueError saying what is wrong with which."""
    smtp = settings.smtp
    return kept_files(smtp.tls_certificate, smtp.tls_key, smtp.users or None)


def certificates(settings: Settings, kept: KeptFiles = NOTHING_KEPT) -> Certificates | None:
    """The certificate of TLS, None when none is set. Raises OSError."""
    smtp = settings.smtp
    if smtp.tls_certificate is None:
        return None
    try:
        return Certificates(
            smtp.tls_certificate,
            smtp.tls_key,
            on_reloaded=lambda path: mail_log.certificate_loaded(str(path)),
            on_broken=lambda path, error: mail_log.certificate_broken(str(path), error),
            kept=kept.context(),
        )
    except OSError as error:
        raise OSError(f"smtp.tls_certificate: {error}") from error


def add_mails(store: Store, mails: Sequence[IncomingMail]) -> list[Receipt]:
    """Makes mails durable in one transaction. Raises StorageUnavailable."""
    return store.add_mails(mails)


def open_endpoints(settings: Settings, *, processes: int = 1) -> list[list[Endpoint]]:
    """What to listen on, for each process; sockets that systemd opened are shared by all of them.

    Raises ValueError and OSError naming the address that cannot be had; nothing is left open then.
    """
    wanted = [
        *((Service.SMTP, address) for address in settings.smtp.listen),
        *((Service.SMTPS, address) for address in settings.smtp.listen_tls),
        *((Service.LMTP, address) for address in settings.lmtp.listen),
    ]
    inherited = inherited_endpoints()
    if inherited:
        return [inherited] * processes
    opened: list[list[Endpoint]] = [[] for _ in range(processes)]
    try:
        for service, address in wanted:
            if processes > 1:
                expect_free(address)
            first = open_socket(address, shared=processes > 1)
            opened[0].append(_endpoint(first, service))
            for others in opened[1:]:
                # A Unix socket has one queue of connections, which all processes serve.
                unix = first.family == socket.AF_UNIX
                again = first if unix else open_socket(_same_port(address, first), shared=True)
                others.append(_endpoint(again, service))
    except BaseException:
        close_endpoints(opened)
        raise
    return opened


def close_endpoints(opened: Sequence[Sequence[Endpoint]]) -> None:
    """Closes the sockets, and removes the files of those that have one; not what systemd opened."""
    ours = not _inherited()
    for endpoint in {id(one.socket): one for endpoints in opened for one in endpoints}.values():
        endpoint.socket.close()
        if ours:
            remove_file(endpoint.address)


def _same_port(address: str, first: socket.socket) -> str:
    """The address with the port that the first socket got, for where it says 0."""
    return f"{address.rpartition(':')[0]}:{first.getsockname()[1]}"


def _endpoint(opened: socket.socket, service: Service) -> Endpoint:
    return Endpoint(opened, service, written(opened))


def inherited_endpoints() -> list[Endpoint]:
    """The sockets that systemd opened for us (sd_listen_fds(3)); FileDescriptorName= says what is spoken."""
    return [
        _endpoint(socket.socket(fileno=os.dup(descriptor)), _service(name))
        for descriptor, name in _inherited().items()
    ]


def _inherited() -> dict[int, str]:
    """The names of the inherited sockets that are for mail, by descriptor."""
    environment = os.environ  # noqa: TID251  -- not a setting: a message of systemd
    if environment.get("LISTEN_PID") != str(os.getpid()):
        return {}
    names = environment.get("LISTEN_FDNAMES", "").split(":")
    count = int(environment.get("LISTEN_FDS", "0"))
    names += [""] * (count - len(names))
    named = {FIRST_INHERITED_DESCRIPTOR + index: names[index] for index in range(count)}
    return {descriptor: name for descriptor, name in named.items() if name != PORTAL}


def _service(name: str) -> Service:
    return Service(name) if name in set(Service) else Service.SMTP


class Reception:
    """Takes mail in on some endpoints and makes it durable."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        endpoints: Sequence[Endpoint],
        *,
        on_committed: Callable[[], None] | None = None,
        steering: Steering | None = None,
        kept: KeptFiles = NOTHING_KEPT,
    ) -> None:
        """`steering` is for the first of several processes; `kept` stands in for files that are broken just now.

        Raises OSError or ValueError when the certificate or the file of users cannot be used.
        """
        smtp = settings.smtp
        self._store = store
        self._acceptance = Acceptance(
            partial(add_mails, store),
            on_committed=on_committed,
            expected=lambda: self._listener.mails_expected,
        )
        tls = certificates(settings, kept)
        self._listener = Listener(
            SessionSettings(
                hostname=smtp.hostname or socket.getfqdn(),
                content=ContentLimits(
                    max_octets=smtp.max_message_bytes, bare_line_ends=BareLineEnds(smtp.bare_line_ends)
                ),
                tls=tls.context if tls else None,
                require_tls=smtp.require_tls,
                policy=policy(settings),
                proxies=networks(smtp.proxies),
                xclient=networks(smtp.xclient),
                users=Users(smtp.users, mail_log.users_broken, kept=kept.users) if smtp.users else None,
            ),
            SessionWork(
                accept=self._acceptance.accept,
                known_recipient=self._known_recipient,
                now=utc_now,
                new_mail_id=new_id,
                log=mail_log,
                memory=MemoryBudget(),
                spool_folder=spool_folder(settings),
            ),
            endpoints,
            crowd=Crowd(smtp.max_sessions, smtp.max_sessions_per_peer),
            steering=steering,
        )

    @property
    def addresses(self) -> list[str]:
        """Where mail is taken, with real ports."""
        return self._listener.addresses

    async def start(self) -> None:
        """Takes connections. Raises OSError."""
        await self._listener.start()

    async def end(self) -> None:
        """Takes no more connections, finishes what is under way within the deadline."""
        await self._listener.drain(DRAIN_SECONDS)
        await self._acceptance.aclose()

    async def _known_recipient(self, address: str) -> bool:
        return await asyncio.to_thread(_is_known, self._store, address)


def spool_folder(settings: Settings) -> Path:
    """Where large mails wait while they arrive. Raises OSError when it cannot be made."""
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o750)
    return settings.data_dir


def _is_known(store: Store, address: str) -> bool:
    with store.reading() as records:
        return records.accounts.is_known_recipient(address)
