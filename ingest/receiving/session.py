"""The commands of SMTP (RFC 5321 4.1), in their order and within their limits; says yes only to what is durable."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from ingest.receiving.addresses import BadPath, parse_forward_path, parse_reverse_path
from ingest.receiving.authentication import MECHANISMS, authenticate
from ingest.receiving.connection import CommandTooLong, PeerGone, commands_of
from ingest.receiving.content import DottedContent
from ingest.receiving.conversation import Conversation
from ingest.receiving.mail_parameters import parse_mail_parameters, parse_recipient_parameters
from ingest.receiving.mail_taking import MailTaking, Pace, Sender
from ingest.receiving.recipient_policy import is_among, recipient_verdict, relay_verdict
from ingest.receiving.replies import Reply, ehlo_lines
from ingest.receiving.xclient import XCLIENT_KEYWORD, parse_xclient

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.receiving.session_terms import SessionPlace, SessionSettings, SessionWork

_BDAT = re.compile(r"([0-9]{1,20})(?: +(LAST))?", re.IGNORECASE)


@dataclass(slots=True)
class Transaction:
    """What MAIL and RCPT said (RFC 5321 3.3)."""

    reverse_path: str
    smtputf8: bool
    forward_paths: list[str] = field(default_factory=list)  # accepted, in the order given, each as often
    asked: int = 0  # RCPT commands, refused ones too
    taking: MailTaking | None = None  # from the first BDAT on
    on_its_way: MailTaking | None = None  # the same, also after DATA
    broken: bool = False  # a chunk was refused


class SmtpSession(Conversation):
    """One SMTP client."""

    known_but_not_offered: ClassVar[frozenset[str]] = frozenset({"ETRN", "EXPN", "HELP", "LHLO", "TURN"})
    free_before_tls: ClassVar[frozenset[str]] = frozenset(
        {"EHLO", "HELO", "LHLO", "NOOP", "QUIT", "RSET", "STARTTLS", "XCLIENT"}
    )
    idle_commands: ClassVar[frozenset[str]] = frozenset(
        {"EHLO", "HELO", "LHLO", "NOOP", "RSET", "VRFY", "XCLIENT"}
    )
    protocol_word: ClassVar[str] = "ESMTP"
    greeting_first: ClassVar[Reply] = Reply.HELLO_FIRST

    def __init__(self, settings: SessionSettings, work: SessionWork, place: SessionPlace) -> None:
        super().__init__(settings, work, place)
        self.helo: str | None = None
        self.extended = False  # greeted with EHLO
        self.user: str | None = None  # who has authenticated
        self.transaction: Transaction | None = None
        self._failed_logins = 0

    @property
    def in_transaction(self) -> bool:
        """True from MAIL to the reply to the mail (RFC 5321 3.3)."""
        return self.transaction is not None

    @property
    def in_mail(self) -> bool:
        """True between the chunks of a mail (RFC 3030)."""
        return self.transaction is not None and self.transaction.taking is not None

    @property
    def octets_arrived(self) -> int:
        """Of the mail that is on its way; 0 between mails."""
        mail = self.transaction.on_its_way if self.transaction is not None else None
        return mail.size if mail is not None else 0

    def _forget_mail(self) -> None:
        self.transaction = None

    # The commands. `arg` is the rest of the line without spaces at its ends.

    async def smtp_HELO(self, arg: str) -> None:  # noqa: N802  -- the name that aiosmtpd gives to commands
        """RFC 5321 4.1.1.1."""
        if not arg:
            self._say(Reply.HELLO_SYNTAX)
            return
        self.helo, self.extended, self.transaction = arg, False, None
        self._say(Reply.HELLO, hostname=self._settings.hostname)

    async def smtp_EHLO(self, arg: str) -> None:  # noqa: N802
        """RFC 5321 4.1.1.1; offers what works here and nothing else."""
        if not arg:
            self._say(Reply.HELLO_SYNTAX)
            return
        self.helo, self.extended, self.transaction = arg, True, None
        self._reply(ehlo_lines(self._settings.hostname, tuple(self._keywords())))

    def _keywords(self) -> Sequence[str]:
        keywords = [
            f"SIZE {self._settings.content.max_octets}",  # RFC 1870
            "8BITMIME",  # RFC 6152
            "SMTPUTF8",  # RFC 6531
            "ENHANCEDSTATUSCODES",  # RFC 2034
            "CHUNKING",  # RFC 3030
            "PIPELINING",  # RFC 2920
        ]
        if self._settings.tls is not None and not self.tls:
            keywords.append("STARTTLS")  # RFC 3207
        if self._settings.users is not None and self.tls and self.user is None:
            keywords.append(f"AUTH {' '.join(MECHANISMS)}")  # RFC 4954
        if is_among(self._settings.xclient, self.connected_peer):
            keywords.append(XCLIENT_KEYWORD)
        return keywords

    async def smtp_MAIL(self, arg: str) -> None:  # noqa: N802
        """RFC 5321 4.1.1.2."""
        if self.helo is None:
            self._say(self.greeting_first)
        elif self.transaction is not None:
            self._say(Reply.MAIL_TWICE)
        else:
            refusal = None if self.user is not None else relay_verdict(self._settings.policy, self.peer)
            if refusal is None:
                self._begin_transaction(arg)
            elif self._settings.users is not None:
                self._say(Reply.AUTH_REQUIRED)
            else:
                self._say(refusal)

    def _begin_transaction(self, arg: str) -> None:
        if arg[:5].upper() != "FROM:":
            self._say(Reply.MAIL_SYNTAX)
            return
        path = parse_reverse_path(arg[5:].lstrip(" "))
        if isinstance(path, BadPath):
            self._say(Reply.BAD_REVERSE_PATH, reason=path.reason)
            return
        parameters = parse_mail_parameters(path.parameters)
        limit = self._settings.content.max_octets
        if isinstance(parameters, Reply):
            self._say(parameters)
        elif path.parameters and not self.extended:
            self._say(Reply.UNKNOWN_PARAMETER)
        elif parameters.size > limit:
            self._say(Reply.TOO_LARGE, limit=str(limit))
        elif not parameters.smtputf8 and not path.address.text.isascii():
            self._say(Reply.NEEDS_SMTPUTF8)
        else:
            self.transaction = Transaction(path.address.text, parameters.smtputf8)
            self._say(Reply.SENDER_OK)

    async def smtp_RCPT(self, arg: str) -> None:  # noqa: N802
        """RFC 5321 4.1.1.3."""
        transaction = self.transaction
        if transaction is None:
            self._say(Reply.MAIL_FIRST)
            return
        if transaction.taking is not None:
            self._say(Reply.BDAT_BEGUN)
            return
        if arg[:3].upper() != "TO:":
            self._say(Reply.RCPT_SYNTAX)
            return
        if transaction.asked >= self._settings.limits.max_recipients:
            self._say(Reply.TOO_MANY_RECIPIENTS)
            return
        transaction.asked += 1
        path = parse_forward_path(arg[3:].lstrip(" "))
        if isinstance(path, BadPath):
            self._say(Reply.BAD_FORWARD_PATH, reason=path.reason)
            return
        refusal = parse_recipient_parameters(path.parameters) if path.parameters else None
        if path.parameters and not self.extended:
            refusal = Reply.UNKNOWN_PARAMETER
        if refusal is None and not transaction.smtputf8 and not path.address.text.isascii():
            refusal = Reply.NEEDS_SMTPUTF8
        if refusal is None:
            refusal = await recipient_verdict(self._settings.policy, path.address, self._work.known_recipient)
        if refusal is None:
            transaction.forward_paths.append(path.address.text)
        self._say(refusal or Reply.RECIPIENT_OK)

    # The content.

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        """RFC 5321 4.1.1.4."""
        transaction = self.transaction
        if arg:
            self._say(Reply.NO_ARGUMENT_EXPECTED)
        elif transaction is None:
            self._say(Reply.MAIL_FIRST)
        elif transaction.taking is not None or transaction.broken:
            self._say(Reply.BDAT_BEGUN)
        elif not transaction.forward_paths:
            self._say(Reply.RCPT_FIRST)
        else:
            self._in_content = True
            self._say(Reply.START_CONTENT)
            taking = self._taking(transaction)
            if await self._read_dotted(taking):
                await self._finish(taking, transaction)

    async def smtp_BDAT(self, arg: str) -> None:  # noqa: N802
        """RFC 3030: the octets of the chunk follow in any case, and are read away before a refusal."""
        found = _BDAT.fullmatch(arg)
        if found is None:
            await self._end(Reply.BDAT_SYNTAX, "errors")  # nobody knows how many octets to pass over
            return
        size, last = int(found[1]), found[2] is not None
        transaction = self.transaction
        refusal = _chunk_refusal(transaction)
        if refusal is not None or transaction is None:
            if await self._read_chunk(None, size, last=last):
                self._say(refusal or Reply.MAIL_FIRST)
            return
        taking = transaction.taking = transaction.taking or self._taking(transaction)
        if not await self._read_chunk(taking, size, last=last):
            return
        if last:
            await self._finish(taking, transaction)
        elif taking.refusal is not None:
            transaction.taking, transaction.broken = None, True
            self._say(taking.refusal[0], limit=taking.refusal[1])
        else:
            self._say(Reply.CHUNK_TAKEN, octets=str(size))

    def _taking(self, transaction: Transaction) -> MailTaking:
        transaction.on_its_way = MailTaking(
            self._settings.content,
            self._work,
            reverse_path=transaction.reverse_path,
            forward_paths=tuple(dict.fromkeys(transaction.forward_paths)),
        )
        return transaction.on_its_way

    async def _read_dotted(self, taking: MailTaking) -> bool:
        """Read to the end of the mail; False when the session ends before it."""
        dotted = DottedContent()
        pace = self._pace()
        while True:
            block, after = dotted.feed(await self._read_some())
            await taking.take(block)
            if after is not None:
                self._put_back(after)
                self._in_content = False
                return True
            if not await self._goes_on(taking, pace.told(len(block))):
                return False

    async def _read_chunk(self, taking: MailTaking | None, size: int, *, last: bool) -> bool:
        """Read the octets of one chunk; those of a refused mail are dropped. False when the session ends before it."""
        self._in_content = True
        pace = self._pace()
        taking = taking or MailTaking.of_nobody(self._settings.content, self._work)
        left = size
        while left:
            octets = await self._read_some()
            if len(octets) > left:
                self._put_back(octets[left:])
                octets = octets[:left]
            left -= len(octets)
            await taking.take(taking.chunked.feed(octets, last=last and not left))
            if left and not await self._goes_on(taking, pace.told(len(octets))):
                return False
        self._in_content = False
        return True

    async def _goes_on(self, taking: MailTaking, fast_enough: bool) -> bool:
        """False, and the session is at its end, when a mail is far too large or comes too slowly."""
        if taking.endless:
            await self._end(Reply.TOO_LARGE, "endless", limit=str(self._settings.content.max_octets))
            return False
        if not fast_enough:
            await self._end(Reply.TOO_SLOW, "slow")
            return False
        return True

    def _pace(self) -> Pace:
        limits = self._settings.limits
        return Pace(self.loop.time, limits.min_octets_per_second, limits.patience_seconds)

    async def _finish(self, taking: MailTaking, transaction: Transaction) -> None:
        """Make the mail durable, then say yes (RFC 5321 6.1)."""
        sender = Sender(
            session=self.id,
            peer=self.peer,
            helo=self.helo,
            tls=self.tls,
            user=self.user,
            protocol=self._protocol(transaction.smtputf8),
            hostname=self._settings.hostname,
        )
        reply, words = await taking.file(sender)
        if reply is Reply.FILED:
            self._idle = self._commands = 0
            self._fresh = False
        self._answer(transaction, reply, words)
        self.transaction = None

    def _answer(self, transaction: Transaction, reply: Reply, words: dict[str, str]) -> None:  # noqa: ARG002
        """The reply to the whole mail."""
        self._say(reply, **words)

    def _protocol(self, smtputf8: bool) -> str:
        """The word after "with" in our Received field (RFC 3848, RFC 6531 4.3)."""
        if not self.extended:
            return "SMTP"
        word = f"UTF8{self.protocol_word.removeprefix('E')}" if smtputf8 else self.protocol_word
        return word + ("S" if self.tls else "") + ("A" if self.user else "")

    # The rest.

    async def smtp_RSET(self, arg: str) -> None:  # noqa: N802
        """RFC 5321 4.1.1.5."""
        if arg:
            self._say(Reply.NO_ARGUMENT_EXPECTED)
            return
        self.transaction = None
        self._say(Reply.OK)

    async def smtp_NOOP(self, arg: str) -> None:  # noqa: ARG002, N802
        """RFC 5321 4.1.1.9; the argument has no meaning."""
        self._say(Reply.OK)

    async def smtp_VRFY(self, arg: str) -> None:  # noqa: N802
        """RFC 5321 4.1.1.6 and 7.3: tells nobody which addresses exist."""
        self._say(Reply.CANNOT_VERIFY if arg else Reply.VRFY_SYNTAX)

    async def smtp_QUIT(self, arg: str) -> None:  # noqa: N802
        """RFC 5321 4.1.1.10."""
        if arg:
            self._say(Reply.NO_ARGUMENT_EXPECTED)
            return
        self.end = "quit"
        self._say(Reply.BYE, hostname=self._settings.hostname)

    async def smtp_STARTTLS(self, arg: str) -> None:  # noqa: N802
        """RFC 3207: afterwards the client is a stranger again (4.2)."""
        if arg:
            self._say(Reply.NO_ARGUMENT_EXPECTED)
        elif self._settings.tls is None:
            self._say(Reply.NOT_IMPLEMENTED)
        elif self.tls:
            self._say(Reply.TLS_TWICE)
        else:
            self._become_a_stranger()
            await self._secure(Reply.START_TLS.line())

    async def smtp_AUTH(self, arg: str) -> None:  # noqa: N802
        """RFC 4954, for hosts that are no relays; only under TLS, so that no password is in the clear."""
        users = self._settings.users
        if users is None:
            self._say(Reply.NOT_IMPLEMENTED)
        elif not self.tls:
            self._say(Reply.AUTH_NEEDS_TLS)
        elif not self.extended:
            self._say(self.greeting_first)
        elif self.user is not None:
            self._say(Reply.AUTH_TWICE)
        elif self.transaction is not None:
            self._say(Reply.AUTH_IN_TRANSACTION)
        else:
            outcome = await authenticate(self, users, arg)
            if isinstance(outcome, str):
                self.user = outcome
                self._say(Reply.AUTHENTICATED)
                return
            self._failed_logins += outcome is Reply.AUTH_FAILED
            if self._failed_logins >= self._settings.limits.max_failed_logins:
                self._say(outcome)
                await self._end(Reply.TOO_MANY_LOGINS, "errors")
            else:
                self._say(outcome)

    async def ask(self, challenge: str) -> str | None:
        """For the AUTH dialogue: send a challenge, the client's answer; None when it is no proper line."""
        self._say(Reply.AUTH_CONTINUES, challenge=challenge)
        try:
            line = await self._read_command_line()
        except CommandTooLong as error:
            if error.endless:
                raise PeerGone from None
            return None
        return line[:-2].decode("ascii") if line.isascii() and line.endswith(b"\r\n") else None

    async def smtp_XCLIENT(self, arg: str) -> None:  # noqa: N802
        """Postfix's XCLIENT, from the relays that may: what it says of its own client counts from now on."""
        if not is_among(self._settings.xclient, self.connected_peer):
            known = bool(self._settings.xclient)
            self._say(Reply.XCLIENT_REFUSED if known else Reply.NOT_IMPLEMENTED)
            return
        if self.transaction is not None:
            self._say(Reply.XCLIENT_IN_TRANSACTION)
            return
        claims = parse_xclient(arg)
        if claims is None:
            self._say(Reply.XCLIENT_SYNTAX)
            return
        self._become_a_stranger()
        self.peer = claims.peer or self.peer
        self.helo = claims.helo
        self.extended = bool(claims.extended)
        self.user = claims.login
        self._greet()

    def _become_a_stranger(self) -> None:
        """Forget everything that the client has said."""
        self.helo = self.transaction = self.user = None
        self.extended = False


def _chunk_refusal(transaction: Transaction | None) -> Reply | None:
    if transaction is None:
        return Reply.MAIL_FIRST
    if transaction.broken:
        return Reply.CHUNK_REFUSED
    return None if transaction.forward_paths else Reply.RCPT_FIRST


SmtpSession.commands = commands_of(
    SmtpSession,
    *("AUTH", "BDAT", "DATA", "EHLO", "HELO", "MAIL", "NOOP", "QUIT", "RCPT", "RSET", "STARTTLS", "VRFY"),
    "XCLIENT",
)
