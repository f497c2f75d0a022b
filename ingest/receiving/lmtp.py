"""LMTP (RFC 2033): SMTP with a greeting of its own, and one reply to the mail for each recipient."""

from __future__ import annotations

from typing import ClassVar

from ingest.receiving.connection import commands_of
from ingest.receiving.replies import Reply
from ingest.receiving.session import SmtpSession, Transaction


class LmtpSession(SmtpSession):
    """One LMTP client, as a rule a mail server on the same machine."""

    known_but_not_offered: ClassVar[frozenset[str]] = frozenset(
        {"EHLO", "ETRN", "EXPN", "HELO", "HELP", "TURN"}
    )
    protocol_word: ClassVar[str] = "LMTP"
    greeting_first: ClassVar[Reply] = Reply.LHLO_FIRST
    greeting: ClassVar[Reply] = Reply.LMTP_GREETING

    async def smtp_LHLO(self, arg: str) -> None:  # noqa: N802
        """RFC 2033 4.1: as EHLO."""
        await self.smtp_EHLO(arg)

    def _answer(self, transaction: Transaction, reply: Reply, words: dict[str, str]) -> None:
        """RFC 2033 4.2: a reply for each RCPT that was accepted, in their order."""
        for _ in transaction.forward_paths:
            self._say(reply, **words)


LmtpSession.commands = commands_of(
    LmtpSession,
    *("AUTH", "BDAT", "DATA", "LHLO", "MAIL", "NOOP", "QUIT", "RCPT", "RSET", "STARTTLS", "VRFY", "XCLIENT"),
)
