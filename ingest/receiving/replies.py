"""The one table from an outcome to the SMTP reply with its enhanced status code (RFC 5321 4.2, RFC 3463)."""

from __future__ import annotations

import functools
import re
from enum import Enum

_UNPRINTABLE = re.compile(r"[^ -~]")
_PROTOCOL_ERRORS = frozenset({500, 501, 502, 503, 504, 530, 535, 538, 555})


class Reply(Enum):
    """Every reply that a session can give, named by the outcome.

    Its values: the code (RFC 5321 4.2.1), the enhanced code (RFC 3463; empty where RFC 2034 wants none: greeting,
    HELO, EHLO, 354), and one line of text whose {words} are filled in by `line`.
    """

    def __init__(self, code: int, enhanced: str, text: str) -> None:
        self.code = code
        self.label = self.name.lower().replace("_", "-")  # the outcome in logs and metrics
        self.pattern = f"{code} {enhanced} {text}" if enhanced else f"{code} {text}"
        self.wordless = b"" if "{" in text else (self.pattern + "\r\n").encode("ascii")
        # Replies that a correct client never gets; these count towards the limit of errors. Not those to single
        # recipients: a relay may have many bad ones beside a good one in one transaction, and pipelines them all
        # behind a MAIL that is refused.
        self.is_protocol_error = (
            code in _PROTOCOL_ERRORS and self.name not in {"BAD_FORWARD_PATH", "MAIL_FIRST"}
        ) or self.name == "RELAY_REFUSED"

    GREETING = (220, "", "{hostname} ESMTP")
    LMTP_GREETING = (220, "", "{hostname} LMTP")
    HELLO = (250, "", "{hostname}")
    OK = (250, "2.0.0", "Ok")
    SENDER_OK = (250, "2.1.0", "Ok")
    RECIPIENT_OK = (250, "2.1.5", "Ok")
    START_CONTENT = (354, "", "End the mail with <CRLF>.<CRLF>")
    FILED = (250, "2.0.0", "Ok: queued as {mail_id}")
    BYE = (221, "2.0.0", "{hostname} closing connection")
    CANNOT_VERIFY = (252, "2.5.0", "Cannot verify, but will take a mail and attempt to file it")
    START_TLS = (220, "2.0.0", "Ready to start TLS")

    CHUNK_TAKEN = (250, "2.0.0", "{octets} octets received")
    AUTHENTICATED = (235, "2.7.0", "Authentication succeeded")
    AUTH_CONTINUES = (334, "", "{challenge}")

    STORE_AWAY = (451, "4.3.0", "The store is away, please try again later")
    INCIDENT = (451, "4.3.0", "Trouble on our side, please try again later; incident {incident}")
    NO_SPACE = (452, "4.3.1", "No room for the mail at present, please try again later")
    TOO_MANY_RECIPIENTS = (452, "4.5.3", "Too many recipients, send the rest in another transaction")
    TIMEOUT = (421, "4.4.2", "Waited too long, closing connection")
    TOO_SLOW = (421, "4.4.2", "The mail comes too slowly, closing connection")
    CLOSING = (421, "4.3.2", "Service closing, please try again later")
    TOO_MANY_SESSIONS = (421, "4.7.0", "Too many connections, please try again later")
    TOO_MANY_SESSIONS_OF_PEER = (
        421,
        "4.7.0",
        "Too many connections from your address, please try again later",
    )
    TOO_MANY_LOGINS = (421, "4.7.0", "Too many failed logins, closing connection")
    TOO_MANY_ERRORS = (421, "4.7.0", "Too many errors, closing connection")
    TOO_MANY_IDLE_COMMANDS = (421, "4.7.0", "Too many commands without a mail, closing connection")

    BAD_PROXY_HEADER = (421, "4.3.5", "The proxy in front of this server is not set up for it")
    AUTH_AWAY = (454, "4.7.0", "Temporary authentication failure")

    UNKNOWN_COMMAND = (500, "5.5.2", "Command not recognised")
    COMMAND_TOO_LONG = (500, "5.5.2", "Command line too long")
    COMMAND_LINE_END = (500, "5.5.2", "Command lines end with CRLF")
    CONTENT_LINE_TOO_LONG = (500, "5.5.2", "The mail has a line of more than {limit} octets")
    NO_ARGUMENT_EXPECTED = (501, "5.5.4", "This command takes no argument")
    HELLO_SYNTAX = (501, "5.5.4", "Syntax: EHLO hostname")
    MAIL_SYNTAX = (501, "5.5.4", "Syntax: MAIL FROM:<address> [parameters]")
    RCPT_SYNTAX = (501, "5.5.4", "Syntax: RCPT TO:<address>")
    VRFY_SYNTAX = (501, "5.5.4", "Syntax: VRFY address")
    PARAMETER_SYNTAX = (501, "5.5.4", "Bad value of a parameter")
    BAD_REVERSE_PATH = (501, "5.1.7", "Bad reverse-path: {reason}")
    BAD_FORWARD_PATH = (501, "5.1.3", "Bad forward-path: {reason}")
    BDAT_SYNTAX = (501, "5.5.4", "Syntax: BDAT size [LAST]")
    AUTH_SYNTAX = (501, "5.5.4", "Syntax: AUTH mechanism [initial-response]")
    AUTH_NOT_DECODED = (501, "5.5.2", "Cannot decode this response")
    AUTH_CANCELLED = (501, "5.7.0", "Authentication cancelled")
    XCLIENT_SYNTAX = (501, "5.5.4", "Bad XCLIENT attribute")
    NOT_IMPLEMENTED = (502, "5.5.1", "Command not implemented")
    HELLO_FIRST = (503, "5.5.1", "Send EHLO or HELO first")
    LHLO_FIRST = (503, "5.5.1", "Send LHLO first")
    MAIL_FIRST = (503, "5.5.1", "Send MAIL first")
    RCPT_FIRST = (503, "5.5.1", "No valid recipients")
    MAIL_TWICE = (503, "5.5.1", "A transaction has begun already, send RSET first")
    TLS_TWICE = (503, "5.5.1", "TLS is in use already")
    BDAT_BEGUN = (503, "5.5.1", "The mail has begun with BDAT, go on with it or send RSET")
    CHUNK_REFUSED = (503, "5.5.1", "An earlier chunk of this mail was refused, send RSET")
    AUTH_TWICE = (503, "5.5.1", "Already authenticated")
    AUTH_IN_TRANSACTION = (503, "5.5.1", "No authentication within a mail transaction")
    XCLIENT_IN_TRANSACTION = (503, "5.5.1", "No XCLIENT within a mail transaction")
    UNKNOWN_MECHANISM = (504, "5.5.4", "Authentication mechanism not supported")
    AUTH_REQUIRED = (530, "5.7.0", "Authentication required")
    AUTH_FAILED = (535, "5.7.8", "Name or password is wrong")
    AUTH_NEEDS_TLS = (538, "5.7.11", "Issue STARTTLS before authentication")
    TLS_REQUIRED = (530, "5.7.0", "Issue STARTTLS first")
    RELAY_REFUSED = (550, "5.7.1", "This host may not send mail here")
    DOMAIN_REFUSED = (550, "5.7.1", "No mail is taken for this domain")
    XCLIENT_REFUSED = (550, "5.7.0", "This host may not use XCLIENT")
    UNKNOWN_RECIPIENT = (550, "5.1.1", "No such mailbox here")
    TOO_LARGE = (552, "5.3.4", "The mail is larger than {limit} octets")
    HEADER_TOO_LARGE = (552, "5.3.4", "The header of the mail is larger than {limit} octets")
    NEEDS_SMTPUTF8 = (553, "5.6.7", "A non-ASCII address needs SMTPUTF8")
    TOO_MANY_HOPS = (554, "5.4.6", "The mail has gone through more than {limit} servers: a loop")
    BARE_LINE_END = (550, "5.6.0", "The mail has a CR or LF that stands alone")
    UNKNOWN_PARAMETER = (555, "5.5.4", "A parameter is not recognised")

    def text(self, **words: str) -> str:
        """The reply as one line without CRLF.

        `words` fill the placeholders of the row; what is not printable ASCII in them becomes "?", so that no
        word can begin a line of its own. Raises KeyError for a placeholder without a word.
        """
        return self.pattern.format(**{name: _UNPRINTABLE.sub("?", word) for name, word in words.items()})

    def line(self, **words: str) -> bytes:
        """The reply as octets, CRLF included; see `text`."""
        return self.wordless or (self.text(**words) + "\r\n").encode("ascii")


@functools.lru_cache(maxsize=256)
def ehlo_lines(hostname: str, keywords: tuple[str, ...]) -> bytes:
    """The whole reply to EHLO (RFC 5321 4.1.1.1): our name, then one keyword a line, CRLF included."""
    lines = [_UNPRINTABLE.sub("?", line) for line in (hostname, *keywords)]
    code = Reply.HELLO.code
    marked = [f"{code}-{line}\r\n" for line in lines[:-1]] + [f"{code} {lines[-1]}\r\n"]
    return "".join(marked).encode("ascii")
