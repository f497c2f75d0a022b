"""A real listener on a free port with a store in memory, and a client that talks to it octet by octet."""

from __future__ import annotations

import asyncio
import gc
import itertools
import ssl
import tempfile
import threading
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ingest.receiving.acceptance import Acceptance
from ingest.receiving.arriving import BareLineEnds, ContentLimits
from ingest.receiving.listener import Crowd, Endpoint, Listener, Service
from ingest.receiving.recipient_policy import networks, recipient_policy
from ingest.receiving.session_terms import SessionLimits, SessionSettings, SessionWork
from ingest.receiving.sockets import open_socket, written
from ingest.receiving.spool import MemoryBudget
from ingest.receiving.users import Users, password_line
from storage.errors import StorageUnavailable
from storage.records.mails import Receipt

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Sequence

    from storage.records.mails import IncomingMail

RECEIVED_AT = datetime(2026, 11, 24, 8, 30, tzinfo=UTC)
PATIENCE = 20.0  # seconds after which a test that waits is taken for hanging
POLICY_KEYS = {"accepted_domains", "unknown_recipients", "relays"}
LIMIT_KEYS = {
    "timeout_seconds",
    "max_command_octets",
    "max_recipients",
    "max_errors",
    "max_failed_logins",
    "max_idle_commands",
    "max_commands",
    "min_octets_per_second",
    "patience_seconds",
}
CONTENT_KEYS = {
    "max_message_bytes": "max_octets",
    "max_content_line_octets": "max_line_octets",
    "max_header_octets": "max_header_octets",
    "max_hops": "max_hops",
    "bare_line_ends": "bare_line_ends",
}
NETWORK_KEYS = {"proxies", "xclient"}


@dataclass
class StoreInMemory:
    """Commits into a list; knows a transfer again by its digest, as the real store does."""

    mood: str = "well"  # "well", "away", "broken"
    known: frozenset[str] = frozenset()
    mails: list[IncomingMail] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)  # a commit waits for it
    begun: threading.Event = field(default_factory=threading.Event)

    def commit(self, mails: Sequence[IncomingMail]) -> list[Receipt]:
        self.begun.set()
        assert self.gate.wait(PATIENCE)
        if self.mood == "away":
            raise StorageUnavailable("the password of the database is hunter2")
        if self.mood == "broken":
            raise RuntimeError("the password of the database is hunter2")
        self.batches.append(len(mails))
        return [self._store(mail) for mail in mails]

    def _store(self, mail: IncomingMail) -> Receipt:
        for earlier in self.mails:
            if earlier.transfer_digest == mail.transfer_digest:
                return Receipt(mail_id=earlier.id, duplicate=True)
        self.mails.append(mail)
        return Receipt(mail_id=mail.id, duplicate=False)

    async def is_known(self, address: str) -> bool:
        if self.mood == "away":
            raise StorageUnavailable
        if self.mood == "broken":
            raise ConnectionResetError("the database has gone")
        return address in self.known


@dataclass
class LogInMemory:
    """Keeps what sessions tell, as (event, facts)."""

    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __getattr__(self, event: str) -> Callable[..., None]:
        if event not in {"connected", "closed", "rejected", "accepted", "failed", "not_spilled"}:
            raise AttributeError(event)
        return lambda **facts: self.events.append((event, facts))

    def of(self, event: str) -> list[dict[str, Any]]:
        return [facts for name, facts in self.events if name == event]


