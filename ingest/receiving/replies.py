"""The one table from an outcome to the SMTP reply with its enhanced status code (RFC 5321 4.2, RFC 3463)."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_UNPRINTABLE = re.compile(r"[^ -~]")
_PROTOCOL_ERRORS = frozenset({500, 501, 502, 503, 530, 555})


@dataclass(frozen=True, slots=True)
class ReplyRow:
    """One row of the table."""

    code: int  # RFC 5321 4.2.1
    enhanced: str  # RFC 3463; empty where RFC 2034 wants none (greeting, HELO, EHLO, 354)
    text: str  # one line; {words} are filled in by Reply.line


class Reply(Enum):
    """Every reply that a session can give, named by the outcome."""

    GREETING = ReplyRow(220, "", "{hostname} ESMTP")
    HELLO = ReplyRow(250, "", "{hostname}")
    OK = ReplyRow(250, "2.0.0", "Ok")
    SENDER_OK = ReplyRow(250, "2.1.0", "Ok")
    RECIPIENT_OK = ReplyRow(250, "2.1.5", "Ok")
    START_CONTENT = ReplyRow(354, "", "End the mail with <CRLF>.<CRLF>")
    FILED = ReplyRow(250, "2.0.0", "Ok: queued as {mail_id}")
    BYE = ReplyRow(221, "2.0.0", "{hostname} closing connection")
    CANNOT_VERIFY = ReplyRow(252, "2.5.0", "Cannot verify, but will take a mail and attempt to file it")
    START_TLS = ReplyRow(220, "2.0.0", "Ready to start TLS")

    STORE_AWAY = ReplyRow(451, "4.3.0", "The store is away, please try again later")
    INCIDENT = ReplyRow(451, "4.3.0", "Trouble on our side, please try again later; incident {incident}")
    TOO_MANY_RECIPIENTS = ReplyRow(452, "4.5.3", "Too many recipients, send the rest in another transaction")
    TIMEOUT = ReplyRow(421, "4.4.2", "Waited too long, closing connection")
    CLOSING = ReplyRow(421, "4.3.2", "Service closing, please try again later")
    TOO_MANY_SESSIONS = ReplyRow(421, "4.7.0", "Too many connections, please try again later")
    TOO_MANY_ERRORS = ReplyRow(421, "4.7.0", "Too many errors, closing connection")
    TOO_MANY_IDLE_COMMANDS = ReplyRow(421, "4.7.0", "Too many commands without a mail, closing connection")

    UNKNOWN_COMMAND = ReplyRow(500, "5.5.2", "Command not recognised")
    COMMAND_TOO_LONG = ReplyRow(500, "5.5.2", "Command line too long")
    COMMAND_LINE_END = ReplyRow(500, "5.5.2", "Command lines end with CRLF")
    CONTENT_LINE_TOO_LONG = ReplyRow(500, "5.5.2", "The mail has a line of more than {limit} octets")
    NO_ARGUMENT_EXPECTED = ReplyRow(501, "5.5.4", "This command takes no argument")
    HELLO_SYNTAX = ReplyRow(501, "5.5.4", "Syntax: EHLO hostname")
    MAIL_SYNTAX = ReplyRow(501, "5.5.4", "Syntax: MAIL FROM:<address> [parameters]")
    RCPT_SYNTAX = ReplyRow(501, "5.5.4", "Syntax: RCPT TO:<address>")
    VRFY_SYNTAX = ReplyRow(501, "5.5.4", "Syntax: VRFY address")
    PARAMETER_SYNTAX = ReplyRow(501, "5.5.4", "Bad value of a parameter")
    BAD_REVERSE_PATH = ReplyRow(501, "5.1.7", "Bad reverse-path: {reason}")
    BAD_FORWARD_PATH = ReplyRow(501, "5.1.3", "Bad forward-path: {reason}")
    NOT_IMPLEMENTED = ReplyRow(502, "5.5.1", "Command not implemented")
    HELLO_FIRST = ReplyRow(503, "5.5.1", "Send EHLO or HELO first")
    MAIL_FIRST = ReplyRow(503, "5.5.1", "Send MAIL first")
    RCPT_FIRST = ReplyRow(503, "5.5.1", "No valid recipients")
    MAIL_TWICE = ReplyRow(503, "5.5.1", "A transaction has begun already, send RSET first")
    TLS_TWICE = ReplyRow(503, "5.5.1", "TLS is in use already")
    TLS_REQUIRED = ReplyRow(530, "5.7.0", "Issue STARTTLS first")
    RELAY_REFUSED = ReplyRow(550, "5.7.1", "This host may not send mail here")
    DOMAIN_REFUSED = ReplyRow(550, "5.7.1", "No mail is taken for this domain")
    UNKNOWN_RECIPIENT = ReplyRow(550, "5.1.1", "No such mailbox here")
    TOO_LARGE = ReplyRow(552, "5.3.4", "The mail is larger than {limit} octets")
    NEEDS_SMTPUTF8 = ReplyRow(553, "5.6.7", "A non-ASCII address needs SMTPUTF8")
    UNKNOWN_PARAMETER = ReplyRow(555, "5.5.4", "A parameter is not recognised")

    @property
    def code(self) -> int:
        """The three-digit reply code (RFC 5321 4.2.1)."""
        return self.value.code

    @property
    def is_protocol_error(self) -> bool:
        """True for replies a correct client never gets; these count towards the limit of errors.

        Not the replies to single recipients: a relay may have many bad ones beside a good one in one transaction, and
        pipelines them all behind a MAIL that is refused.
        """
        if self in {Reply.BAD_FORWARD_PATH, Reply.MAIL_FIRST}:
            return False
        return self.value.code in _PROTOCOL_ERRORS or self is Reply.RELAY_REFUSED

    def text(self, **words: str) -> str:
        """The reply as one line without CRLF.

        `words` fill the placeholders of the row; what is not printable ASCII in them becomes "?", so that no
        word can begin a line of its own. Raises KeyError for a placeholder without a word.
        """
        row = self.value
        safe = {name: _UNPRINTABLE.sub("?", word) for name, word in words.items()}
        text = row.text.format(**safe)
        return f"{row.code} {row.enhanced} {text}" if row.enhanced else f"{row.code} {text}"

    def line(self, **words: str) -> bytes:
        """The reply as octets, CRLF included; see `text`."""
        return (self.text(**words) + "\r\n").encode("ascii") if words else _wordless_line(self)


@functools.cache
def _wordless_line(reply: Reply) -> bytes:
    """Most replies are always the same octets."""
    return (reply.text() + "\r\n").encode("ascii")


def ehlo_lines(hostname: str, keywords: Sequence[str]) -> bytes:
    """The whole reply to EHLO (RFC 5321 4.1.1.1): our name, then one keyword a line, CRLF included."""
    lines = [_UNPRINTABLE.sub("?", line) for line in (hostname, *keywords)]
    code = Reply.HELLO.code
    marked = [f"{code}-{line}\r\n" for line in lines[:-1]] + [f"{code} {lines[-1]}\r\n"]
    return "".join(marked).encode("ascii")
