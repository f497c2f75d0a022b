"""Hands mails to the smarthost over SMTP (RFC 5321), by aiosmtplib."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage

import aiosmtplib
import tenacity

_SECONDS = 60  # for each command
_TRIES = 3  # to connect, before the mails wait for minutes
_LONGEST_REPLY = 500  # characters of a reply that are kept


@dataclass(frozen=True, slots=True)
class Taken:
    """The smarthost is responsible now."""

    reply: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The smarthost did not take a mail; `permanent` for 5yz replies (RFC 5321 4.2.1)."""

    reply: str
    permanent: bool


Answer = Taken | Refused


class NoSmarthost(Exception):  # noqa: N818  -- says what is the matter
    """It could not be reached, or it did not let us in; nothing was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Smarthost:
    """Where it is and how it is spoken to."""

    host: str
    port: int
    tls: str  # "when-offered", "required", "implicit", "off"
    user: str
    password: str = field(repr=False)
    local_hostname: str

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Conversation]:
        """A connection for some mails. Raises NoSmarthost."""
        client = await self._connect()
        try:
            yield Conversation(client)
        finally:
            await _leave(client)

    async def _connect(self) -> aiosmtplib.SMTP:
        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(
                (aiosmtplib.SMTPConnectError, aiosmtplib.SMTPTimeoutError)
            ),
            wait=tenacity.wait_exponential_jitter(multiplier=0.5, max=5, jitter=0.5),
            stop=tenacity.stop_after_attempt(_TRIES),
            reraise=True,
        )
        try:
            return await retrying(self._connect_once)
        except (aiosmtplib.SMTPException, OSError, ssl.SSLError) as error:
            raise NoSmarthost(_words(error)) from error

    async def _connect_once(self) -> aiosmtplib.SMTP:
        client = aiosmtplib.SMTP(
            hostname=self.host,
            port=self.port,
            timeout=_SECONDS,
            local_hostname=self.local_hostname,
            use_tls=self.tls == "implicit",
            start_tls={"required": True, "when-offered": None}.get(self.tls, False),
            tls_context=self._tls_context(),
            username=self.user or None,
            password=self.password or None,
        )
        try:
            await client.connect()
        except BaseException:
            _hang_up(client)
            raise
        return client

    def _tls_context(self) -> ssl.SSLContext | None:
        if self.tls == "off":
            return None
        context = ssl.create_default_context()
        if self.tls == "when-offered" and not self.user:
            # Against listeners only: whoever would pose as the smarthost could as well not offer TLS.
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


class Conversation:
    """A connection to the smarthost, one mail after the other."""

    def __init__(self, client: aiosmtplib.SMTP) -> None:
        self._client = client

    async def send(self, mail_from: str, recipient: str, message: EmailMessage) -> Answer:
        """One mail to one recipient. Raises NoSmarthost when the connection is lost."""
        octets = message.as_bytes()
        try:
            utf8 = not recipient.isascii() or not mail_from.isascii()
            options = ["SMTPUTF8", "BODY=8BITMIME"] if utf8 else None
            _, reply = await self._client.sendmail(mail_from, [recipient], octets, mail_options=options)
        except aiosmtplib.SMTPRecipientsRefused as error:
            return _refused(error.recipients[0])
        except aiosmtplib.SMTPResponseException as error:
            if error.code in (421, -1):
                raise NoSmarthost(_words(error)) from error
            return _refused(error)
        except (aiosmtplib.SMTPException, OSError) as error:
            raise NoSmarthost(_words(error)) from error
        return Taken(_line(f"250 {reply}"))


async def _leave(client: aiosmtplib.SMTP) -> None:
    transport = client.transport
    try:
        await client.quit(timeout=5)
    except (aiosmtplib.SMTPException, OSError):
        client.close()
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()  # all is said; TLS would wait half a minute for the other side's farewell


def _hang_up(client: aiosmtplib.SMTP) -> None:
    transport = client.transport
    client.close()
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()


def _refused(error: aiosmtplib.SMTPResponseException) -> Refused:
    return Refused(_words(error), permanent=500 <= error.code < 600)


def _words(error: BaseException) -> str:
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return _line(f"{error.code} {error.message}")
    return _line(str(error) or type(error).__name__)


def _line(text: str) -> str:
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:_LONGEST_REPLY]