@dataclass
class Client:
    """One TCP connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, octets: bytes) -> None:
        self.writer.write(octets)
        await self.writer.drain()

    async def line(self) -> bytes:
        async with asyncio.timeout(PATIENCE):
            return await self.reader.readline()

    async def reply(self) -> list[bytes]:
        """The lines of one reply, without CRLF; empty at the end of the connection."""
        lines = []
        while line := await self.line():
            assert line.endswith(b"\r\n")
            lines.append(line[:-2])
            if line[3:4] != b"-":
                break
        return lines

    async def ask(self, *commands: bytes) -> list[bytes]:
        """Send commands one by one; the last line of each reply."""
        answers = []
        for command in commands:
            await self.send(command + b"\r\n")
            answers.append((await self.reply())[-1])
        return answers

    async def rest(self) -> bytes:
        """Everything up to the end of the connection; a reset counts as the end."""
        async with asyncio.timeout(PATIENCE):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b"(reset)"

    async def begin_mail(self) -> None:
        """From the greeting to the 354."""
        assert (await self.reply())[-1].startswith(b"220 ")
        answers = await self.ask(b"EHLO client.example", b"MAIL FROM:<a@x.example>", b"RCPT TO:<b@y.example>")
        assert [answer[:3] for answer in answers] == [b"250"] * 3
        assert (await self.ask(b"DATA"))[0].startswith(b"354 ")

    async def start_tls(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        await self.writer.start_tls(context)

    async def close(self) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except (ConnectionError, ssl.SSLError):
            return


@dataclass
class Mailbox:
    """What a test holds in its hands."""

    listener: Listener
    store: StoreInMemory
    log: LogInMemory
    acceptance: Acceptance
    clients: list[Client] = field(default_factory=list)

    @property
    def port(self) -> int:
        return int(self.listener.addresses[0].rpartition(":")[2])

    async def connect(self) -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port))
        self.clients.append(client)
        return client

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                await asyncio.sleep(0.005)


def _settings(wanted: dict[str, Any]) -> SessionSettings:
    def taken(keys: Iterable[str]) -> dict[str, Any]:
        return {key: wanted.pop(key) for key in list(keys) if key in wanted}

    policy = {"relays": ["127.0.0.0/8"]} | taken(POLICY_KEYS)
    limits = taken(LIMIT_KEYS)
    content: dict[str, Any] = {CONTENT_KEYS[key]: value for key, value in taken(CONTENT_KEYS).items()}
    content["bare_line_ends"] = BareLineEnds(content.get("bare_line_ends", "keep"))
    among = {key: networks(value) for key, value in taken(NETWORK_KEYS).items()}
    context = wanted.pop("tls_context", None)
    if "users" in wanted:
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(password_line(*wanted["users"].split(":")))
            file.flush()
            wanted["users"] = Users(Path(file.name))
    return SessionSettings(
        **({"hostname": "mx.example.com"} | among | wanted),
        content=ContentLimits(**({"max_octets": 36_700_160} | content)),
        tls=(lambda: context) if context is not None else None,
        policy=recipient_policy(**policy),
        limits=SessionLimits(**limits),
    )


@asynccontextmanager
async def _mailbox(
    *,
    mood: str = "well",
    known: Sequence[str] = (),
    gate_open: bool = True,
    max_sessions: int = 1000,
    max_sessions_per_peer: int = 500,
    service: str = "smtp",
    spool_folder: Path | None = None,
    memory: int = 16 * 1024 * 1024,
    **wanted: Any,
) -> AsyncIterator[Mailbox]:
    store = StoreInMemory(mood=mood, known=frozenset(known))
    if gate_open:
        store.gate.set()
    log = LogInMemory()
    acceptance = Acceptance(store.commit)
    numbers = itertools.count(1)
    work = SessionWork(
        accept=acceptance.accept,
        known_recipient=store.is_known,
        now=lambda: RECEIVED_AT,
        new_mail_id=lambda: f"mail-{next(numbers)}",
        log=log,
        memory=MemoryBudget(memory),
        spool_folder=spool_folder or Path(tempfile.gettempdir()),
    )
    opened = open_socket("127.0.0.1:0")
    endpoint = Endpoint(opened, Service(service), written(opened))
    crowd = Crowd(max_sessions, max_sessions_per_peer)
    listener = Listener(_settings(wanted), work, [endpoint], crowd=crowd)
    await listener.start()
    box = Mailbox(listener, store, log, acceptance)
    unhandled: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unhandled.append(context))
    try:
        yield box
    finally:
        store.gate.set()
        for client in box.clients:
            await client.close()
        await listener.drain(2)
        await acceptance.aclose()
    gc.collect()  # a task that died unseen is told of when it is collected
    assert unhandled == []


@pytest.fixture
def mailbox() -> Callable[..., Any]:
    """A function that opens a mailbox: `async with mailbox(max_message_bytes=100) as box`."""
    return _mailbox


@pytest.fixture(scope="session")
def tls_context(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A server's context with a certificate signed by itself."""
    folder: Path = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mx.example.com")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return context
