"""Parameters of MAIL."""

from __future__ import annotations

import pytest

from ingest.receiving.mail_parameters import MailParameters, parse_mail_parameters, parse_recipient_parameters
from ingest.receiving.replies import Reply


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", MailParameters()),
        ("SIZE=0", MailParameters(size=0)),
        ("size=12 Body=8bitMIME SmtpUtf8", MailParameters(size=12, smtputf8=True)),
        ("BODY=7BIT", MailParameters()),
        ("SIZE", Reply.PARAMETER_SYNTAX),
        ("SIZE=-1", Reply.PARAMETER_SYNTAX),
        ("SIZE=1e3", Reply.PARAMETER_SYNTAX),
        ("SIZE=" + "9" * 21, Reply.PARAMETER_SYNTAX),
        ("SIZE=٣", Reply.PARAMETER_SYNTAX),
        ("BODY", Reply.PARAMETER_SYNTAX),
        ("BODY=BINARYMIME", Reply.PARAMETER_SYNTAX),
        ("SMTPUTF8=1", Reply.PARAMETER_SYNTAX),
        ("=5", Reply.PARAMETER_SYNTAX),
        ("SIZE==5", Reply.PARAMETER_SYNTAX),
        ("SIZE=1 SIZE=1", Reply.PARAMETER_SYNTAX),
        ("RET=HDRS ENVID=QQ314159 AUTH=<>", MailParameters()),
        ("RET=ALL", Reply.PARAMETER_SYNTAX),
        ("ENVID=a+2", Reply.PARAMETER_SYNTAX),
        ("ENVID=" + "x" * 101, Reply.PARAMETER_SYNTAX),
        ("AUTH=e+3Dmc2@example.com", MailParameters()),
        ("MT-PRIORITY=3", Reply.UNKNOWN_PARAMETER),
    ],
)
def test_mail_parameters(text: str, expected: MailParameters | Reply) -> None:
    """What is offered is understood, a bad value and an unknown name are told apart (RFC 5321 4.1.1.11)."""
    assert expected == parse_mail_parameters(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("NOTIFY=NEVER", None),
        ("notify=success,failure ORCPT=rfc822;Bob@Example.COM", None),
        ("NOTIFY=NEVER,SUCCESS", Reply.PARAMETER_SYNTAX),
        ("NOTIFY", Reply.PARAMETER_SYNTAX),
        ("ORCPT=Bob@Example.COM", Reply.PARAMETER_SYNTAX),
        ("NOTIFY=NEVER NOTIFY=NEVER", Reply.PARAMETER_SYNTAX),
        ("SIZE=1", Reply.UNKNOWN_PARAMETER),
    ],
)
def test_recipient_parameters(text: str, expected: Reply | None) -> None:
    """Those of DSN are taken, although a mail server that asks for nothing offered never sends them (RFC 3461)."""
    assert expected == parse_recipient_parameters(text)
